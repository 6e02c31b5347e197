// WebSockets of the server, against Beast as the client.

#include "http/server/websocket.hpp"

#include "loopback.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <gtest/gtest.h>

#include <mutex>

namespace lode::http::test {
namespace {

namespace beast = boost::beast;
namespace ws = boost::beast::websocket;
using boost::asio::ip::tcp;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Notes what it is told and sends `greeting` on opening. Everything on the io thread but waiting.
class probe final : public websocket_owner {
 public:
  explicit probe(std::vector<std::string> greeting) : greeting_(std::move(greeting)) {}

  void opened(websocket& s) override {
    socket = &s;
    for (const auto& text : greeting_) s.send(std::make_shared<const std::string>(text));
  }
  void drained() override { ++times_drained; }
  void closed() override {
    socket = nullptr;
    ended_.set_value();
  }
  bool wait_closed(seconds bound = seconds{10}) { return over_.wait_for(bound) == std::future_status::ready; }

  websocket* socket = nullptr;
  int times_drained = 0;

 private:
  std::vector<std::string> greeting_;
  std::promise<void> ended_;
  std::future<void> over_ = ended_.get_future();
};

handler accepting(const std::shared_ptr<probe>& p) {
  return answering([p](request& r) { return wants_websocket(r) ? accept_websocket(p) : response{426, r.path}; });
}

struct caller {
  boost::asio::io_context io;
  ws::stream<tcp::socket> stream{io};
  boost::system::error_code ec;

