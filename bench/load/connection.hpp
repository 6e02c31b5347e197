#pragma once
// One keep-alive HTTP/1.1 connection, written by hand: the generator shares the processors with what it measures, so
// each request should cost it little more than its system calls. Replies that need more than a content-length (chunks,
// an end by closing) are read by Beast.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/system/result.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace lode::bench {

using executor = boost::asio::io_context::executor_type;
template <class T>
using task = boost::asio::awaitable<T, executor>;
using clock = std::chrono::steady_clock;

/// Why a request has no reply.
enum class exchange_error {
  unreachable = 1,  ///< no connection, or no TLS on it; the request was not sent
  lost,             ///< the connection ended before the whole reply; the request may have been acted on
  timed_out,        ///< the same, by our own deadline
  nonsense,         ///< the reply is not HTTP/1.1 as this client reads it
};
std::string_view to_string(exchange_error e) noexcept;

/// The head of a reply.
struct reply_head {
  unsigned status = 0;
  std::size_t head_bytes = 0;  ///< with the empty line
  std::size_t body_bytes = 0;
  bool sized = true;  ///< by its content-length; else `body_bytes` says nothing
  bool keep_alive = true;
};

/// Nothing when the head is not complete in `text` yet; `nonsense` when it cannot become one.
boost::system::result<std::optional<reply_head>, exchange_error> parse_reply_head(std::string_view text);

struct reply {
  unsigned status = 0;
  std::string_view body;  ///< until the next exchange on the connection
};

/// Where connections go.
struct peer_address {
  boost::asio::ip::tcp::endpoint at;
  std::string name;                          ///< whom the certificate must be for
  boost::asio::ssl::context* tls = nullptr;  ///< outlives the connections; null: no TLS
};

/// Thread: the one that runs the executor. Outlives the exchange under way.
class connection {
 public:
  /// `peer` outlives it.
  connection(const executor& ex, const peer_address& peer);

  /// Connects where there is no connection. The deadline is kept by whoever calls close_if_overdue() now and then.
  task<bool> open(clock::time_point due);
  /// Sends `request`, a whole HTTP/1.1 request, and reads its reply, connecting first where there is no connection. One
  /// at a time.
  task<boost::system::result<reply, exchange_error>> exchange(std::string_view request, clock::time_point due);

  /// Ends the exchange under way with `timed_out` when it has passed its deadline.
  void close_if_overdue(clock::time_point now);
  /// Ends the exchange under way with `lost`.
  void close();

  [[nodiscard]] bool connected() const noexcept { return connected_; }
  /// Why the last connection could not be made, in words.
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

 private:
  using socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, executor>;
  using answer = boost::system::result<reply, exchange_error>;

  task<bool> connect();
  task<bool> handshake();
  task<bool> send(std::string_view request);
  task<answer> receive();
  task<answer> receive_unsized(std::size_t have);
  /// More bytes behind the `have` first ones of the buffer; zero when there are none to come.
  task<std::size_t> read_more(std::size_t have);
  [[nodiscard]] bool gone_stale(clock::time_point now);
  exchange_error fail(exchange_error e);

  socket socket_;
  const peer_address& peer_;
  std::optional<boost::asio::ssl::stream<socket&>> tls_;
  std::string buffer_;
  std::string unsized_body_;
  std::string problem_;
  bool connected_ = false;
  bool overdue_ = false;
  clock::time_point due_ = clock::time_point::max();
  clock::time_point used_;
};

}  // namespace lode::bench
