// The feed of /connect by itself: scripted hub and ledger, no sockets. What comes in which order is the test's choice.

#include "http/event_feed.hpp"

#include "messages/caf_error.hpp"

#include <boost/asio/io_context.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/atom.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <mutex>
#include <numeric>

namespace lode::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A connection that notes what it is told; `full` makes it refuse.
struct fake_socket final : websocket {
  std::vector<std::string> frames;
  std::size_t backlog = 0;
  bool full = false;
  std::uint16_t code = 0;
  std::string reason;

  bool send(std::shared_ptr<const std::string> text) override {
    if (full) return false;
    frames.push_back(*text);
    ++backlog;
    return true;
  }
  void close(std::uint16_t c, std::string_view why) override {
    code = c;
    reason = why;
  }
  [[nodiscard]] std::size_t queued() const override { return backlog; }

  [[nodiscard]] std::vector<std::uint64_t> seqs() const {
    std::vector<std::uint64_t> out;
    for (const auto& f : frames)
      if (const auto at = f.find(R"("seq":)"); at != std::string::npos) out.push_back(std::stoull(f.substr(at + 6)));
    return out;
  }
  [[nodiscard]] std::size_t keepalives() const { return frames.size() - seqs().size(); }
};

std::vector<std::uint64_t> numbers(std::uint64_t from, std::uint64_t to) {
  std::vector<std::uint64_t> out(to - from + 1);
  std::iota(out.begin(), out.end(), from);
  return out;
}

event_batch events(std::uint64_t from, std::uint64_t to) {
  event_batch b;
  for (const auto n : numbers(from, to)) b.items.push_back({n, "allocation", R"({"n":)" + std::to_string(n) + "}"});
  return b;
}

class event_feed_test : public ::testing::Test {
 protected:
  struct system_config : caf::actor_system_config {
    system_config() {
      set("scheduler.max-threads", 1);
      set("scheduler.policy", caf::atom("sharing"));
      lode::add_error_category(*this);
    }
  };

  // The log: events 1 to `last`, those up to `dropped` gone; read() says what a read answers.
  struct shared {
    std::mutex mutex;
    std::uint64_t last = 0;
    std::uint64_t dropped = 0;
    bool fails = false;
    bool held = false;  ///< reads are answered only by let_go()
    std::deque<std::pair<read_events, caf::response_promise>> waiting;
    std::vector<read_events> reads;
    std::vector<subscribe> subscribed;
    std::vector<std::uint64_t> acknowledged;

    event_batch answer(const read_events& r) const {
      event_batch b;
      const auto first = std::max(r.after, dropped) + 1;
      if (r.limit > 0 && first <= last) b = events(first, std::min(last, first + r.limit - 1));
      b.dropped = dropped;
      b.head = last;
      return b;
    }
  };

  template <class F>
  auto log(F f) {
    const std::lock_guard lock{log_->mutex};
    return f(*log_);
  }

  void SetUp() override {
    auto log = log_;
    ledger_ = sys_.spawn([log](caf::event_based_actor* self) -> caf::behavior {
      return {[=](const read_events& r) -> caf::result<event_batch> {
        const std::lock_guard lock{log->mutex};
        log->reads.push_back(r);
        if (log->fails) return to_caf(error{errc::store_io, "scripted"});
        if (log->held && r.limit > 0) {
          auto promise = self->make_response_promise();
          log->waiting.emplace_back(r, promise);
          return caf::delegated<event_batch>{};
        }
        return log->answer(r);
      }};
    });
    hub_ = sys_.spawn([log](caf::event_based_actor*) -> caf::behavior {
      return {[=](const subscribe& s) {
                const std::lock_guard lock{log->mutex};
                log->subscribed.push_back(s);
                return done{};
              },
              [=](const event_ack& a) {
                const std::lock_guard lock{log->mutex};
                log->acknowledged.push_back(a.seq);
              }};
    });
  }

