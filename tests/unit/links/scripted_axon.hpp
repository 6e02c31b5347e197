#pragma once
// A TCP server on loopback whose every byte the test decides, on the io_context of the test.

#include "crypto/crypto.hpp"
#include "crypto/hotkey.hpp"
#include "links/dendrite.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lode::links::test {

namespace asio = boost::asio;
using asio::ip::tcp;

struct received {
  std::string head;
  std::string body;
};

/// One accepted connection.
class peer {
 public:
  explicit peer(tcp::socket s) : socket(std::move(s)) {}

  /// The next request; unset when the client closed.
  asio::awaitable<std::optional<received>> request() {
    boost::system::error_code ec;
    const auto head_size = co_await asio::async_read_until(socket, asio::dynamic_buffer(unread_), "\r\n\r\n",
                                                           asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return std::nullopt;
    received r;
    r.head = unread_.substr(0, head_size);
    unread_.erase(0, head_size);
    const auto at = r.head.find("Content-Length: ");
    const auto length = at == std::string::npos ? 0 : std::stoul(r.head.substr(at + 16));
    while (unread_.size() < length) {
      std::string more(length - unread_.size(), '\0');
      const auto n = co_await socket.async_read_some(asio::buffer(more), asio::redirect_error(asio::use_awaitable, ec));
      if (ec) co_return std::nullopt;
      unread_.append(more, 0, n);
    }
    r.body = unread_.substr(0, length);
    unread_.erase(0, length);
    co_return r;
  }

  asio::awaitable<void> say(std::string bytes) {
    boost::system::error_code ec;
    co_await asio::async_write(socket, asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, ec));
  }

  /// Returns when the client closes.
  asio::awaitable<void> wait_for_close() {
    boost::system::error_code ec;
    char byte = 0;
    while (!ec) {
      co_await socket.async_read_some(asio::buffer(&byte, 1), asio::redirect_error(asio::use_awaitable, ec));
    }
  }

  void reset() {
    socket.set_option(asio::socket_base::linger(true, 0));
    socket.close();
  }

  tcp::socket socket;

 private:
  std::string unread_;
};

inline std::string http(const std::string& status_line, const std::string& body, const std::string& more = {}) {
  return "HTTP/1.1 " + status_line +
         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + more +
         "\r\n" + body;
}
inline std::string ok(const std::string& output) { return http("200 OK", R"({"output":)" + output + "}"); }

/// Runs `script` for each connection; `n` counts them from 0.
class scripted_axon {
 public:
  using script = std::function<asio::awaitable<void>(std::shared_ptr<peer>, int n)>;

  scripted_axon(asio::io_context& io, script s, const char* address = "127.0.0.1")
      : acceptor_(io, tcp::endpoint(asio::ip::make_address(address), 0)),
        script_(std::make_shared<script>(std::move(s))) {
    asio::co_spawn(io, accept(), asio::detached);
  }

  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  [[nodiscard]] int connections() const noexcept { return connections_; }

 private:
  asio::awaitable<void> accept() {
    boost::system::error_code ec;
    while (true) {
      auto s = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, ec));
      if (ec) co_return;
      asio::co_spawn(acceptor_.get_executor(), serve(script_, std::make_shared<peer>(std::move(s)), connections_++),
                     asio::detached);
    }
  }
  // Keeps what the coroutine only borrows: the closure that it was made from, and the peer.
  static asio::awaitable<void> serve(std::shared_ptr<script> how, std::shared_ptr<peer> p, int n) {
    co_await (*how)(p, n);
  }

  tcp::acceptor acceptor_;
  std::shared_ptr<script> script_;
  int connections_ = 0;
};

/// Runs `io` until `condition`; false when that takes longer than any test may.
inline bool run_until(asio::io_context& io, const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    io.restart();
    io.run_one_for(std::chrono::milliseconds(200));
  }
  return true;
}

inline crypto::hotkey test_hotkey() {
  const auto mini = crypto::from_hex("e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a").value();
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(mini.data());
  auto key = crypto::sr25519_key::from_mini_secret({bytes, mini.size()}).value();
  const auto address = crypto::ss58_encode(key.pub());
  return {key, address};
}

inline constexpr const char* bob = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

inline miner_call call_of(miner_action a, std::uint16_t port,
                          std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
  miner_call c;
  c.action = a;
  c.to = {bob, "127.0.0.1", port, false};
  c.public_key = "PEM";
  c.timeline_days = 30;
  c.timeout = timeout;
  c.request_id = "test";
  return c;
}

}  // namespace lode::links::test
