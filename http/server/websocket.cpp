#include "http/server/websocket.hpp"

#include "http/server/websocket_connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/websocket/teardown.hpp>
#include <spdlog/spdlog.h>

namespace lode::http {
namespace detail {
namespace {

namespace beast = boost::beast;

constexpr auto as_result = boost::asio::as_tuple(boost::asio::use_awaitable_t<executor>{});
constexpr std::chrono::seconds close_time{2};
constexpr int send_buffer = 64 * 1024;

}  // namespace

// How Beast ends a stream of ours; found by argument-dependent lookup.
template <class Handler>
void async_teardown(beast::role_type role, stream& s, Handler&& handler) {
  if (s.secured())
    s.async_shutdown(std::forward<Handler>(handler));
  else
    beast::websocket::async_teardown(role, s.socket(), std::forward<Handler>(handler));
}
void beast_close_socket(stream& s) {
  boost::system::error_code ignored;
  s.socket().close(ignored);
}

websocket_connection::websocket_connection(std::shared_ptr<session> s, std::shared_ptr<websocket_owner> owner)
    : session_(std::move(s)), owner_(std::move(owner)), ws_(session_->io()) {
  const server_limits& limits = session_->shared().limits;
  // Else the system would keep megabytes for one that does not read.
  boost::system::error_code ignored;
  session_->io().socket().set_option(boost::asio::socket_base::send_buffer_size{send_buffer}, ignored);
  beast::websocket::stream_base::timeout times{};
  times.handshake_timeout = limits.header_timeout;
  times.idle_timeout = limits.idle_timeout;
  times.keep_alive_pings = true;
  ws_.set_option(times);
  ws_.read_message_max(limits.websocket_message);
  ws_.auto_fragment(false);  // a whole frame in one write, not copied
}

task<void> websocket_connection::run(const request& req, std::string_view date) {
  beast::http::request<beast::http::empty_body> handshake{beast::http::verb::get, "/", 11};
  for (const auto& [name, value] : req.headers) handshake.insert(name, value);
  ws_.set_option(beast::websocket::stream_base::decorator(
      [id = req.request_id, date = std::string{date}](beast::websocket::response_type& r) {
        r.set(beast::http::field::server, "");
        r.erase(beast::http::field::server);
        r.set(beast::http::field::date, date);
        r.set("x-request-id", id);
      }));
  auto& stats = session_->shared().stats;
  const auto [refused] = co_await ws_.async_accept(handshake, as_result);
  if (refused) {
    spdlog::debug("[{}] the WebSocket handshake failed: {}", req.request_id, refused.message());
    co_return;
  }
  struct ended {
    websocket_connection& c;
    ~ended() { c.end(); }
  } const at_the_end{*this};
  stats.websockets.fetch_add(1, std::memory_order_relaxed);
  stats.open_websockets.fetch_add(1, std::memory_order_relaxed);
  open_ = true;
  ws_.text(true);
  if (session_->shared().stopping) close(1001, "the server is stopping");
  owner_->opened(*this);
  for (;;) {
    const auto [ec, n] = co_await ws_.async_read(in_, as_result);
    if (ec) break;
    in_.consume(n);
  }
}

void websocket_connection::end() {
  session_->shared().stats.open_websockets.fetch_sub(1, std::memory_order_relaxed);
  open_ = false;
  owner_->closed();
}

bool websocket_connection::send(std::shared_ptr<const std::string> text) {
  if (!open_ || closing_) return false;
  const server_limits& limits = session_->shared().limits;
  if (queue_.size() >= limits.websocket_frames || queued_bytes_ + text->size() > limits.websocket_bytes) {
    drop("it does not read as fast as it is sent to");
    return false;
  }
  queued_bytes_ += text->size();
  queue_.push_back(std::move(text));
  send_next();
  return true;
}

void websocket_connection::send_next() {
  if (sending_ || !open_) return;
  if (queue_.empty()) {
    if (!closing_ || close_begun_) return;
    close_begun_ = true;
    session_->expect_end(close_time);
    ws_.async_close(reason_, [self = shared_from_this()](const boost::system::error_code&) {});
    return;
  }
  sending_ = true;
  session_->expect_write(true);
  ws_.async_write(boost::asio::buffer(*queue_.front()),
                  [self = shared_from_this()](const boost::system::error_code& ec, std::size_t) { self->sent(ec); });
}

void websocket_connection::sent(const boost::system::error_code& ec) {
  sending_ = false;
  session_->expect_write(false);
  queued_bytes_ -= queue_.front()->size();
  queue_.pop_front();
  if (ec) return session_->close();
  if (queue_.empty() && open_ && !closing_) owner_->drained();
  send_next();
}

void websocket_connection::close(std::uint16_t code, std::string_view reason) {
  if (closing_) return;
  closing_ = true;
  reason_ = {static_cast<beast::websocket::close_code>(code),
             beast::string_view{reason.data(), std::min<std::size_t>(reason.size(), 123)}};
  // What is queued may never go out: the whole end has its bound.
  session_->expect_end(close_time);
  send_next();
}

void websocket_connection::drop(std::string_view why) {
  closing_ = true;
  close_begun_ = true;
  session_->shared().stats.dropped_websockets.fetch_add(1, std::memory_order_relaxed);
  spdlog::info("a WebSocket of {} is dropped: {}", session_->peer_ip(), why);
  session_->close();
}

}  // namespace detail

bool wants_websocket(const request& req) {
  const auto lists = [&](std::string_view header, std::string_view token) {
    const auto value = req.header(header);
    return value && boost::beast::http::token_list{{value->data(), value->size()}}.exists({token.data(), token.size()});
  };
  constexpr std::size_t key_length = 24;  // 16 bytes in base64
  return req.method == verb::get && lists("upgrade", "websocket") && lists("connection", "upgrade") &&
         req.header("sec-websocket-version") == std::string_view{"13"} &&
         req.header("sec-websocket-key").value_or("").size() == key_length;
}

response accept_websocket(std::shared_ptr<websocket_owner> owner) {
  response r{101, {}};
  r.upgrade = std::move(owner);
  return r;
}

}  // namespace lode::http
