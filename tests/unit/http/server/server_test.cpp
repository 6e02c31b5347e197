// What a well-meaning client sees: framing, order, limits and graceful stop, over real sockets.

#include "http/server/server.hpp"

#include "http/server/router.hpp"
#include "loopback.hpp"

#include <gtest/gtest.h>

#include <atomic>

namespace lode::http::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

response echo(request& r) { return response{200, std::string{to_string(r.method)} + " " + r.path + " " + r.body}; }

std::string get(std::string_view path, std::string_view more = "") {
  return "GET " + std::string{path} + " HTTP/1.1\r\nHost: h\r\n" + std::string{more} + "\r\n";
}

TEST(server, keeps_a_connection_and_numbers_requests) {
  running_server s{answering([](request& r) {
    EXPECT_EQ(r.peer_ip, "127.0.0.1");
    return response{200, r.request_id};
  })};
  client c{s.srv->port()};
  ASSERT_TRUE(c.send(get("/", "X-Request-Id: mine-1\r\n")));
  const reply first = c.receive();
  EXPECT_EQ(first.status, 200U);
  EXPECT_EQ(first.body, "mine-1");
  EXPECT_EQ(first.header("x-request-id"), "mine-1");
  EXPECT_EQ(first.header("content-type"), "application/json");
  EXPECT_FALSE(first.header("date").empty());
  EXPECT_EQ(first.header("connection"), "");
  ASSERT_TRUE(c.send(get("/", "X-Request-Id: not sane\r\n")));
  const reply second = c.receive();
  EXPECT_EQ(second.header("x-request-id").size(), 36U);
  EXPECT_EQ(second.body, second.header("x-request-id"));
  EXPECT_EQ(s.srv->stats().requests, 2U);
  EXPECT_EQ(s.srv->stats().accepted, 1U);
}

