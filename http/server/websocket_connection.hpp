#pragma once
// One WebSocket over a session's stream. Internal to http/server.

#include "http/server/session.hpp"
#include "http/server/websocket.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <deque>

namespace lode::http::detail {

class websocket_connection final : public websocket, public std::enable_shared_from_this<websocket_connection> {
 public:
  websocket_connection(std::shared_ptr<session> s, std::shared_ptr<websocket_owner> owner);

  bool send(std::shared_ptr<const std::string> text) override;
  void close(std::uint16_t code, std::string_view reason) override;
  [[nodiscard]] std::size_t queued() const override { return queue_.size(); }

  /// Answers the handshake and reads until the end.
  task<void> run(const request& req, std::string_view date);

 private:
  void send_next();
  void sent(const boost::system::error_code& ec);
  void drop(std::string_view why);
  void end();

  std::shared_ptr<session> session_;  // owns the stream below
  std::shared_ptr<websocket_owner> owner_;
  boost::beast::websocket::stream<stream&, false> ws_;
  boost::beast::flat_buffer in_;
  std::deque<std::shared_ptr<const std::string>> queue_;
  std::size_t queued_bytes_ = 0;
  boost::beast::websocket::close_reason reason_;
  bool open_ = false;
  bool sending_ = false;
  bool closing_ = false;
  bool close_begun_ = false;
};

}  // namespace lode::http::detail