  void TearDown() override {
    if (feed_) feed_->stop();
    feed_ = nullptr;
    {
      const std::lock_guard lock{log_->mutex};
      log_->waiting.clear();
      log_->subscribed.clear();
    }
    caf::anon_send_exit(ledger_, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(hub_, caf::exit_reason::user_shutdown);
    io_.restart();
    io_.run_for(milliseconds{50});
  }

  void start(milliseconds keepalive = seconds{1000}) {
    feed_ = std::make_shared<event_feed>(io_.get_executor(), port_.get(), caf::actor_cast<event_hub_actor>(hub_),
                                         caf::actor_cast<ledger_actor>(ledger_), keepalive);
    feed_->start(sys_);
    EXPECT_FALSE(feed_->ready());
    ASSERT_TRUE(until([&] { return feed_->ready() && log([](shared& l) { return !l.subscribed.empty(); }); }));
  }

  /// Runs the io thread's work until it holds; false after 10 seconds.
  bool until(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + seconds{10};
    while (!holds()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      io_.restart();
      io_.run_for(milliseconds{2});
    }
    return true;
  }
  /// Commits up to `last`: into the log, and to the feed.
  void commit(std::uint64_t last) {
    event_batch b;
    event_sink sink;
    {
      const std::lock_guard lock{log_->mutex};
      b = events(log_->last + 1, last);
      log_->last = last;
      sink = log_->subscribed.back().sink;
    }
    caf::anon_send(sink, b);
    ASSERT_TRUE(until([&] { return log([&](shared& l) { return std::ranges::count(l.acknowledged, last) > 0; }); }));
  }
  /// Answers the oldest read that is held with what the log was when it was asked.
  void let_go(const event_batch& answer) {
    caf::response_promise promise;
    {
      const std::lock_guard lock{log_->mutex};
      promise = log_->waiting.front().second;
      log_->waiting.pop_front();
    }
    promise.deliver(answer);
  }

  boost::asio::io_context io_{1};
  system_config cfg_;
  caf::actor_system sys_{cfg_};
  reply_port_owner port_{sys_, io_};
  std::shared_ptr<shared> log_ = std::make_shared<shared>();
  caf::actor ledger_, hub_;
  std::shared_ptr<event_feed> feed_;
};

TEST_F(event_feed_test, without_since_only_what_happens_from_then_on) {
  log_->last = 5;
  start();
  EXPECT_EQ(log([](shared& l) { return l.subscribed[0].after; }), 5U);
  fake_socket s;
  auto owner = feed_->listen(std::nullopt);
  owner->opened(s);
  ASSERT_EQ(s.keepalives(), 1U);
  EXPECT_TRUE(s.frames[0].starts_with(R"({"type":"keepalive","payload":{"time":"2)")) << s.frames[0];
  commit(7);
  EXPECT_EQ(s.seqs(), numbers(6, 7));
  EXPECT_EQ(s.frames.back(), R"({"type":"allocation","seq":7,"payload":{"n":7}})");
  owner->closed();
  commit(8);
  EXPECT_EQ(s.seqs(), numbers(6, 7));
}

TEST_F(event_feed_test, the_past_is_read_at_the_listeners_pace) {
  log_->last = 450;
  start();
  fake_socket s;
  auto owner = feed_->listen(10);
  owner->opened(s);
  ASSERT_TRUE(until([&] { return s.seqs().size() == 200; }));
  io_.restart();
  io_.run_for(milliseconds{20});
  EXPECT_EQ(s.seqs(), numbers(11, 210));  // and no more, until that is with the system
  commit(460);
  EXPECT_EQ(s.seqs().size(), 200U);
  s.backlog = 0;
  owner->drained();
  ASSERT_TRUE(until([&] { return s.seqs().size() == 400; }));
  s.backlog = 0;
  owner->drained();
  ASSERT_TRUE(until([&] { return s.seqs().size() == 450; }));
  commit(470);
  EXPECT_EQ(s.seqs(), numbers(11, 470));
  owner->closed();
}

TEST_F(event_feed_test, what_is_published_during_a_read_is_neither_lost_nor_repeated) {
  log_->last = 20;
  start();
  log([](shared& l) { return l.held = true; });
  fake_socket s;
  auto owner = feed_->listen(10);
  owner->opened(s);
  const auto asked = [&] { return log([](shared& l) { return !l.waiting.empty(); }); };
  ASSERT_TRUE(until(asked));
  const auto before = log([](shared& l) { return l.answer(l.waiting[0].first); });  // up to 20
  commit(25);
  EXPECT_TRUE(s.seqs().empty());
  let_go(before);
  ASSERT_TRUE(until([&] { return s.seqs().size() == 10; }));
  s.backlog = 0;
  owner->drained();
  ASSERT_TRUE(until(asked));  // 21 to 25 went by
  commit(27);
  const auto after = log([](shared& l) { return l.answer(l.waiting[0].first); });  // up to 27: some of it went by too
  let_go(after);
  ASSERT_TRUE(until([&] { return s.seqs().size() == 17; }));
  commit(30);
  EXPECT_EQ(s.seqs(), numbers(11, 30));
  owner->closed();
}

TEST_F(event_feed_test, a_head_that_is_no_event_is_the_end_all_the_same) {
  log_->last = 10;
  start();
  log([](shared& l) { return l.held = true; });
  fake_socket s;
  auto owner = feed_->listen(3);
  owner->opened(s);
  ASSERT_TRUE(until([&] { return log([](shared& l) { return !l.waiting.empty(); }); }));
  event_batch nothing;  // revisions 4 to 10 were no events
  nothing.head = 10;
  let_go(nothing);
  const auto reads = log([](shared& l) { return l.reads.size(); });
  commit(11);
  ASSERT_TRUE(until([&] { return !s.seqs().empty(); }));
  EXPECT_EQ(s.seqs(), numbers(11, 11));
  EXPECT_EQ(log([](shared& l) { return l.reads.size(); }), reads);
  owner->closed();
}

TEST_F(event_feed_test, a_since_that_cannot_be_served_is_told_so) {
  log_->last = 100;
  log_->dropped = 50;
  start();
  const auto ended = [&](std::uint64_t since) {
    auto s = std::make_unique<fake_socket>();
    auto owner = feed_->listen(since);
    owner->opened(*s);
    EXPECT_TRUE(until([&] { return s->code != 0; })) << since;
    owner->closed();
    return s;
  };
  const auto old = ended(49);
  EXPECT_EQ(old->code, 4410);
  EXPECT_EQ(old->reason, "events up to 50 are no longer kept");
  EXPECT_TRUE(old->seqs().empty());
  const auto ahead = ended(101);
  EXPECT_EQ(ahead->code, 4409);
  EXPECT_EQ(ahead->reason, "the event log ends at 100");
  log([](shared& l) { return l.fails = true; });
  EXPECT_EQ(ended(60)->code, 1011);
  log([](shared& l) { return l.fails = false; });
  fake_socket s;
  auto owner = feed_->listen(50);
  owner->opened(s);
  ASSERT_TRUE(until([&] { return s.seqs().size() == 50; }));
  owner->closed();
}

TEST_F(event_feed_test, one_that_cannot_be_sent_to_stops_and_the_others_go_on) {
  start();
  fake_socket stuck;
  fake_socket fine;
  auto first = feed_->listen(std::nullopt);
  auto second = feed_->listen(std::nullopt);
  first->opened(stuck);
  second->opened(fine);
  stuck.full = true;
  commit(3);
  EXPECT_TRUE(stuck.seqs().empty());
  EXPECT_EQ(fine.seqs(), numbers(1, 3));
  first->closed();
  commit(4);
  EXPECT_EQ(fine.seqs(), numbers(1, 4));
  second->closed();
}

TEST_F(event_feed_test, a_feed_that_the_hub_forgot_subscribes_again_where_it_was) {
  start();
  fake_socket s;
  auto owner = feed_->listen(std::nullopt);
  owner->opened(s);
  commit(3);
  caf::anon_send(log([](shared& l) { return l.subscribed[0].sink; }), event_batch{});
  ASSERT_TRUE(until([&] { return log([](shared& l) { return l.subscribed.size() == 2; }); }));
  EXPECT_EQ(log([](shared& l) { return l.subscribed[1].after; }), 3U);
  commit(5);
  EXPECT_EQ(s.seqs(), numbers(1, 5));
  owner->closed();
}

TEST_F(event_feed_test, keepalives_come_while_somebody_listens) {
  start(milliseconds{20});
  fake_socket s;
  auto owner = feed_->listen(std::nullopt);
  owner->opened(s);
  EXPECT_TRUE(until([&] { return s.keepalives() >= 4; }));
  owner->closed();
  auto again = feed_->listen(std::nullopt);
  fake_socket other;
  again->opened(other);
  EXPECT_TRUE(until([&] { return other.keepalives() >= 3; }));
  again->closed();
}

}  // namespace
}  // namespace lode::http
