// One HTTP exchange.
#include "cli/wire_loop.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace lode::cli {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using wire::clock;

constexpr std::uint64_t largest_reply = std::uint64_t{256} << 20U;

using request_message = http::request<http::string_body>;

request_message message_of(const peer& to, const http_request& r) {
  request_message m{http::string_to_verb(r.method), to.url.prefix + r.target, 11};
  m.set(http::field::host, to.url.authority());
  m.set(http::field::user_agent, "lode/" LODE_VERSION);
  m.set(http::field::accept, "application/json");
  m.set(http::field::connection, "close");
  if (!to.api_key.empty()) m.set(http::field::authorization, "Bearer " + to.api_key);
  for (const auto& [name, value] : r.headers) m.set(name, value);
  if (!r.body.empty()) m.set(http::field::content_type, "application/json");
  m.body() = r.body;
  m.prepare_payload();
  return m;
}

http_reply reply_of(http::response<http::string_body>&& m) {
  http_reply out;
  const auto text = [&](http::field f) { return std::string{m[f]}; };
  out.status = m.result_int();
  out.content_type = text(http::field::content_type);
  out.retry_after = text(http::field::retry_after);
  out.date = text(http::field::date);
  out.body = std::move(m.body());
  return out;
}

template <class Stream>
wire_result<http_reply> talk(wire::loop& l, Stream& stream, const request_message& m, clock::time_point by) {
  const auto cancel = [&] {
    wire::error_code ignored;
    beast::get_lowest_layer(stream).close(ignored);
  };
  wire::error_code ec;
  auto stopped = l.await(
      by, ec, [&](auto done) { http::async_write(stream, m, done); }, cancel);
  // A server that refuses may answer and close before it has read everything: its reply is worth more than our error.
  if (stopped) return wire::error_of(stopped, ec, wire_problem::broken, "no reply in time");
  const auto write_error = ec;
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(largest_reply);
  stopped = l.await(
      by, ec, [&](auto done) { http::async_read(stream, buffer, parser, done); }, cancel);
  if (stopped) return wire::error_of(stopped, ec, wire_problem::broken, "no reply in time");
  if (ec && write_error) ec = write_error;
  if (ec == http::error::end_of_stream) return wire_error{wire_problem::broken, "the server closed the connection"};
  if (ec) return wire::error_of(stopped, ec, wire_problem::broken, "the connection broke");
  return reply_of(parser.release());
}

}  // namespace

wire_result<http_reply> exchange(const peer& to, const http_request& request, const patience& p) {
  wire::loop l{p.on_tick};
  const auto begin = clock::now();
  const auto connect_by = begin + std::min(p.connect, p.whole);
  const auto by = begin + p.whole;
  const auto m = message_of(to, request);
  std::unique_ptr<boost::asio::ssl::context> context;
  if (to.url.tls) {
    auto made = wire::tls_context(to.tls);
    if (!made) return made.error();
    context = std::move(*made);
  }
  auto socket = wire::connect(l, to.url.host, to.url.port, connect_by);
  if (!socket) return socket.error();
  if (!to.url.tls) return talk(l, *socket, m, by);
  auto stream = wire::secure(l, std::move(*socket), *context, to.url.host, connect_by);
  if (!stream) return stream.error();
  auto reply = talk(l, **stream, m, by);
  if (reply) reply->certificate_end = wire::peer_certificate_end(**stream);
  return reply;
}

}  // namespace lode::cli
