#pragma once
// Beast as its examples use it, on one thread: what the bare programs of this folder share. Nothing of ours is linked,
// so that the difference to loded is what loded costs.

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include <charconv>
#include <cstdint>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>

namespace baselines {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using executor = asio::io_context::executor_type;
using acceptor = asio::basic_socket_acceptor<tcp, executor>;
template <class T>
using task = asio::awaitable<T, executor>;
using request = http::request<http::string_body>;

inline constexpr auto as_result = asio::as_tuple(asio::use_awaitable_t<executor>{});

/// A reply as long as that of loded to an allocate call, with another hotkey for each `miner` (below 58 cubed).
inline std::string allocation_like(unsigned miner = 0) {
  constexpr std::string_view digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  std::string hotkey = "5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX";
  for (std::size_t i = 1; i <= 3; ++i, miner /= 58) hotkey[i] = digits[miner % 58];
  std::string body =
      R"({"success":true,"message":"Resource was successfully allocated","data":{"resource":"nvidia h100 80gb hbm3",)"
      R"("hotkey":")" +
      hotkey +
      R"(","regkey":"","ssh_ip":"203.0.113.17",)"
      R"("ssh_port":4444,"ssh_username":"root","ssh_password":"abcdefghijklmnopqrst",)"
      R"("ssh_command":"ssh root@203.0.113.17 -p 4444","ssh_key":"","uuid_key":"6d1e2f0a-3b4c-4d5e-8f60-718293a4b5c6",)"
      R"("miner_version":183,"state":"active","created_at":"2026-11-25T02:00:00Z","expires_at":"2026-12-25T02:00:00Z",)"
      R"("padding":")";
  constexpr std::size_t length = 600;
  body.append(length - body.size() - 3, 'x').append(R"("}})");
  return body;
}

/// Answers the requests of one connection in turn with what `answer(request)`, a task<std::string_view>, says.
template <class Answer>
task<void> serve(tcp::socket::rebind_executor<executor>::other socket, Answer& answer) {
  beast::basic_stream<tcp, executor> peer{std::move(socket)};
  beast::flat_buffer buffer;
  for (;;) {
    request asked;
    peer.expires_after(std::chrono::seconds{30});
    const auto [read_failed, read] = co_await http::async_read(peer, buffer, asked, as_result);
    if (read_failed || read == 0) co_return;
    const std::string_view body = co_await answer(asked);
    http::response<http::string_body> reply{http::status::ok, asked.version()};
    reply.set(http::field::content_type, "application/json");
    reply.keep_alive(asked.keep_alive());
    reply.body() = body;
    reply.prepare_payload();
    const auto [write_failed, written] = co_await http::async_write(peer, reply, as_result);
    if (write_failed || written == 0 || !reply.keep_alive()) co_return;
  }
}

template <class Answer>
task<void> accept_all(acceptor& listening, Answer& answer) {
  for (;;) {
    auto [failed, socket] = co_await listening.async_accept(as_result);
    if (failed) co_return;
    socket.set_option(tcp::no_delay{true});
    asio::co_spawn(listening.get_executor(), serve(std::move(socket), answer), asio::detached);
  }
}

/// Serves on `listen`, HOST:PORT, until SIGINT or SIGTERM, and says on standard output where.
template <class Answer>
void run(asio::io_context& io, const std::string& listen, Answer& answer) {
  const std::size_t colon = listen.rfind(':');
  std::uint16_t port = 0;
  const char* end = listen.data() + listen.size();
  if (colon == std::string::npos || std::from_chars(listen.data() + colon + 1, end, port).ptr != end)
    throw std::invalid_argument{"--listen: expected HOST:PORT, got " + listen};
  acceptor listening{io.get_executor(), tcp::endpoint{asio::ip::make_address(listen.substr(0, colon)), port}};
  asio::co_spawn(io.get_executor(), accept_all(listening, answer), asio::detached);
  asio::signal_set signals{io, SIGINT, SIGTERM};
  signals.async_wait([&io](const boost::system::error_code&, int) { io.stop(); });
  std::cout << "listening on http://" << listening.local_endpoint() << std::endl;
  io.run();
}

}  // namespace baselines
