// The threads that actors run on, with real threads: what is sent is handled, by as many as there are, and the end
// comes.
#include "actors/scheduler.hpp"

#include <caf/all.hpp>
#include <gtest/gtest.h>

#include <future>
#include <mutex>
#include <set>
#include <thread>

namespace lode::actors {
namespace {

using adder = caf::typed_actor<caf::replies_to<int>::with<int>>;

struct scheduled : ::testing::TestWithParam<std::size_t> {
  struct config : caf::actor_system_config {
    explicit config(std::size_t threads) { use_scheduler(*this, threads); }
  };
  config cfg{GetParam()};
};

adder::behavior_type add_to(adder::stateful_pointer<int> self) {
  return {[self](int n) { return self->state += n; }};
}

TEST_P(scheduled, many_actors_answer_many_requests) {
  constexpr int actors = 200, requests = 50;
  caf::actor_system sys{cfg};
  std::vector<adder> all;
  for (int i = 0; i < actors; ++i) all.push_back(sys.spawn(add_to));
  caf::scoped_actor self{sys};
  for (int k = 1; k <= requests; ++k)
    for (const auto& a : all) self->send(a, 1);
  for (const auto& a : all)
    self->request(a, caf::infinite, 0)
        .receive([=](int sum) { EXPECT_EQ(sum, requests); }, [](const caf::error&) { ADD_FAILURE(); });
}

TEST_P(scheduled, every_thread_takes_part) {
  caf::actor_system sys{cfg};
  std::mutex mutex;
  std::set<std::thread::id> seen;
  std::promise<void> all_here;
  const auto whole = GetParam();
  std::vector<caf::actor> all;
  // Each holds its thread until every thread has one.
  auto gate = all_here.get_future().share();
  for (std::size_t i = 0; i < whole; ++i)
    all.push_back(sys.spawn([&](caf::event_based_actor* self) -> caf::behavior {
      return {[&, self](int) {
        {
          const std::lock_guard lock{mutex};
          seen.insert(std::this_thread::get_id());
          if (seen.size() == whole) all_here.set_value();
        }
        gate.wait();
        self->quit();
      }};
    }));
  for (const auto& a : all) caf::anon_send(a, 1);
  gate.wait();
  EXPECT_EQ(seen.size(), whole);
  EXPECT_FALSE(seen.contains(std::this_thread::get_id()));
}

TEST_P(scheduled, timers_fire) {
  caf::actor_system sys{cfg};
  std::promise<void> fired;
  sys.spawn([&](caf::event_based_actor* self) -> caf::behavior {
    self->delayed_send(self, std::chrono::milliseconds{1}, 1);
    return {[&, self](int) {
      fired.set_value();
      self->quit();
    }};
  });
  fired.get_future().wait();
}

INSTANTIATE_TEST_SUITE_P(threads, scheduled, ::testing::Values(1, 3));

}  // namespace
}  // namespace lode::actors
