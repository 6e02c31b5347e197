#pragma once
// One use of a connection under a deadline. Internal to links/; everything here runs on the link's strand.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace lode::links {

using strand = boost::asio::strand<boost::asio::io_context::executor_type>;
template <class T>
using strand_task = boost::asio::awaitable<T, strand>;
using strand_timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                       boost::asio::wait_traits<std::chrono::steady_clock>, strand>;
using tcp_socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, strand>;
using tcp_endpoint = boost::asio::ip::tcp::endpoint;
using steady_time = std::chrono::steady_clock::time_point;
inline constexpr boost::asio::use_awaitable_t<strand> await{};

/// A socket that is closed when its deadline passes or when the link is shut down. Whoever awaits an operation on it
/// checks over() first, before the operation and after it.
class transfer : public std::enable_shared_from_this<transfer> {
 public:
  explicit transfer(const strand& s) : socket(s), timer_(s) {}

  /// Replaces the deadline. Has no effect once over().
  void expire_at(steady_time t);
  /// Forgets the deadline, so that the socket can be handed on.
  void disarm();
  /// Ends it for good: the link shuts down.
  void stop();

  [[nodiscard]] bool expired() const noexcept { return expired_; }
  [[nodiscard]] bool stopped() const noexcept { return stopped_; }
  [[nodiscard]] bool over() const noexcept { return expired_ || stopped_; }

  tcp_socket socket;

 private:
  void close() noexcept;

  strand_timer timer_;
  std::uint64_t generation_ = 0;
  bool expired_ = false;
  bool stopped_ = false;
};

/// The address of a host that is named by number, IPv6 with or without brackets. Unset for anything else, for port 0
/// and for the unspecified address, with which a neuron says that it does not serve.
std::optional<tcp_endpoint> endpoint_of(const std::string& ip, std::uint16_t port);

/// Connects `t` before `deadline`; the error is the system's. After an error the socket is closed, and over() tells
/// whether it was the deadline.
strand_task<boost::system::error_code> connect(std::shared_ptr<transfer> t, tcp_endpoint where, steady_time deadline);

}  // namespace lode::links
