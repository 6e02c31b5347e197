#include "links/webhook_exchange.hpp"

#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <fmt/format.h>

#include <optional>

namespace lode::links {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr std::uint32_t max_head_bytes = 16 * 1024;
constexpr int max_interim = 8;
using resolver = asio::ip::basic_resolver<asio::ip::tcp, strand>;
using request_message = bhttp::request<bhttp::string_body>;
using answer_parser = bhttp::response_parser<bhttp::string_body>;
using tls_stream = ssl::stream<tcp_socket&>;

webhook_reply refused(std::string why) { return {false, std::move(why)}; }

strand_task<std::vector<tcp_endpoint>> look_up(std::shared_ptr<webhook_attempt> a, const webhook_url& to) {
  std::vector<tcp_endpoint> out;
  error_code ec;
  const auto literal = asio::ip::make_address(to.host, ec);
  if (!ec) {
    out.emplace_back(literal, to.port);
    co_return out;
  }
  resolver names{a->on};
  const auto found = co_await names.async_resolve(
      to.host, std::to_string(to.port), asio::ip::resolver_base::numeric_service, asio::redirect_error(await, ec));
  if (ec) a->finish(refused("the receiver's name was not found: " + ec.message()));
  for (const auto& entry : found) out.push_back(entry.endpoint());
  co_return out;
}

/// Tries one address after the other; false when none answers.
strand_task<bool> reach(std::shared_ptr<webhook_attempt> a, const std::vector<tcp_endpoint>& where,
                        steady_time deadline) {
  error_code ec;
  a->stage = "its connection";
  for (std::size_t i = 0; i < where.size() && !a->over(); ++i) {
    const auto t = a->fresh_transfer();
    // A silent address must leave time for the next one.
    const auto now = std::chrono::steady_clock::now();
    // The last one is ended by the attempt's own deadline, which says so.
    const auto by = i + 1 < where.size() ? now + (deadline - now) / 2 : deadline + std::chrono::seconds{1};
    ec = co_await connect(t, where[i], by);
    if (!ec) {
      t->disarm();
      co_return true;
    }
  }
  a->finish(refused("no connection to the receiver: " + ec.message()));
  co_return false;
}

std::string tls_problem(const error_code& ec, SSL* native) {
  const long verdict = SSL_get_verify_result(native);
  if (verdict == X509_V_OK) return "the TLS handshake failed: " + ec.message();
  return fmt::format("the receiver's certificate was refused: {}", X509_verify_cert_error_string(verdict));
}

bool expect_host(SSL* native, const std::string& host) {
  error_code ec;
  asio::ip::make_address(host, ec);
  X509_VERIFY_PARAM* const rules = SSL_get0_param(native);
  if (!ec) return X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str()) == 1;
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_host(rules, host.c_str(), host.size()) == 1 &&
         SSL_set_tlsext_host_name(native, host.c_str()) == 1;
}

webhook_reply verdict_on(unsigned status) {
  if (status == 200 || status == 201) return {true, {}};
  if (status / 100 == 3) return refused(fmt::format("answered {}, a redirect, which is not followed", status));
  return refused(fmt::format("answered {}", status));
}

template <class Stream>
strand_task<void> exchange_over(Stream& stream, std::shared_ptr<webhook_attempt> a, request_message& message,
                                std::size_t max_reply_bytes) {
  error_code ec;
  a->stage = "its answer";
  error_code sent;
  // A receiver may answer before it has read everything, so a failed write is no reason not to look for an answer.
  co_await bhttp::async_write(stream, message, asio::redirect_error(await, sent));
  beast::flat_buffer buffer;
  std::optional<answer_parser> parser;
  for (int i = 0; i <= max_interim && !a->over(); ++i) {
    parser.emplace();
    parser->header_limit(max_head_bytes);
    parser->body_limit(max_reply_bytes);
    co_await bhttp::async_read_header(stream, buffer, *parser, asio::redirect_error(await, ec));
    if (ec) co_return a->finish(refused("no answer: " + ec.message()));
    if (parser->get().result_int() / 100 != 1) break;
    if (i == max_interim) co_return a->finish(refused("nothing but interim answers"));
  }
  if (a->over()) co_return;
  const auto verdict = verdict_on(parser->get().result_int());
  // A success that says where it ends must come whole: whoever breaks off may not have kept the event.
  if (verdict.acknowledged && !parser->is_done() && !parser->need_eof()) {
    co_await bhttp::async_read(stream, buffer, *parser, asio::redirect_error(await, ec));
    if (ec && ec != bhttp::error::body_limit) co_return a->finish(refused("the answer was cut off: " + ec.message()));
  }
  a->finish(verdict);
}

strand_task<void> exchange_over_tls(std::shared_ptr<webhook_attempt> a, const webhook_url& to, request_message& message,
                                    ssl::context& tls, std::size_t max_reply_bytes) {
  const auto t = a->connection;
  tls_stream stream{t->socket, tls};
  if (!expect_host(stream.native_handle(), to.host))
    co_return a->finish(refused("the receiver's name cannot be verified"));
  error_code ec;
  a->stage = "the TLS handshake";
  co_await stream.async_handshake(ssl::stream_base::client, asio::redirect_error(await, ec));
  if (ec) co_return a->finish(refused(tls_problem(ec, stream.native_handle())));
  co_await exchange_over(stream, a, message, max_reply_bytes);
}

}  // namespace

void webhook_attempt::expire_at(steady_time by) {
  timer.expires_at(by);
  timer.async_wait([self = shared_from_this()](error_code ec) {
    if (!ec) self->finish(refused(std::string{"no end in time of "} + self->stage));
  });
}

void webhook_attempt::finish(webhook_reply r) {
  if (over()) return;
  const auto tell = std::exchange(done, nullptr);
  timer.cancel();
  if (connection) connection->stop();
  tell(std::move(r));
}

const std::shared_ptr<transfer>& webhook_attempt::fresh_transfer() {
  connection = std::make_shared<transfer>(on);
  return connection;
}

strand_task<void> run_attempt(std::shared_ptr<webhook_attempt> a, webhook_url to, webhook_message message,
                              std::shared_ptr<ssl::context> tls, steady_time deadline, std::size_t max_reply_bytes) {
  const auto where = co_await look_up(a, to);
  if (a->over()) co_return;
  const bool reached = co_await reach(a, where, deadline);
  if (!reached || a->over()) co_return;
  request_message request{bhttp::verb::post, to.target, 11};
  request.set(bhttp::field::host, to.host_field);
  request.set(bhttp::field::user_agent, "loded");
  request.set(bhttp::field::content_type, "application/json");
  request.set(bhttp::field::accept, "application/json, */*");
  request.set(bhttp::field::connection, "close");
  if (!to.authorization.empty()) request.set(bhttp::field::authorization, to.authorization);
  for (const auto& [name, value] : message.headers) request.set(name, value);
  request.body() = std::move(message.body);
  request.prepare_payload();
  // Held here as well: the attempt may be finished, and the buffers must outlive the operations.
  const auto t = a->connection;
  if (tls)
    co_await exchange_over_tls(a, to, request, *tls, max_reply_bytes);
  else
    co_await exchange_over(t->socket, a, request, max_reply_bytes);
}

}  // namespace lode::links
