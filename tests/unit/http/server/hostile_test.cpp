// What clients do that are slow, broken or hostile, and what the system does when it runs out of descriptors.

#include "http/server/server.hpp"
#include "loopback.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <random>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace lode::http::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view simple_get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

handler fine() {
  return answering([](request&) { return response{200, "fine"}; });
}

TEST(deadlines, a_head_that_trickles_in_ends_in_408) {
  server_limits limits;
  limits.header_timeout = milliseconds{150};
  running_server s{fine(), limits};
  client c{s.srv->port()};
  // Each byte arrives early enough to renew a deadline per read; the deadline of the head must not be renewed.
  ASSERT_TRUE(c.send("GET /"));
  for (int i = 0; i < 2000 && !c.readable_within(milliseconds{5}); ++i) ASSERT_TRUE(c.send("a"));
  EXPECT_EQ(c.receive().status, 408U);
  client stuck{s.srv->port()};
  ASSERT_TRUE(stuck.send("GET / HTTP/1.1\r\nX-Request-Id: me\r\nHost: h\r\n"));
  const reply late = stuck.receive();
  EXPECT_EQ(late.status, 408U);
  EXPECT_EQ(late.body, R"({"status":408,"message":"Request timeout"})");
  EXPECT_EQ(late.header("x-request-id"), "me");
  EXPECT_EQ(late.header("connection"), "close");
}

TEST(deadlines, silence_is_closed_in_silence) {
  server_limits limits;
  limits.header_timeout = milliseconds{100};
  limits.idle_timeout = milliseconds{100};
  running_server s{fine(), limits};
  client never{s.srv->port()};
  EXPECT_TRUE(never.at_end());
  client once{s.srv->port()};
  ASSERT_TRUE(once.send(simple_get));
  EXPECT_EQ(once.receive().status, 200U);
  EXPECT_TRUE(once.at_end());
}

