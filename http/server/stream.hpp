#pragma once
// A connection's stream of bytes: a TCP socket, with TLS over it or without. One branch per operation, so that the
// sessions above need not be templates. Internal to http/server.

#include "http/server/message.hpp"
#include "http/server/tls_context.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <memory>
#include <utility>

namespace lode::http::detail {

using tcp_socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, executor>;

/// Models AsyncReadStream and AsyncWriteStream. Not movable: the TLS part refers to the socket.
class stream {
 public:
  using executor_type = executor;
  using error_code = boost::system::error_code;

  explicit stream(tcp_socket s) : socket_(std::move(s)) {}
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;

  /// From here on bytes go through TLS; async_handshake() comes first.
  void secure(tls_context& tls) { tls_ = std::make_unique<tls_stream>(socket_, tls.context); }
  [[nodiscard]] bool secured() const noexcept { return tls_ != nullptr; }
  [[nodiscard]] std::string peer() const { return tls_ ? peer_of(tls_->native_handle()) : std::string{}; }

  tcp_socket& socket() noexcept { return socket_; }
  executor_type get_executor() noexcept { return socket_.get_executor(); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, const Buffers& b) {
          if (tls_)
            tls_->async_read_some(b, std::move(handler));
          else
            socket_.async_read_some(b, std::move(handler));
        },
        token, buffers);
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, const Buffers& b) {
          if (tls_)
            tls_->async_write_some(b, std::move(handler));
          else
            socket_.async_write_some(b, std::move(handler));
        },
        token, buffers);
  }

  /// Of a secured stream only.
  template <class Token>
  auto async_handshake(Token&& token) {
    return tls_->async_handshake(boost::asio::ssl::stream_base::server, std::forward<Token>(token));
  }
  /// Of a secured stream only: says that no more comes, and waits for the peer to say so too.
  template <class Token>
  auto async_shutdown(Token&& token) {
    return tls_->async_shutdown(std::forward<Token>(token));
  }

 private:
  using tls_stream = boost::asio::ssl::stream<tcp_socket&>;

  tcp_socket socket_;
  std::unique_ptr<tls_stream> tls_;
};

}  // namespace lode::http::detail
