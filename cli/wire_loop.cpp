#include "cli/wire_loop.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <ctime>

namespace lode::cli::wire {

constexpr milliseconds tick{100};

loop::loop(std::function<void()> on_tick) : on_tick_(std::move(on_tick)) {
  signals_.async_wait([this](const error_code& ec, int) { interrupted_ = interrupted_ || !ec; });
}

std::optional<wire_problem> loop::wait_once(clock::time_point deadline) {
  const auto now = clock::now();
  if (interrupted_) return wire_problem::interrupted;
  if (now >= deadline) return wire_problem::late;
  if (now >= next_tick_) {
    if (on_tick_) on_tick_();
    next_tick_ = now + tick;
  }
  io_.run_one_until(std::min(deadline, next_tick_));
  return std::nullopt;
}

bool loop::pause_until(clock::time_point end) {
  while (true) {
    const auto stopped = wait_once(end);
    if (stopped) return *stopped == wire_problem::late;
  }
}

wire_error error_of(std::optional<wire_problem> stopped, const error_code& ec, wire_problem failed,
                    std::string_view what) {
  if (stopped == wire_problem::interrupted) return {*stopped, {}};
  if (stopped) return {*stopped, std::string{what}};
  // An alert of the other side, such as "certificate required".
  if (ec.category() == asio::error::get_ssl_category() && failed != wire_problem::untrusted &&
      ERR_GET_REASON(static_cast<unsigned long>(ec.value())) >= SSL_AD_REASON_OFFSET)
    failed = wire_problem::untrusted;
  return {failed, fmt::format("{}: {}", what, ec.message())};
}

wire_result<tcp::socket> connect(loop& l, const std::string& host, const std::string& port, clock::time_point by) {
  const auto found = addresses_of(l, host, port, by);
  if (!found) return found.error();
  tcp::socket socket{l.io()};
  error_code ec;
  const auto stopped = l.await(
      by, ec, [&](auto done) { asio::async_connect(socket, *found, done); },
      [&] {
        error_code ignored;
        socket.close(ignored);
      });
  if (stopped || ec) {
    auto e = error_of(stopped, ec, wire_problem::unreachable, "no connection");
    if (e.problem == wire_problem::late) e = {wire_problem::unreachable, "no connection in time"};
    return e;
  }
  socket.set_option(tcp::no_delay{true}, ec);
  return socket;
}

wire_result<std::unique_ptr<asio::ssl::context>> tls_context(const tls_files& files) {
  auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
  error_code ec;
  const auto failed = [&](const std::string& what, const std::string& file) {
    return wire_error{wire_problem::files, fmt::format("{} {}: {}", what, file, ec.message())};
  };
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  context->set_verify_mode(asio::ssl::verify_peer, ec);
  if (files.ca.empty()) {
    context->set_default_verify_paths(ec);
    if (ec) return failed("the system's authorities", "");
  } else {
    context->load_verify_file(files.ca, ec);
    if (ec) return failed("the authority's file", files.ca);
  }
  if (!files.certificate.empty()) {
    context->use_certificate_chain_file(files.certificate, ec);
    if (ec) return failed("the certificate", files.certificate);
    const auto& key = files.key.empty() ? files.certificate : files.key;
    context->use_private_key_file(key, asio::ssl::context::pem, ec);
    if (ec) return failed("the certificate's key", key);
  }
  return context;
}

wire_result<std::unique_ptr<tls_stream>> secure(loop& l, tcp::socket socket, asio::ssl::context& context,
                                                const std::string& host, clock::time_point by) {
  auto stream = std::make_unique<tls_stream>(std::move(socket), context);
  error_code ec;
  asio::ip::make_address(host, ec);
  // A name tells the server which certificate is meant; an address must not be sent (RFC 6066).
  if (ec) SSL_set_tlsext_host_name(stream->native_handle(), host.c_str());
  stream->set_verify_callback(asio::ssl::host_name_verification{host}, ec);
  const auto stopped = l.await(
      by, ec, [&](auto done) { stream->async_handshake(asio::ssl::stream_base::client, done); },
      [&] {
        error_code ignored;
        stream->next_layer().close(ignored);
      });
  if (!stopped && !ec) return stream;
  const auto verdict = SSL_get_verify_result(stream->native_handle());
  if (!stopped && verdict != X509_V_OK)
    return wire_error{wire_problem::untrusted, X509_verify_cert_error_string(verdict)};
  if (!stopped && ec.category() == asio::error::get_ssl_category() &&
      ERR_GET_REASON(static_cast<unsigned long>(ec.value())) == SSL_R_WRONG_VERSION_NUMBER)
    return wire_error{wire_problem::untrusted, "what listens there does not speak TLS (is its address http:// ?)"};
  return error_of(stopped, ec, wire_problem::untrusted, "TLS");
}

std::string rfc3339(const ASN1_TIME* time) {
  std::tm parts{};
  if (!time || ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string peer_certificate_end(tls_stream& s) {
  const std::unique_ptr<X509, void (*)(X509*)> shown{SSL_get1_peer_certificate(s.native_handle()), X509_free};
  return shown ? rfc3339(X509_get0_notAfter(shown.get())) : std::string{};
}

}  // namespace lode::cli::wire