TEST(deadlines, a_body_that_does_not_come_ends_in_408) {
  server_limits limits;
  limits.body_timeout = milliseconds{100};
  running_server s{fine(), limits};
  client c{s.srv->port()};
  ASSERT_TRUE(c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf"));
  EXPECT_EQ(c.receive().status, 408U);
}

TEST(deadlines, a_client_that_does_not_read_is_dropped) {
  server_limits limits;
  limits.write_timeout = milliseconds{100};
  const std::string big(16 << 20, 'x');
  running_server s{answering([&big](request&) { return response{200, big}; }), limits};
  client c{s.srv->port(), false, 4096};
  ASSERT_TRUE(c.send(simple_get));
  ASSERT_TRUE(c.fill());
  // Only the write's deadline can end this session so early.
  EXPECT_EQ(s.stop(seconds{60}).wait_for(seconds{10}), std::future_status::ready);
  EXPECT_EQ(c.receive().status, 0U);
}

TEST(deadlines, a_slow_handler_is_not_the_clients_fault) {
  server_limits limits;
  limits.header_timeout = limits.idle_timeout = limits.body_timeout = limits.write_timeout = milliseconds{40};
  gate g;
  running_server s{[&g](request& r) {
                     return r.path == "/slow" ? g.pass(response{200, "late"}) : ready({200, ""});
                   },
                   limits};
  client slow{s.srv->port()};
  ASSERT_TRUE(slow.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n"));
  g.wait_entered();
  client witness{s.srv->port()};
  ASSERT_TRUE(witness.at_end()) << "a sweep has passed all deadlines";
  g.open(s);
  EXPECT_EQ(slow.receive().body, "late");
}

TEST(hostile, garbage_gets_a_readable_400) {
  running_server s{fine()};
  std::mt19937 random{7};  // NOLINT(cert-msc51-cpp): repeatable
  for (int i = 0; i < 50; ++i) {
    std::string junk(1 + random() % 3000, '\0');
    for (char& c : junk) c = static_cast<char>(random());
    junk[0] = '\x16';
    client c{s.srv->port()};
    c.send(junk + "\r\n\r\n");
    ASSERT_EQ(c.receive().status, 400U);
  }
  client c{s.srv->port()};
  ASSERT_TRUE(c.send(simple_get));
  EXPECT_EQ(c.receive().status, 200U);
}

TEST(hostile, good_then_bad_answers_both) {
  running_server s{fine()};
  client c{s.srv->port()};
  ASSERT_TRUE(c.send(std::string{simple_get} + "BAD\r\n\r\n" + std::string{simple_get}));
  EXPECT_EQ(c.receive().status, 200U);
  EXPECT_EQ(c.receive().status, 400U);
  c.half_close();
  EXPECT_TRUE(c.at_end());
}

TEST(hostile, a_half_closed_client_still_gets_its_reply) {
  gate g;
  running_server s{[&g](request&) { return g.pass(response{200, "late"}); }};
  client c{s.srv->port()};
  ASSERT_TRUE(c.send(simple_get));
  c.half_close();
  g.wait_entered();
  g.open(s);
  EXPECT_EQ(c.receive().body, "late");
  EXPECT_TRUE(c.at_end());
}

TEST(hostile, clients_that_vanish_at_any_byte_leave_nothing_behind) {
  running_server s{fine()};
  const std::string text =
      "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello" + std::string{simple_get};
  for (std::size_t n = 0; n <= text.size(); ++n) {
    client resets{s.srv->port()};
    ASSERT_TRUE(resets.connected());
    resets.send(std::string_view{text}.substr(0, n));
    resets.reset();
    client closes{s.srv->port()};
    closes.send(std::string_view{text}.substr(0, n));
  }
  client c{s.srv->port()};
  ASSERT_TRUE(c.send(simple_get));
  EXPECT_EQ(c.receive().status, 200U);
  EXPECT_EQ(s.stop(seconds{60}).wait_for(seconds{10}), std::future_status::ready);
  EXPECT_EQ(s.srv->stats().open_connections, 0U);
  EXPECT_EQ(s.srv->stats().in_flight, 0U);
}

TEST(hostile, a_client_that_vanishes_while_its_handler_runs) {
  gate g;
  running_server s{[&g](request&) { return g.pass(response{200, std::string(1 << 20, 'x')}); }};
  client c{s.srv->port()};
  ASSERT_TRUE(c.send(std::string{simple_get} + std::string{simple_get}));
  g.wait_entered();
  c.reset();
  g.open(s);
  EXPECT_EQ(s.stop(seconds{60}).wait_for(seconds{10}), std::future_status::ready);
  EXPECT_EQ(s.srv->stats().in_flight, 0U);
}

// All descriptors of this process, from its making until it is told to give them back.
class taken_descriptors {
 public:
  taken_descriptors() {
    // A number that is free now, and the limit above it: how many are open already does not matter.
    const int free_one = ::dup(0);
    if (free_one < 0 || ::getrlimit(RLIMIT_NOFILE, &before_) != 0) return;
    taken_.push_back(free_one);
    const rlimit tight{std::min<rlim_t>(before_.rlim_cur, static_cast<rlim_t>(free_one) + 16), before_.rlim_max};
    limited_ = ::setrlimit(RLIMIT_NOFILE, &tight) == 0;
    if (!limited_) return;
    int fd = -1;
    while ((fd = ::dup(0)) >= 0) taken_.push_back(fd);
    all_ = errno == EMFILE;
  }
  ~taken_descriptors() { give_back(); }
  taken_descriptors(const taken_descriptors&) = delete;
  taken_descriptors& operator=(const taken_descriptors&) = delete;

  [[nodiscard]] bool all() const { return all_; }
  void give_back_one() {
    ::close(taken_.back());
    taken_.pop_back();
  }
  void give_back() {
    for (const int fd : taken_) ::close(fd);
    taken_.clear();
    if (std::exchange(limited_, false)) ::setrlimit(RLIMIT_NOFILE, &before_);
  }

 private:
  rlimit before_{};
  std::vector<int> taken_;
  bool limited_ = false;
  bool all_ = false;
};

TEST(hostile, running_out_of_descriptors_neither_spins_nor_ends_the_listener) {
  running_server s{fine()};
  std::optional<taken_descriptors> taken;
  std::optional<client> c;
  bool all = false;
  bool sent = false;
  // On the io thread, so that it does nothing beside it: accept(2) takes a descriptor before it looks whether there is
  // anybody to accept, and would have the last one at a moment when the client needs it.
  s.on_io([&] {
    taken.emplace();
    all = taken->all();
    if (!all) return;
    taken->give_back_one();
    c.emplace(s.srv->port());  // takes the last descriptor: nothing is left to accept it with
    sent = c->connected() && c->send(simple_get);
  });
  ASSERT_TRUE(all);
  ASSERT_TRUE(sent);
  while (s.srv->stats().accept_errors < 3) s.on_io([] {});
  taken->give_back();
  EXPECT_EQ(c->receive().status, 200U);
  EXPECT_LT(s.srv->stats().accept_errors, 20U);
  client next{s.srv->port()};
  ASSERT_TRUE(next.send(simple_get));
  EXPECT_EQ(next.receive().status, 200U);
}

}  // namespace
}  // namespace lode::http::test
