#include "miner/banner.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>

#include <array>
#include <string_view>

namespace lode::miner {

namespace net = boost::asio;

http::task<bool> reads_ssh_banner(std::string ip, std::uint16_t port, std::chrono::milliseconds bound) {
  constexpr auto tuple_await = net::as_tuple_t<net::use_awaitable_t<http::executor>>{};
  boost::system::error_code bad;
  const auto address = net::ip::make_address(ip, bad);
  if (bad) co_return false;
  boost::beast::basic_stream<net::ip::tcp, http::executor> s{co_await net::this_coro::executor};
  s.expires_after(bound);
  const net::ip::tcp::endpoint endpoint{address, port};
  auto [connect_error] = co_await s.async_connect(endpoint, tuple_await);
  if (connect_error) co_return false;
  std::array<char, 4> first{};
  auto [read_error, n] = co_await net::async_read(s, net::buffer(first), tuple_await);
  co_return !read_error && std::string_view(first.data(), n) == "SSH-";
}

bool port_looks_free(const std::string& ip, std::uint16_t port) {
  boost::system::error_code ec;
  const auto address = net::ip::make_address(ip, ec);
  if (ec) return false;
  net::io_context io;
  net::ip::tcp::acceptor probe{io};
  const net::ip::tcp::endpoint endpoint{address, port};
  probe.open(endpoint.protocol(), ec);
  if (!ec) probe.set_option(net::socket_base::reuse_address(true), ec);
  if (!ec) probe.bind(endpoint, ec);
  if (!ec) probe.listen(1, ec);
  return !ec;
}

}  // namespace lode::miner
