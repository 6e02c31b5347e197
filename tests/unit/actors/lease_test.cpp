// How long a lease lasts: its end, its extension, and the warning before the end.

#include "fixture.hpp"

namespace lode::testing {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr unix_ms day_ms = 24LL * 3600 * 1000;

class lease_test : public actor_test {
 protected:
  void SetUp() override {
    actor_test::SetUp();
    wheel_resolution = minutes{10};
    settings.notify.status_url = "http://receiver/";
    start_tree();
    publish({miner("a")});
  }
  /// Rents "a" for as many days; the miner is told twice as many.
  void rent(std::int64_t days) {
    allocate_spec spec;
    spec.device.timeline = days;
    auto made = ask<allocation>(spec);
    ASSERT_TRUE(made.ok());
    uuid = made.value().uuid_key;
  }
  pending<allocation> extend(std::int64_t days) { return ask<allocation>(extend_lease{"a", uuid, days, {}}); }
  pending<done> act(pending_action what) { return ask<done>(docker_action{what, "a", uuid, "", "", {}}); }
  allocation_record record() { return stored().at(0).record; }
  std::size_t logged(const std::string& event) {
    std::size_t n = 0;
    for (const auto& e : event_log()) n += e.find("\"event\":\"" + event + "\"") != std::string::npos ? 1 : 0;
    return n;
  }
  std::size_t warnings() const {
    std::size_t n = 0;
    for (const auto& p : receiver->log) n += p.body.find("\"status\":\"EXPIRING\"") != std::string::npos ? 1 : 0;
    return n;
  }
  std::string uuid;
};

TEST_F(lease_test, an_extension_is_durable_listed_and_moves_the_end) {
  rent(10);
  const auto made_at = record().created_at;
  auto extended = extend(3);
  ASSERT_TRUE(extended.ok());
  EXPECT_EQ(record().expires_at, made_at + 13 * day_ms);
  EXPECT_EQ(extended.value().expires_at, rfc3339(made_at + 13 * day_ms));
  EXPECT_EQ(extended.value().uuid_key, uuid);
  EXPECT_EQ(ask<allocation_list>(list_allocations{}).value().items.at(0).expires_at, extended.value().expires_at);
  EXPECT_NE(event_log().back().find(R"("event":"extended","state":"active","offline":false,"reason":"by 3 days, to )"),
            std::string::npos);
  EXPECT_EQ(event_log().back().find(uuid), std::string::npos);
  advance(hours{12 * 24 + 23});
  EXPECT_EQ(record().state, lode::allocation_state::active);
  advance(hours{2});
  EXPECT_TRUE(stored().empty());
  EXPECT_TRUE(fleet["a"].holder.empty());
  EXPECT_EQ(extend(1).code(), errc::no_allocation);
}

TEST_F(lease_test, an_extension_survives_a_restart_and_so_does_the_old_end_without_one) {
  rent(10);
  ASSERT_TRUE(extend(5).ok());
  end_tree();
  start_tree();
  publish({miner("a")});
  advance(hours{14 * 24});
  EXPECT_EQ(stored().size(), 1u);
  ASSERT_TRUE(extend(5).ok());
  advance(hours{5 * 24});
  EXPECT_EQ(stored().size(), 1u);
  advance(hours{25});
  EXPECT_TRUE(stored().empty());
}

TEST_F(lease_test, no_extension_goes_beyond_what_the_miner_was_told) {
  rent(10);
  const auto before = stored().at(0);
  for (const std::int64_t days :
       {std::int64_t{11}, std::int64_t{36'500}, std::int64_t{0}, std::int64_t{-1}, INT64_MAX, INT64_MIN})
    EXPECT_EQ(extend(days).code(), errc::bad_request) << days;
  EXPECT_EQ(stored().at(0).revision, before.revision);
  ASSERT_TRUE(extend(9).ok());
  EXPECT_EQ(extend(2).code(), errc::bad_request);
  ASSERT_TRUE(extend(1).ok());
  auto none = extend(1);
  EXPECT_EQ(from_caf((*none.slot)->error()).detail,
            "the miner was told that the lease is 20 days at most: 0 more are possible");
  EXPECT_EQ(record().expires_at, record().created_at + 20 * day_ms);
}

TEST_F(lease_test, no_lease_is_longer_than_a_hundred_years) {
  settings.allocation.hotkey_lease_days = 36'499;
  end_tree();
  start_tree();
  publish({miner("a")});
  auto made = allocate("a");
  ASSERT_TRUE(made.ok());
  uuid = made.value().uuid_key;
  EXPECT_EQ(extend(2).code(), errc::bad_request);
  EXPECT_TRUE(extend(1).ok());
}

TEST_F(lease_test, only_its_renter_extends_it) {
  rent(10);
  const auto before = stored().at(0).revision;
  for (const auto& wrong : {std::string{}, std::string{"x"}, std::string(uuid.size(), '0')})
    EXPECT_EQ(ask<allocation>(extend_lease{"a", wrong, 1, {}}).code(), errc::wrong_uuid);
  EXPECT_EQ(ask<allocation>(extend_lease{"b", uuid, 1, {}}).code(), errc::no_allocation);
  extend_lease late{"a", uuid, 1, {}};
  late.ctx.deadline = sched.clock().now();
  EXPECT_EQ(ask<allocation>(late).code(), errc::deadline_exceeded);
  publish({});
  EXPECT_EQ(extend(1).code(), errc::unknown_hotkey) << "its miner ends the container by itself";
  EXPECT_EQ(stored().at(0).revision, before);
}

TEST_F(lease_test, requests_at_once_get_no_more_days_together_than_there_are) {
  rent(10);
  std::vector<pending<allocation>> all;
  for (int i = 0; i < 12; ++i) all.push_back(ask_later<allocation>(registry, extend_lease{"a", uuid, 1, {}}));
  run();
  const auto good = std::count_if(all.begin(), all.end(), [](const auto& p) { return p.ok(); });
  EXPECT_EQ(good, 10);
  EXPECT_EQ(record().expires_at, record().created_at + 20 * day_ms);
  EXPECT_EQ(logged("extended"), 10u);
}

TEST_F(lease_test, a_release_at_the_same_time_wins) {
  rent(10);
  auto first = ask_later<allocation>(registry, extend_lease{"a", uuid, 1, {}});
  auto released = ask_later<done>(registry, deallocate{"a", uuid, false, {}});
  auto second = ask_later<allocation>(registry, extend_lease{"a", uuid, 1, {}});
  run();
  EXPECT_TRUE(released.ok());
  EXPECT_TRUE(first.ok() || first.code() == errc::no_allocation);
  EXPECT_EQ(second.code(), errc::no_allocation);
  EXPECT_TRUE(stored().empty());
  EXPECT_TRUE(ask<allocation_list>(list_allocations{}).value().items.empty());
}

TEST_F(lease_test, a_paused_container_and_one_with_an_action_under_way_are_extended_all_the_same) {
  rent(10);
  ASSERT_TRUE(act(pending_action::pause).ok());
  ASSERT_TRUE(extend(1).ok());
  EXPECT_EQ(record().state, lode::allocation_state::paused);
  link->answer = [](const miner_call&) { return std::nullopt; };
  auto waking = act(pending_action::unpause);
  ASSERT_TRUE(extend(1).ok());
  EXPECT_EQ(record().pending, pending_action::unpause) << "what is under way stays known";
  EXPECT_FALSE(waking.answered());
  link->answer = [this](const miner_call& c) { return fleet["a"](c); };
  run();
  EXPECT_TRUE(waking.ok());
  EXPECT_EQ(record().state, lode::allocation_state::active);
  EXPECT_EQ(record().expires_at, record().created_at + 12 * day_ms);
}

TEST_F(lease_test, an_extension_that_cannot_be_written_is_none) {
  rent(10);
  const auto before = record().expires_at;
  store->fail_commit(1, storage::commit_fault::lost);
  auto failed = extend(5);
  EXPECT_TRUE(failed.answered());
  EXPECT_FALSE(failed.ok());
  EXPECT_EQ(record().expires_at, before);
}

TEST_F(lease_test, its_renter_is_warned_once_a_day_before_the_end) {
  rent(10);
  advance(hours{9 * 24 - 1});
  EXPECT_EQ(warnings(), 0u);
  EXPECT_EQ(record().warned_at, 0);
  advance(hours{2});
  EXPECT_EQ(warnings(), 1u);
  EXPECT_EQ(logged("expiring"), 1u);
  const auto end = rfc3339(record().expires_at);
  EXPECT_NE(event_log().back().find(
                R"("event":"expiring","state":"active","offline":false,"reason":"the lease ends at )" + end),
            std::string::npos);
  EXPECT_EQ(
      receiver->log.at(0).body.find("{\"time\":\"" + rfc3339_micro(record().warned_at) + "\",\"status_change_at\":"),
      0u);
  EXPECT_TRUE(receiver->log.at(0).body.ends_with(R"(,"expires_at":")" + rfc3339_micro(record().expires_at) + "\"}"))
      << receiver->log.at(0).body;
  end_tree();
  start_tree();
  publish({miner("a")});
  advance(hours{22});
  EXPECT_EQ(warnings(), 1u) << "a restart does not repeat it";
  EXPECT_EQ(logged("expiring"), 1u);
  advance(hours{2});
  EXPECT_TRUE(stored().empty());
}

TEST_F(lease_test, every_event_of_a_lease_is_counted_by_its_name) {
  rent(10);
  ASSERT_TRUE(extend(1).ok());
  advance(hours{11 * 24 + 2});
  ASSERT_TRUE(stored().empty());
  for (const auto* name : {"extended", "expiring", "released", "gone"})
    EXPECT_EQ(env->meters->event(name).Value(), 1) << name;
  EXPECT_EQ(env->meters->event("other").Value(), 0);
}

TEST_F(lease_test, an_extension_is_warned_of_anew) {
  rent(10);
  advance(hours{9 * 24 + 1});
  ASSERT_EQ(warnings(), 1u);
  ASSERT_TRUE(extend(3).ok());
  EXPECT_EQ(record().warned_at, 0);
  advance(hours{2 * 24 + 22});
  EXPECT_EQ(warnings(), 1u);
  advance(hours{2});
  EXPECT_EQ(warnings(), 2u);
}

TEST_F(lease_test, a_paused_one_is_warned_of_too_and_a_warning_that_was_missed_is_made_up_for) {
  rent(10);
  ASSERT_TRUE(act(pending_action::pause).ok());
  end_tree();
  sched.advance_time(hours{9 * 24 + 12});
  start_tree();
  publish({miner("a")});
  advance(minutes{20});
  EXPECT_EQ(warnings(), 1u);
  EXPECT_EQ(record().state, lode::allocation_state::paused);
}

TEST_F(lease_test, a_lease_that_is_over_when_the_process_comes_back_ends_without_a_warning) {
  settings.notify.deallocation_url = settings.notify.status_url;
  end_tree();
  start_tree();
  publish({miner("a")});
  rent(10);
  end_tree();
  sched.advance_time(hours{11 * 24});
  start_tree();
  publish({miner("a")});
  advance(minutes{20});
  EXPECT_TRUE(stored().empty());
  EXPECT_EQ(warnings(), 0u);
  EXPECT_EQ(logged("expiring"), 0u);
  EXPECT_EQ(receiver->log.size(), 1u) << "but its end is told";
}

TEST_F(lease_test, a_short_lease_is_warned_of_when_half_of_it_has_passed) {
  rent(1);
  advance(hours{11});
  EXPECT_EQ(warnings(), 0u);
  advance(hours{2});
  EXPECT_EQ(warnings(), 1u);
}

TEST_F(lease_test, no_warning_where_none_is_wanted) {
  settings.allocation.warn_hours = 0;
  end_tree();
  start_tree();
  publish({miner("a")});
  rent(2);
  advance(hours{47});
  EXPECT_EQ(stored().size(), 1u);
  EXPECT_EQ(logged("expiring"), 0u);
  EXPECT_EQ(warnings(), 0u);
}

TEST_F(lease_test, without_a_receiver_the_warning_is_an_event_only) {
  settings.notify.status_url.clear();
  end_tree();
  start_tree();
  publish({miner("a")});
  rent(2);
  advance(hours{25});
  EXPECT_EQ(logged("expiring"), 1u);
  EXPECT_TRUE(receiver->log.empty());
}

}  // namespace
}  // namespace lode::testing