TEST(server, closes_when_the_client_says_so) {
  running_server s{answering(echo)};
  client c{s.srv->port()};
  ASSERT_TRUE(c.send(get("/", "Connection: close\r\n")));
  EXPECT_EQ(c.receive().header("connection"), "close");
  EXPECT_TRUE(c.at_end());
  client old{s.srv->port()};
  ASSERT_TRUE(old.send("GET /old HTTP/1.0\r\n\r\n"));
  EXPECT_EQ(old.receive().body, "GET /old ");
  EXPECT_TRUE(old.at_end());
  client old_kept{s.srv->port()};
  ASSERT_TRUE(old_kept.send("GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  EXPECT_EQ(old_kept.receive().header("connection"), "keep-alive");
  ASSERT_TRUE(old_kept.send("GET /2 HTTP/1.0\r\n\r\n"));
  EXPECT_EQ(old_kept.receive().body, "GET /2 ");
}

TEST(server, answers_pipelined_requests_in_order) {
  std::string batch;
  for (int i = 0; i < 200; ++i) batch += get("/" + std::to_string(i));
  running_server s{answering(echo)};
  client c{s.srv->port()};
  ASSERT_TRUE(c.send(batch));
  for (int i = 0; i < 200; ++i) ASSERT_EQ(c.receive().body, "GET /" + std::to_string(i) + " ");
}

TEST(server, a_pipelined_reply_does_not_wait_for_the_next_request) {
  gate g;
  running_server s{[&g](request& r) { return r.path == "/slow" ? g.pass(echo(r)) : ready(echo(r)); }};
  client c{s.srv->port()};
  ASSERT_TRUE(c.send(get("/quick") + get("/slow") + get("/after") + get("/last")));
  EXPECT_EQ(c.receive().body, "GET /quick ");
  g.open(s);
  EXPECT_EQ(c.receive().body, "GET /slow ");
  EXPECT_EQ(c.receive().body, "GET /after ");
  EXPECT_EQ(c.receive().body, "GET /last ");
}

TEST(server, big_pipelined_replies_wait_for_the_reader) {
  const std::string big(1 << 20, 'x');
  running_server s{answering([&big](request&) { return response{200, big}; })};
  client c{s.srv->port(), false, 4096};
  std::string batch;
  for (int i = 0; i < 16; ++i) batch += get("/");
  ASSERT_TRUE(c.send(batch));
  for (int i = 0; i < 16; ++i) ASSERT_EQ(c.receive().body.size(), big.size());
}

TEST(server, answers_head_without_a_body) {
  running_server s{answering(echo)};
  client c{s.srv->port()};
  ASSERT_TRUE(c.send("HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n" + get("/y")));
  EXPECT_EQ(c.receive(true).header("content-length"), "8");
  EXPECT_EQ(c.receive().body, "GET /y ");
}

TEST(server, says_continue_before_a_body_it_will_take) {
  server_limits limits;
  limits.body_bytes = 10;
  running_server s{answering(echo), limits};
  client c{s.srv->port()};
  const std::string head = "POST /p HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: ";
  ASSERT_TRUE(c.send(head + "5\r\n\r\n"));
  EXPECT_TRUE(c.receive().head.starts_with("HTTP/1.1 100 Continue"));
  ASSERT_TRUE(c.send("hello"));
  EXPECT_EQ(c.receive().body, "POST /p hello");
  ASSERT_TRUE(c.send(head + "11\r\n\r\n"));
  const reply refused = c.receive();
  EXPECT_EQ(refused.status, 413U);
  EXPECT_EQ(refused.header("connection"), "close");
  c.half_close();
  EXPECT_TRUE(c.at_end());
}

TEST(server, takes_chunked_bodies) {
  running_server s{answering(echo)};
  client c{s.srv->port()};
  ASSERT_TRUE(c.send("POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
  EXPECT_EQ(c.receive().body, "POST /p hello");
}

TEST(server, takes_a_body_up_to_the_limit) {
  running_server s{answering([](request& r) { return response{200, std::to_string(r.body.size())}; })};
  client c{s.srv->port()};
  const std::string body(1024 * 1024, 'b');
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n\r\n" + body));
    EXPECT_EQ(c.receive().body, "1048576");
  }
}

TEST(server, a_refusal_reaches_a_client_that_is_still_sending) {
  running_server s{answering(echo)};
  client c{s.srv->port()};
  // More than the limit and than the socket buffers of both sides would hide, yet less than the server reads away.
  ASSERT_TRUE(c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n" + std::string(200000, 'b')));
  const reply r = c.receive();
  EXPECT_EQ(r.status, 413U);
  EXPECT_EQ(r.body, R"({"status":413,"message":"Request body too large"})");
  client h{s.srv->port()};
  ASSERT_TRUE(h.send(get("/", "X-Long: " + std::string(20000, 'h') + "\r\n")));
  EXPECT_EQ(h.receive().status, 431U);
}

TEST(server, turns_a_throwing_handler_into_500_and_goes_on) {
  running_server s{answering([](request& r) -> response {
    if (r.path == "/throw") throw std::runtime_error{"secret"};
    if (r.path == "/odd") throw 1;  // NOLINT
    return response{200, "fine"};
  })};
  client c{s.srv->port()};
  ASSERT_TRUE(c.send(get("/throw") + get("/odd") + get("/fine")));
  EXPECT_EQ(c.receive().body, R"({"status":500,"message":"Internal Server Error"})");
  EXPECT_EQ(c.receive().status, 500U);
  EXPECT_EQ(c.receive().body, "fine");
}

TEST(server, survives_an_error_body_that_throws) {
  running_server s{answering(echo), {}, "127.0.0.1:0", [](unsigned, std::string_view) -> response {
                     throw std::runtime_error{"no"};
                   }};
  client c{s.srv->port()};
  ASSERT_TRUE(c.send("nonsense\r\n\r\n"));
  EXPECT_EQ(c.receive().status, 400U);
}

TEST(server, aborts_without_a_byte_when_asked) {
  running_server s{answering([](request&) {
    response r;
    r.abort = true;
    return r;
  })};
  client c{s.srv->port()};
  ASSERT_TRUE(c.send(get("/")));
  EXPECT_TRUE(c.at_end());
}

TEST(server, bounds_requests_in_flight) {
  server_limits limits;
  limits.in_flight = 1;
  gate g;
  running_server s{[&g](request& r) { return r.path == "/slow" ? g.pass(echo(r)) : ready(echo(r)); }, limits};
  client busy{s.srv->port()};
  ASSERT_TRUE(busy.send(get("/slow")));
  g.wait_entered();
  client turned_away{s.srv->port()};
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(turned_away.send(get("/quick")));
    const reply r = turned_away.receive();
    EXPECT_EQ(r.status, 503U);
    EXPECT_EQ(r.header("retry-after"), "1");
    EXPECT_EQ(r.header("connection"), "") << "the connection stays";
  }
  EXPECT_EQ(s.srv->stats().rejected_overload, 2U);
  g.open(s);
  EXPECT_EQ(busy.receive().status, 200U);
  ASSERT_TRUE(turned_away.send(get("/quick")));
  EXPECT_EQ(turned_away.receive().status, 200U);
}

TEST(server, bounds_connections) {
  server_limits limits;
  limits.connections = 1;
  running_server s{answering(echo), limits};
  auto first = std::make_unique<client>(s.srv->port());
  ASSERT_TRUE(first->send(get("/")));
  ASSERT_EQ(first->receive().status, 200U);
  client second{s.srv->port()};
  ASSERT_TRUE(second.send(get("/")));
  const reply r = second.receive();
  EXPECT_EQ(r.status, 503U);
  EXPECT_EQ(r.header("retry-after"), "1");
  EXPECT_EQ(r.header("connection"), "close");
  first.reset();
  second.reset();
  unsigned status = 0;
  for (int tries = 0; status != 200 && tries < 2000; ++tries) {
    client next{s.srv->port()};
    if (next.send(get("/"))) status = next.receive().status;
  }
  EXPECT_EQ(status, 200U);
}

TEST(server, serves_many_at_once) {
  running_server s{answering(echo)};
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      client c{s.srv->port()};
      for (int i = 0; i < 200; ++i) {
        const std::string path = "/" + std::to_string(t) + "/" + std::to_string(i);
        if (c.send(get(path)) && c.receive().body == "GET " + path + " ") ++good;
      }
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(good, 1600);
}

TEST(start_server, names_what_is_wrong_with_an_address) {
  boost::asio::io_context io;
  for (const char* bad : {"", "nonsense", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "127.0.0.1:8x", "::1:80",
                          "[127.0.0.1]:80", "example.invalid:80", "[]:80"}) {
    auto r = start_server(io, bad, answering(echo), plain_error);
    ASSERT_FALSE(r.has_value()) << bad;
    EXPECT_EQ(r.error().code, errc::config_invalid);
  }
  auto first = start_server(io, "localhost:0", answering(echo), plain_error);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ((*first)->address(), "127.0.0.1:" + std::to_string((*first)->port()));
  auto second = start_server(io, (*first)->address(), answering(echo), plain_error);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, errc::config_invalid);
  EXPECT_NE(second.error().detail.find("in use"), std::string::npos) << second.error().detail;
}

TEST(start_server, speaks_ipv6_and_names_mapped_peers_as_ipv4) {
  boost::asio::io_context probe;
  if (!start_server(probe, "[::1]:0", answering(echo), plain_error)) GTEST_SKIP() << "no IPv6 here";
  running_server s{answering([](request& r) { return response{200, r.peer_ip}; }), {}, "[::]:0"};
  EXPECT_EQ(s.srv->address(), "[::]:" + std::to_string(s.srv->port()));
  client six{s.srv->port(), true};
  ASSERT_TRUE(six.send(get("/")));
  EXPECT_EQ(six.receive().body, "::1");
  client four{s.srv->port()};
  if (!four.connected()) GTEST_SKIP() << "IPv6 sockets take no IPv4 here";
  ASSERT_TRUE(four.send(get("/")));
  EXPECT_EQ(four.receive().body, "127.0.0.1");
}

TEST(stop, finishes_what_is_under_way_and_ends_what_is_idle) {
  gate g;
  running_server s{[&g](request& r) { return r.path == "/slow" ? g.pass(echo(r)) : ready(echo(r)); }};
  const std::uint16_t port = s.srv->port();
  client idle{port};
  ASSERT_TRUE(idle.send(get("/")));
  ASSERT_EQ(idle.receive().status, 200U);
  client silent{port};
  client half{port};
  ASSERT_TRUE(half.send("GET /half HTTP/1.1\r\n"));
  client busy{port};
  ASSERT_TRUE(busy.send(get("/slow") + get("/never")));
  g.wait_entered();
  auto done = s.stop(seconds{20});
  EXPECT_TRUE(idle.at_end());
  EXPECT_TRUE(silent.at_end());
  EXPECT_FALSE(client{port}.connected()) << "no new connections";
  ASSERT_TRUE(half.send("Host: h\r\n\r\n"));
  EXPECT_EQ(half.receive().header("connection"), "close");
  EXPECT_EQ(done.wait_for(milliseconds{0}), std::future_status::timeout);
  g.open(s);
  const reply last = busy.receive();
  EXPECT_EQ(last.status, 200U);
  EXPECT_EQ(last.header("connection"), "close");
  busy.half_close();
  EXPECT_TRUE(busy.at_end());
  EXPECT_EQ(done.wait_for(seconds{10}), std::future_status::ready);
}

TEST(stop, cancels_handlers_at_the_bound) {
  gate g;
  running_server s{[&g](request& r) { return g.pass(echo(r)); }};
  client busy{s.srv->port()};
  ASSERT_TRUE(busy.send(get("/slow")));
  g.wait_entered();
  EXPECT_EQ(s.stop(milliseconds{30}).wait_for(seconds{10}), std::future_status::ready);
  EXPECT_EQ(busy.receive().status, 0U);
  EXPECT_EQ(s.srv->stats().in_flight, 0U);
  EXPECT_EQ(s.srv->stats().open_connections, 0U);
}

TEST(stop, without_connections_is_done_at_once_and_the_port_is_free) {
  std::uint16_t port = 0;
  {
    running_server s{answering(echo)};
    port = s.srv->port();
    client c{port};
    ASSERT_TRUE(c.send(get("/", "Connection: close\r\n")));
    ASSERT_EQ(c.receive().status, 200U);
    ASSERT_TRUE(c.at_end());  // the server closed first: its side waits in TIME_WAIT
    EXPECT_EQ(s.stop(seconds{10}).wait_for(seconds{5}), std::future_status::ready);
  }
  running_server again{answering(echo), {}, "127.0.0.1:" + std::to_string(port)};
  EXPECT_EQ(again.srv->port(), port);
}

TEST(server, may_be_destroyed_with_requests_under_way) {
  gate g;
  running_server s{[&g](request& r) { return g.pass(echo(r)); }};
  client busy{s.srv->port()};
  ASSERT_TRUE(busy.send(get("/slow")));
  g.wait_entered();
  s.on_io([&] { s.srv.reset(); });
  EXPECT_EQ(busy.receive().status, 0U);
}

}  // namespace
}  // namespace lode::http::test
