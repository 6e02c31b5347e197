#pragma once
// One keep-alive HTTP/1.1 connection, written by hand: the generator shares the processors with what it measures, so
// each request should cost it little more than its system calls.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
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
  unreachable = 1,  ///< no connection; the request was not sent
  lost,             ///< the connection ended before the whole reply; the request may have been acted on
  timed_out,        ///< the same, by our own deadline
  nonsense,         ///< the reply is not HTTP/1.1 as this client reads it
};
std::string_view to_string(exchange_error e) noexcept;

/// The head of a reply. Only bodies with a content-length are read.
struct reply_head {
  unsigned status = 0;
  std::size_t head_bytes = 0;  ///< with the empty line
  std::size_t body_bytes = 0;
  bool keep_alive = true;
};

/// Nothing when the head is not complete in `text` yet; `nonsense` when it cannot become one.
boost::system::result<std::optional<reply_head>, exchange_error> parse_reply_head(std::string_view text);

struct reply {
  unsigned status = 0;
  std::string_view body;  ///< until the next exchange on the connection
};

/// Thread: the one that runs the executor. Outlives the exchange under way.
class connection {
 public:
  connection(const executor& ex, boost::asio::ip::tcp::endpoint peer, std::chrono::milliseconds timeout);

  /// Sends `request`, a whole HTTP/1.1 request, and reads its reply, connecting first where there is no connection. One
  /// at a time. The deadline is kept by whoever calls close_if_overdue() now and then.
  task<boost::system::result<reply, exchange_error>> exchange(std::string_view request);

  /// Ends the exchange under way with `timed_out` when it has passed its deadline.
  void close_if_overdue(clock::time_point now);
  /// Ends the exchange under way with `lost`.
  void close();

 private:
  using socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, executor>;

  task<bool> connect();
  task<bool> send(std::string_view request);
  task<boost::system::result<reply, exchange_error>> receive();
  exchange_error fail(exchange_error e);

  socket socket_;
  boost::asio::ip::tcp::endpoint peer_;
  std::chrono::milliseconds timeout_;
  std::string buffer_;
  bool connected_ = false;
  bool overdue_ = false;
  clock::time_point due_ = clock::time_point::max();
};

}  // namespace lode::bench
