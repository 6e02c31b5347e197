// A WebSocket that is listened to.
#include "cli/wire_loop.hpp"

#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

namespace lode::cli {
namespace {

namespace beast = boost::beast;
namespace websocket = beast::websocket;
using wire::clock;

constexpr std::size_t largest_frame = std::size_t{16} << 20U;

template <class Next>
wire_result<http_reply> converse(wire::loop& l, websocket::stream<Next>& ws, const peer& to, const std::string& target,
                                 const socket_options& options, clock::time_point by,
                                 const std::function<bool(std::string_view)>& on_frame) {
  const auto cancel = [&] {
    wire::error_code ignored;
    beast::get_lowest_layer(ws).close(ignored);
  };
  ws.read_message_max(largest_frame);
  ws.set_option(websocket::stream_base::decorator([&](websocket::request_type& r) {
    r.set(beast::http::field::user_agent, "lode/" LODE_VERSION);
    if (!to.api_key.empty()) r.set(beast::http::field::authorization, "Bearer " + to.api_key);
  }));
  wire::error_code ec;
  websocket::response_type refusal;
  auto stopped = l.await(
      by, ec, [&](auto done) { ws.async_handshake(refusal, to.url.authority(), to.url.prefix + target, done); },
      cancel);
  if (stopped) return wire::error_of(stopped, ec, wire_problem::broken, "no reply in time");
  http_reply reply;
  reply.status = refusal.result_int();
  if (ec == websocket::error::upgrade_declined) {
    reply.body = refusal.body();
    reply.retry_after = std::string{refusal[beast::http::field::retry_after]};
    return reply;
  }
  if (ec) return wire::error_of(stopped, ec, wire_problem::broken, "no WebSocket");
  beast::flat_buffer buffer;
  while (true) {
    const auto quiet_by = clock::now() + options.quiet;
    stopped = l.await(
        quiet_by, ec, [&](auto done) { ws.async_read(buffer, done); }, cancel);
    if (stopped == wire_problem::late && options.end_when_quiet) return reply;
    if (stopped) return wire::error_of(stopped, ec, wire_problem::broken, "nothing was heard, not even a keepalive");
    if (ec == websocket::error::closed) {
      const auto& reason = ws.reason();
      return wire_error{wire_problem::broken,
                        "the server closed the connection" +
                            (reason.reason.empty() ? std::string{} : ": " + std::string{reason.reason.c_str()}),
                        reason.code};
    }
    if (ec) return wire::error_of(stopped, ec, wire_problem::broken, "the connection broke");
    const bool more = on_frame(beast::buffers_to_string(buffer.data()));
    buffer.clear();
    if (more) continue;
    // Politely, but the end of the program does not wait long for it.
    (void)l.await(
        clock::now() + milliseconds{500}, ec, [&](auto done) { ws.async_close(websocket::close_code::normal, done); },
        cancel);
    return reply;
  }
}

}  // namespace

wire_result<http_reply> listen(const peer& to, const std::string& target, const socket_options& options,
                               const patience& p, const std::function<bool(std::string_view)>& on_frame) {
  wire::loop l{p.on_tick};
  const auto by = clock::now() + p.connect;
  std::unique_ptr<boost::asio::ssl::context> context;
  if (to.url.tls) {
    auto made = wire::tls_context(to.tls);
    if (!made) return made.error();
    context = std::move(*made);
  }
  auto socket = wire::connect(l, to.url.host, to.url.port, by);
  if (!socket) return socket.error();
  if (!to.url.tls) {
    websocket::stream<wire::tcp::socket> ws{std::move(*socket)};
    return converse(l, ws, to, target, options, by, on_frame);
  }
  auto stream = wire::secure(l, std::move(*socket), *context, to.url.host, by);
  if (!stream) return stream.error();
  websocket::stream<wire::tls_stream> ws{std::move(**stream)};
  return converse(l, ws, to, target, options, by, on_frame);
}

}  // namespace lode::cli
