#include "bench/load/target.hpp"

#include "bench/load/rest.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace lode::bench {
namespace {

namespace asio = boost::asio;
namespace ssl = asio::ssl;

constexpr std::chrono::seconds patience{10};

std::string refusal(const std::string& what, const std::string& file, const boost::system::error_code& ec) {
  return fmt::format("{} {}: {}", what, file, ec.message());
}

result<std::unique_ptr<ssl::context>> tls_of(const target_options& o) {
  auto tls = std::make_unique<ssl::context>(ssl::context::tls_client);
  boost::system::error_code ec;
  SSL_CTX_set_min_proto_version(tls->native_handle(), TLS1_2_VERSION);
  // Whoever is asked for a passphrase cannot run unattended.
  tls->set_password_callback([](std::size_t, ssl::context::password_purpose) { return std::string{}; }, ec);
  tls->set_verify_mode(o.insecure ? ssl::verify_none : ssl::verify_peer, ec);
  if (o.ca.empty())
    tls->set_default_verify_paths(ec);
  else
    tls->load_verify_file(o.ca, ec);
  if (ec) return error{errc::config_invalid, refusal("--ca", o.ca, ec)};
  if (o.cert.empty() != o.key.empty()) return error{errc::config_invalid, "--cert and --key go together"};
  if (!o.cert.empty()) {
    tls->use_certificate_chain_file(o.cert, ec);
    if (ec) return error{errc::config_invalid, refusal("--cert", o.cert, ec)};
    tls->use_private_key_file(o.key, ssl::context::pem, ec);
    if (ec) return error{errc::config_invalid, refusal("--key", o.key, ec)};
  }
  return tls;
}

bool on_this_machine(const asio::ip::tcp::endpoint& at) { return at.address().is_loopback(); }

task<std::string> try_it(connection& c, const std::string& headers, bool tls) {
  const bool opened = co_await c.open(clock::now() + patience);
  if (!opened) co_return c.problem().empty() ? "no connection" : c.problem();
  if (!tls) co_return std::string{};
  // With TLS 1.3 a client learns only by reading that its certificate, or the lack of one, was refused.
  const std::string request = plain_request("GET", headers, "/");
  const auto answer = co_await c.exchange(request, clock::now() + patience);
  if (answer) co_return std::string{};
  co_return fmt::format("{} after the TLS handshake: it may want a client certificate (--cert, --key)",
                        to_string(answer.error()));
}

/// Empty when a connection could be made, else why not.
std::string try_connection(const peer_address& peer, const std::string& headers) {
  asio::io_context io{1};
  connection c{io.get_executor(), peer};
  std::string problem = "no answer";
  asio::co_spawn(io.get_executor(), try_it(c, headers, peer.tls != nullptr),
                 [&](const std::exception_ptr& thrown, std::string what) {
                   if (!thrown) problem = std::move(what);
                 });
  io.run_for(patience);
  c.close();
  io.restart();
  io.run();
  return problem;
}

}  // namespace

result<base_url> parse_base_url(std::string_view url) {
  const error expected{errc::config_invalid,
                       fmt::format("expected http://HOST[:PORT] or https://HOST[:PORT], got {}", url)};
  base_url u;
  if (url.starts_with("https://"))
    u.tls = true;
  else if (!url.starts_with("http://"))
    return expected;
  url.remove_prefix(url.find("//") + 2);
  u.port = u.tls ? "443" : "80";
  if (url.ends_with('/')) url.remove_suffix(1);
  u.authority = url;
  std::string_view rest;
  if (url.starts_with('[')) {
    const std::size_t end = url.find(']');
    if (end == std::string_view::npos) return expected;
    u.host = url.substr(1, end - 1);
    rest = url.substr(end + 1);
  } else {
    const std::size_t colon = std::min(url.find(':'), url.size());
    u.host = url.substr(0, colon);
    rest = url.substr(colon);
  }
  if (u.host.empty() || u.host.find_first_of("/?#@ \r\n") != std::string::npos) return expected;
  if (!rest.empty()) {
    std::uint16_t port = 0;
    const auto [end, failed] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), port);
    if (rest[0] != ':' || failed != std::errc{} || end != rest.data() + rest.size() || port == 0) return expected;
    u.port = rest.substr(1);
  }
  return u;
}

result<target> reach(const target_options& o) {
  const auto url = parse_base_url(o.url);
  if (!url) return error{url.error().code, "--url: " + url.error().detail};
  target t;
  t.url = o.url;
  t.headers = fmt::format("host: {}\r\n", url->authority);
  if (!o.api_key.empty()) {
    if (o.api_key.find_first_of(" \t\r\n") != std::string::npos)
      return error{errc::config_invalid, "the API key: expected one word"};
    t.headers += fmt::format("authorization: Bearer {}\r\n", o.api_key);
  }
  if (!url->tls && !(o.ca + o.cert + o.key).empty())
    return error{errc::config_invalid, "--ca, --cert and --key are for https:// URLs"};
  if (url->tls) {
    auto tls = tls_of(o);
    if (!tls) return tls.error();
    t.tls = std::move(*tls);
  }
  asio::io_context io{1};
  asio::ip::tcp::resolver names{io};
  boost::system::error_code ec;
  const auto found = names.resolve(url->host, url->port, ec);
  if (ec || found.empty()) return error{errc::config_invalid, fmt::format("--url: {}: {}", url->host, ec.message())};
  t.peer = std::make_unique<peer_address>();
  t.peer->name = url->host;
  t.peer->tls = t.tls.get();
  // A name such as localhost may have addresses of which only one is listened on.
  std::string problem;
  for (const auto& entry : found) {
    t.peer->at = entry.endpoint();
    if (!o.api_key.empty() && !url->tls && !o.insecure && !on_this_machine(t.peer->at))
      return error{errc::config_invalid,
                   fmt::format("the API key would go to {} over plain HTTP: use https://, or --insecure", url->host)};
    problem = try_connection(*t.peer, t.headers);
    if (problem.empty()) return t;
  }
  return error{errc::not_ready, fmt::format("no server at {}: {}", o.url, problem)};
}

}  // namespace lode::bench
