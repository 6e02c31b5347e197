#include "http/reply_port.hpp"

#include "http/server/message.hpp"
#include "messages/caf_error.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/atom.hpp>
#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>

namespace lode::http {
namespace {

struct question {
  int n = 0;
};
struct reply_to {
  int n = 0;
};
struct release_held {};

using oracle = caf::typed_actor<caf::replies_to<question>::with<reply_to>, caf::reacts_to<release_held>>;

}  // namespace
}  // namespace lode::http

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lode::http::question)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lode::http::reply_to)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lode::http::release_held)

namespace lode::http {
namespace {

using clock = reply_port::clock;
using promise = caf::typed_response_promise<reply_to>;

// n >= 0: answers n + 1; -1: an error; -2: holds the promise; -3: drops it; -4: throws after taking a promise.
oracle::behavior_type behave(oracle::pointer self, const std::shared_ptr<std::vector<promise>>& held) {
  self->set_exception_handler([](const std::exception_ptr&) { return caf::make_error(caf::sec::runtime_error); });
  return {
      [=](const question& q) -> caf::result<reply_to> {
        if (q.n >= 0) return reply_to{q.n + 1};
        if (q.n == -1) return to_caf(errc::busy, "taken");
        auto p = self->make_response_promise<reply_to>();
        if (q.n == -2) held->push_back(p);
        if (q.n == -4) throw std::runtime_error{"oops"};
        return p;
      },
      [=](const release_held&) {
        for (auto& p : *held) p.deliver(reply_to{99});
        held->clear();
      },
  };
}

struct config : caf::actor_system_config {
  config() {
    set("scheduler.max-threads", 1);
    set("scheduler.policy", caf::atom("sharing"));
    lode::add_error_category(*this);
  }
};

class reply_port_test : public ::testing::Test {
 protected:
  ~reply_port_test() override { caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown); }

  // Asks from a coroutine and runs the io context until the answer is there.
  caf::expected<reply_to> ask(int n, std::chrono::milliseconds patience) {
    caf::expected<reply_to> out{caf::sec::none};
    bool answered = false;
    boost::asio::co_spawn(io_.get_executor(), asking(n, clock::now() + patience, out),
                          [&answered](const std::exception_ptr& e) {
                            answered = true;
                            if (e) std::rethrow_exception(e);
                          });
    io_.restart();
    while (!answered) io_.run_one();
    return out;
  }

  task<void> asking(int n, clock::time_point due, caf::expected<reply_to>& out) {
    question q;
    q.n = n;
    caf::expected<reply_to> answer =
        co_await async_ask(port_.get(), actor_, q, due, boost::asio::use_awaitable_t<executor>{});
    out = std::move(answer);
  }

  // Before the actor system, as in the daemon: a worker may be the last to let go of the port, whose timer is in here.
  boost::asio::io_context io_{1};
  config cfg_;
  caf::actor_system sys_{cfg_};
  reply_port_owner port_{sys_, io_};
  std::shared_ptr<std::vector<promise>> held_ = std::make_shared<std::vector<promise>>();
  oracle actor_ = sys_.spawn(behave, held_);
};

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(reply_port_test, brings_the_reply) {
  for (int i = 0; i < 1000; ++i) {
    const auto r = ask(i, seconds{10});
    ASSERT_TRUE(r) << to_string(r.error());
    ASSERT_EQ(r->n, i + 1);
  }
  EXPECT_EQ(port_.get().pending(), 0U);
}

TEST_F(reply_port_test, brings_many_replies_to_the_right_askers) {
  std::vector<caf::expected<reply_to>> out(2000, caf::expected<reply_to>{caf::sec::none});
  for (std::size_t i = 0; i < out.size(); ++i)
    boost::asio::co_spawn(io_.get_executor(), asking(static_cast<int>(i), clock::now() + seconds{10}, out[i]),
                          [](const std::exception_ptr&) {});
  io_.run();
  for (std::size_t i = 0; i < out.size(); ++i) {
    ASSERT_TRUE(out[i]);
    ASSERT_EQ(out[i]->n, static_cast<int>(i) + 1);
  }
}

TEST_F(reply_port_test, brings_the_actors_error) {
  const auto r = ask(-1, seconds{10});
  ASSERT_FALSE(r);
  EXPECT_EQ(from_caf(r.error()).code, errc::busy);
  EXPECT_EQ(from_caf(r.error()).detail, "taken");
}

TEST_F(reply_port_test, says_at_once_that_the_actor_is_dead) {
  caf::anon_send_exit(actor_, caf::exit_reason::kill);
  const auto start = clock::now();
  const auto r = ask(1, seconds{30});
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error(), caf::sec::request_receiver_down);
  EXPECT_LT(clock::now() - start, seconds{10});
}

TEST_F(reply_port_test, ends_a_dropped_or_held_promise_at_the_deadline) {
  for (const int n : {-3, -2, -4}) {
    const auto start = clock::now();
    const auto r = ask(n, milliseconds{60});
    ASSERT_FALSE(r) << n;
    EXPECT_EQ(r.error(), caf::sec::request_timeout) << n;
    EXPECT_GE(clock::now() - start, milliseconds{60});
  }
  EXPECT_EQ(port_.get().pending(), 0U);
}

TEST_F(reply_port_test, ignores_a_late_reply) {
  ASSERT_FALSE(ask(-2, milliseconds{30}));
  caf::anon_send(actor_, release_held{});
  // The late reply is queued before this one: both pass through the same inbox in order.
  const auto r = ask(5, seconds{10});
  ASSERT_TRUE(r);
  EXPECT_EQ(r->n, 6);
}

TEST_F(reply_port_test, is_cancelled_through_the_slot) {
  boost::asio::cancellation_signal signal;
  caf::expected<reply_to> out{caf::sec::none};
  bool ended = false;
  boost::asio::co_spawn(
      io_.get_executor(), asking(-2, clock::now() + seconds{60}, out),
      boost::asio::bind_cancellation_slot(signal.slot(), [&](const std::exception_ptr&) { ended = true; }));
  boost::asio::post(io_, [&] {
    EXPECT_EQ(port_.get().pending(), 1U);
    signal.emit(boost::asio::cancellation_type::terminal);
  });
  const auto start = clock::now();
  io_.run();
  EXPECT_TRUE(ended);
  EXPECT_LT(clock::now() - start, seconds{30});
  EXPECT_EQ(port_.get().pending(), 0U);
}

}  // namespace
}  // namespace lode::http
