// The floor under our server: Beast as its examples use it, one thread, a constant answer to any request, of about 600
// bytes or what a file holds. Nothing of ours is linked, so that the difference to loded is what loded costs.
#include <CLI/CLI.hpp>
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
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using executor = asio::io_context::executor_type;
using stream = beast::basic_stream<tcp, executor>;
using acceptor = asio::basic_socket_acceptor<tcp, executor>;
template <class T>
using task = asio::awaitable<T, executor>;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable_t<executor>{});

// As long as the answer to an allocate call.
std::string allocation_like() {
  std::string body =
      R"({"success":true,"message":"Resource was successfully allocated","data":{"resource":"nvidia h100 80gb hbm3",)"
      R"("hotkey":"5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX","regkey":"","ssh_ip":"203.0.113.17",)"
      R"("ssh_port":4444,"ssh_username":"root","ssh_password":"abcdefghijklmnopqrst",)"
      R"("ssh_command":"ssh root@203.0.113.17 -p 4444","ssh_key":"","uuid_key":"6d1e2f0a-3b4c-4d5e-8f60-718293a4b5c6",)"
      R"("miner_version":183,"state":"active","created_at":"2026-11-25T02:00:00Z","expires_at":"2026-12-25T02:00:00Z",)"
      R"("padding":")";
  constexpr std::size_t length = 600;
  body.append(length - body.size() - 3, 'x').append(R"("}})");
  return body;
}

task<void> serve(tcp::socket::rebind_executor<executor>::other socket, const std::string& body) {
  stream peer{std::move(socket)};
  beast::flat_buffer buffer;
  for (;;) {
    http::request<http::string_body> request;
    peer.expires_after(std::chrono::seconds{30});
    const auto [read_failed, read] = co_await http::async_read(peer, buffer, request, as_result);
    if (read_failed || read == 0) co_return;
    http::response<http::string_body> answer{http::status::ok, request.version()};
    answer.set(http::field::content_type, "application/json");
    answer.keep_alive(request.keep_alive());
    answer.body() = body;
    answer.prepare_payload();
    const auto [write_failed, written] = co_await http::async_write(peer, answer, as_result);
    if (write_failed || written == 0 || !answer.keep_alive()) co_return;
  }
}

task<void> accept_all(acceptor& listening, const std::string& body) {
  for (;;) {
    auto [failed, socket] = co_await listening.async_accept(as_result);
    if (failed) co_return;
    socket.set_option(tcp::no_delay{true});
    asio::co_spawn(listening.get_executor(), serve(std::move(socket), body), asio::detached);
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"A bare Beast HTTP server to measure loded beside"};
  std::string listen = "127.0.0.1:0";
  app.add_option("--listen", listen, "HOST:PORT, port 0 picks one");
  std::string file;
  app.add_option("--body", file, "file with the answer; none: as long as the answer to an allocate call")
      ->check(CLI::ExistingFile);
  CLI11_PARSE(app, argc, argv);
  try {
    const std::size_t colon = listen.rfind(':');
    std::uint16_t port = 0;
    const char* end = listen.data() + listen.size();
    if (colon == std::string::npos || std::from_chars(listen.data() + colon + 1, end, port).ptr != end) {
      std::cerr << "--listen: expected HOST:PORT, got " << listen << '\n';
      return 2;
    }
    asio::io_context io{1};
    acceptor listening{io.get_executor(), tcp::endpoint{asio::ip::make_address(listen.substr(0, colon)), port}};
    std::string body = allocation_like();
    if (!file.empty()) {
      std::ifstream in{file, std::ios::binary};
      body.assign(std::istreambuf_iterator<char>{in}, {});
      if (!in) throw std::runtime_error{"cannot read " + file};
    }
    asio::co_spawn(io.get_executor(), accept_all(listening, body), asio::detached);
    asio::signal_set signals{io, SIGINT, SIGTERM};
    signals.async_wait([&io](const boost::system::error_code&, int) { io.stop(); });
    std::cout << "listening on http://" << listening.local_endpoint() << std::endl;
    io.run();
  } catch (const std::exception& e) {
    std::cerr << "baseline_beast: " << e.what() << '\n';
    return 1;
  }
  return 0;
}