  explicit caller(std::uint16_t port) {
    stream.next_layer().connect({boost::asio::ip::address_v4::loopback(), port}, ec);
    const timeval limit{10, 0};
    ::setsockopt(stream.next_layer().native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (!ec) stream.handshake("h", "/", ec);
  }
  std::string read() {
    beast::flat_buffer in;
    stream.read(in, ec);
    return beast::buffers_to_string(in.data());
  }
};

TEST(websocket, frames_arrive_in_order_and_the_end_is_said) {
  auto p = std::make_shared<probe>(std::vector<std::string>{"one", "two", std::string(70000, 'x')});
  running_server s{accepting(p)};
  caller c{s.srv->port()};
  ASSERT_FALSE(c.ec) << c.ec.message();
  EXPECT_EQ(c.read(), "one");
  EXPECT_EQ(c.read(), "two");
  EXPECT_EQ(c.read(), std::string(70000, 'x'));
  EXPECT_EQ(s.srv->stats().open_websockets, 1U);
  for (int drained = 0; drained == 0;) s.on_io([&] { drained = p->times_drained; });
  s.on_io([&] {
    EXPECT_EQ(p->socket->queued(), 0U);
    EXPECT_TRUE(p->socket->send(std::make_shared<const std::string>("last")));
    p->socket->close(4000, "enough");
    EXPECT_FALSE(p->socket->send(std::make_shared<const std::string>("more")));
  });
  EXPECT_EQ(c.read(), "last");
  EXPECT_EQ(c.read(), "");
  EXPECT_EQ(c.ec, ws::error::closed);
  EXPECT_EQ(c.stream.reason().code, 4000);
  EXPECT_EQ(c.stream.reason().reason, "enough");
  EXPECT_TRUE(p->wait_closed());
  EXPECT_EQ(s.srv->stats().open_websockets, 0U);
  EXPECT_EQ(s.srv->stats().websockets, 1U);
  EXPECT_EQ(s.srv->stats().dropped_websockets, 0U);
}

TEST(websocket, what_was_pipelined_before_is_answered_first) {
  auto p = std::make_shared<probe>(std::vector<std::string>{"hi"});
  running_server s{accepting(p)};
  client c{s.srv->port()};
  ASSERT_TRUE(
      c.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\n"
             "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Request-Id: r1\r\n\r\n"));
  EXPECT_EQ(c.receive().status, 426U);
  const reply upgraded = c.receive(true);
  EXPECT_EQ(upgraded.status, 101U);
  EXPECT_EQ(upgraded.header("x-request-id"), "r1");
  EXPECT_NE(upgraded.head.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos);  // RFC 6455 1.3
  while (c.buffer().size() < 4) ASSERT_TRUE(c.fill());
  EXPECT_EQ(c.buffer(), std::string("\x81\x02hi", 4));
}

TEST(websocket, a_request_that_is_no_handshake_stays_a_request) {
  auto p = std::make_shared<probe>(std::vector<std::string>{});
  running_server s{accepting(p)};
  const std::vector<std::string> good{"Upgrade: websocket", "Connection: upgrade", "Sec-WebSocket-Version: 13",
                                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="};
  for (std::size_t missing = 0; missing < good.size(); ++missing) {
    client c{s.srv->port()};
    std::string text = "GET / HTTP/1.1\r\nHost: h\r\n";
    for (std::size_t i = 0; i < good.size(); ++i)
      if (i != missing) text += good[i] + "\r\n";
    ASSERT_TRUE(c.send(text + "\r\n"));
    EXPECT_EQ(c.receive().status, 426U) << missing;
  }
  client early{s.srv->port()};
  std::string all = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (const auto& line : good) all += line + "\r\n";
  ASSERT_TRUE(early.send(all + "\r\n\x81"));
  EXPECT_EQ(early.receive().status, 400U);
}

TEST(websocket, a_client_that_does_not_read_is_dropped_when_its_queue_is_full) {
  server_limits limits;
  limits.websocket_frames = 10;
  auto p = std::make_shared<probe>(std::vector<std::string>{});
  running_server s{accepting(p), limits};
  caller c{s.srv->port()};
  ASSERT_FALSE(c.ec);
  while (s.srv->stats().open_websockets < 1) s.on_io([] {});
  const auto frame = std::make_shared<const std::string>(std::string(60000, 'x'));
  bool taken = true;
  for (int i = 0; i < 10000 && taken; ++i) s.on_io([&] { taken = p->socket->send(frame); });
  EXPECT_FALSE(taken);
  EXPECT_TRUE(p->wait_closed());
  EXPECT_EQ(s.srv->stats().dropped_websockets, 1U);
  EXPECT_EQ(s.srv->stats().open_websockets, 0U);
}

TEST(websocket, a_client_that_does_not_read_is_ended_by_the_write_deadline) {
  server_limits limits;
  limits.write_timeout = milliseconds{200};
  limits.websocket_bytes = std::size_t{64} << 20U;
  auto p = std::make_shared<probe>(std::vector<std::string>(500, std::string(60000, 'x')));
  running_server s{accepting(p), limits};
  caller c{s.srv->port()};
  ASSERT_FALSE(c.ec);
  EXPECT_TRUE(p->wait_closed());
}

TEST(websocket, pings_are_answered_and_big_messages_end_it) {
  server_limits limits;
  limits.websocket_message = 100;
  auto p = std::make_shared<probe>(std::vector<std::string>{});
  running_server s{accepting(p), limits};
  caller c{s.srv->port()};
  std::string pong;
  c.stream.control_callback([&](ws::frame_type kind, beast::string_view text) {
    if (kind == ws::frame_type::pong) pong = std::string{text};
  });
  c.stream.ping("are you there", c.ec);
  c.stream.write(boost::asio::buffer(std::string(100, 'a')), c.ec);
  c.stream.write(boost::asio::buffer(std::string(101, 'a')), c.ec);
  c.read();
  EXPECT_EQ(pong, "are you there");
  EXPECT_EQ(c.ec, ws::error::closed);
  EXPECT_EQ(c.stream.reason().code, ws::close_code::too_big);
  EXPECT_TRUE(p->wait_closed());
}

TEST(websocket, a_silent_peer_is_pinged_and_then_ended) {
  server_limits limits;
  limits.idle_timeout = milliseconds{400};
  auto p = std::make_shared<probe>(std::vector<std::string>{});
  running_server s{accepting(p), limits};
  caller c{s.srv->port()};  // reads nothing, so answers no ping
  ASSERT_FALSE(c.ec);
  EXPECT_TRUE(p->wait_closed());
}

TEST(websocket, a_stop_says_1001_and_waits_for_nobody) {
  auto polite = std::make_shared<probe>(std::vector<std::string>{});
  running_server s{accepting(polite)};
  caller c{s.srv->port()};
  ASSERT_FALSE(c.ec);
  while (s.srv->stats().open_websockets < 1) s.on_io([] {});
  auto stopped = s.stop(seconds{30});
  c.read();
  EXPECT_EQ(c.ec, ws::error::closed);
  EXPECT_EQ(c.stream.reason().code, ws::close_code::going_away);
  EXPECT_EQ(stopped.wait_for(seconds{10}), std::future_status::ready);

  auto deaf = std::make_shared<probe>(std::vector<std::string>{});
  running_server other{accepting(deaf)};
  caller silent{other.srv->port()};
  ASSERT_FALSE(silent.ec);
  while (other.srv->stats().open_websockets < 1) other.on_io([] {});
  auto ended = other.stop(seconds{30});
  EXPECT_EQ(ended.wait_for(seconds{10}), std::future_status::ready);  // though it never answers the close
}

TEST(websocket, a_client_that_vanishes_is_forgotten) {
  auto p = std::make_shared<probe>(std::vector<std::string>{"hi"});
  running_server s{accepting(p)};
  {
    caller c{s.srv->port()};
    ASSERT_FALSE(c.ec);
    EXPECT_EQ(c.read(), "hi");
  }
  EXPECT_TRUE(p->wait_closed());
  while (s.srv->stats().open_connections > 0) s.on_io([] {});
}

}  // namespace
}  // namespace lode::http::test
