// Actions, leases, health and release of a live allocation.

#include "fixture.hpp"

namespace lode::testing {
namespace {

class life_test : public actor_test {
 protected:
  void SetUp() override {
    actor_test::SetUp();
    start_tree();
    publish({miner("a")});
    auto made = allocate("a");
    ASSERT_TRUE(made.ok());
    uuid = made.value().uuid_key;
  }
  pending<done> act(pending_action what, std::string key = {}, std::string type = {}) {
    return ask<done>(docker_action{what, "a", uuid, std::move(key), std::move(type), {}});
  }
  pending<done> release() { return ask<done>(deallocate{"a", uuid, false, {}}); }
  std::string uuid;
};

TEST_F(life_test, deallocate_removes_the_container_and_frees_the_miner) {
  ASSERT_TRUE(release().ok());
  EXPECT_TRUE(stored().empty());
  EXPECT_TRUE(fleet["a"].holder.empty());
  EXPECT_EQ(release().code(), errc::no_allocation);
  EXPECT_TRUE(allocate("a").ok());
}

TEST_F(life_test, a_wrong_uuid_changes_nothing) {
  for (const auto& wrong : {std::string{}, std::string{"x"}, std::string(uuid.size(), '0')}) {
    EXPECT_EQ(ask<done>(deallocate{"a", wrong, false, {}}).code(), errc::wrong_uuid);
    EXPECT_EQ(ask<done>(docker_action{pending_action::pause, "a", wrong, "", "", {}}).code(), errc::wrong_uuid);
  }
  EXPECT_EQ(stored()[0].record.state, lode::allocation_state::active);
  EXPECT_EQ(ask<done>(deallocate{"b", uuid, false, {}}).code(), errc::no_allocation);
}

TEST_F(life_test, releasing_is_durable_before_the_miner_is_told) {
  link->answer = [this](const miner_call& c) -> std::optional<miner_reply> {
    if (c.action == miner_action::deregister) {
      EXPECT_EQ(stored()[0].record.state, lode::allocation_state::releasing);
    }
    return fleet["a"](c);
  };
  EXPECT_TRUE(release().ok());
}

TEST_F(life_test, a_silent_miner_ends_the_lease_but_is_not_offered_until_it_confirms) {
  bool silent = true;
  link->answer = [&](const miner_call& c) -> std::optional<miner_reply> {
    if (!silent) return fleet["a"](c);
    miner_reply r;
    r.code = errc::miner_timed_out;
    return r;
  };
  auto released = release();
  EXPECT_FALSE(released.answered());
  advance(std::chrono::seconds{5});
  EXPECT_TRUE(released.ok());  // after three tries
  EXPECT_GE(link->count(miner_action::deregister), 3u);
  EXPECT_TRUE(ask<allocation_list>(list_allocations{}).value().items.empty());
  EXPECT_EQ(allocate("a").code(), errc::busy);
  EXPECT_EQ(release().code(), errc::no_allocation);
  advance(std::chrono::hours{1});
  EXPECT_EQ(stored().size(), 1u);
  const auto tries = link->count(miner_action::deregister);
  EXPECT_LT(tries, 40u);  // backed off
  silent = false;
  advance(std::chrono::minutes{10});
  EXPECT_TRUE(stored().empty());
  EXPECT_TRUE(fleet["a"].holder.empty());
  EXPECT_TRUE(allocate("a").ok());
}

TEST_F(life_test, a_miner_that_lost_the_container_is_believed_after_two_denials) {
  fleet["a"].holder = "another validator's key";
  auto released = release();
  advance(std::chrono::seconds{30});
  EXPECT_TRUE(released.ok());
  EXPECT_TRUE(stored().empty());
  EXPECT_EQ(fleet["a"].holder, "another validator's key");
}

TEST_F(life_test, a_releasing_miner_that_leaves_the_metagraph_is_let_go) {
  link->answer = [](const miner_call&) { return miner_reply{}; };
  auto released = release();
  advance(std::chrono::minutes{1});
  ASSERT_EQ(stored().size(), 1u);
  publish({});
  advance(std::chrono::minutes{1});
  EXPECT_TRUE(stored().empty());
  EXPECT_EQ(allocate("a").code(), errc::unknown_hotkey);
}

TEST_F(life_test, a_release_is_answered_within_the_deadline_however_slow_the_miner_is) {
  ASSERT_TRUE(act(pending_action::pause).ok());
  link->answer = [](const miner_call&) { return std::nullopt; };  // not even a time-out
  request_context ctx;
  ctx.deadline = sched.clock().now() + std::chrono::seconds{100};
  auto released = ask<done>(deallocate{"a", uuid, false, ctx});
  advance(std::chrono::seconds{80});
  EXPECT_FALSE(released.answered());
  advance(std::chrono::seconds{15});
  EXPECT_TRUE(released.ok());
  EXPECT_EQ(stored().at(0).record.state, lode::allocation_state::releasing);
}

TEST_F(life_test, a_release_that_the_miner_confirmed_does_not_wait_for_the_disk_and_is_finished_after_a_crash) {
  const auto disk = store;
  store = std::make_shared<storage::faulty_store>(disk);
  end_tree();
  start_tree();
  store->fail_commit(2, storage::commit_fault::lost);  // 1: the intent
  EXPECT_TRUE(release().ok());
  EXPECT_EQ(fatal.size(), 1u);
  ASSERT_EQ(stored().size(), 1u);
  EXPECT_EQ(stored()[0].record.state, lode::allocation_state::releasing);
  EXPECT_TRUE(fleet["a"].holder.empty());
  end_tree();
  store = disk;
  start_tree();
  publish({miner("a")});
  advance(std::chrono::seconds{10});  // it holds nothing any more, and says so twice
  EXPECT_TRUE(stored().empty());
  EXPECT_TRUE(allocate("a").ok());
}

TEST_F(life_test, nothing_keeps_an_allocation_actor_that_is_over) {
  // With a deadline that is armed with the wheel, and one that is too far away for that.
  for (const auto patience : {std::chrono::seconds{100}, std::chrono::seconds{300}}) {
    const auto actor = caf::actor_cast<caf::weak_actor_ptr>(inspector::allocation_of(registry, "a"));
    ASSERT_TRUE(actor.lock());
    request_context ctx;
    ctx.deadline = sched.clock().now() + patience;
    ASSERT_TRUE(ask<done>(deallocate{"a", uuid, false, ctx}).ok());
    EXPECT_FALSE(actor.lock()) << patience.count();
    auto again = allocate("a");
    ASSERT_TRUE(again.ok());
    uuid = again.value().uuid_key;
  }
}

TEST_F(life_test, pause_and_unpause) {
  EXPECT_EQ(act(pending_action::unpause).code(), errc::wrong_state);
  ASSERT_TRUE(act(pending_action::pause).ok());
  EXPECT_EQ(stored()[0].record.state, lode::allocation_state::paused);
  EXPECT_TRUE(fleet["a"].paused);
  EXPECT_EQ(act(pending_action::pause).code(), errc::wrong_state);
  EXPECT_EQ(act(pending_action::restart).code(), errc::wrong_state);
  ASSERT_TRUE(act(pending_action::unpause).ok());
  EXPECT_EQ(stored()[0].record.state, lode::allocation_state::active);
  EXPECT_TRUE(act(pending_action::restart).ok());
}

TEST_F(life_test, a_paused_container_is_woken_before_it_is_removed) {
  ASSERT_TRUE(act(pending_action::pause).ok());
  ASSERT_TRUE(release().ok());
  ASSERT_GE(link->log.size(), 2u);
  EXPECT_EQ(link->log[link->log.size() - 2].action, miner_action::unpause);
  EXPECT_EQ(link->log.back().action, miner_action::deregister);
}

TEST_F(life_test, a_paused_container_that_cannot_be_woken_is_not_believed_to_be_gone_at_once) {
  ASSERT_TRUE(act(pending_action::pause).ok());
  bool broken = true;
  link->answer = [&](const miner_call& c) -> std::optional<miner_reply> {
    if (!broken || (c.action != miner_action::unpause && c.action != miner_action::deregister)) return fleet["a"](c);
    miner_reply no;
    no.code = errc::miner_refused;
    no.answered_no = true;
    return no;
  };
  auto released = release();
  advance(std::chrono::seconds{30});
  EXPECT_TRUE(released.ok());
  EXPECT_GE(link->count(miner_action::holds), 3u);  // "no" each time, since it does not run
  ASSERT_EQ(stored().size(), 1u);
  EXPECT_EQ(allocate("a").code(), errc::busy);
  broken = false;
  advance(std::chrono::minutes{10});
  EXPECT_TRUE(stored().empty());
  EXPECT_TRUE(fleet["a"].holder.empty());
}

TEST_F(life_test, an_action_that_succeeds_too_late_is_rolled_back) {
  link->answer = [](const miner_call&) { return std::nullopt; };
  request_context ctx;
  ctx.deadline = sched.clock().now() + std::chrono::seconds{2};
  auto paused = ask<done>(docker_action{pending_action::pause, "a", uuid, "", "", ctx});
  ASSERT_EQ(link->calls.size(), 1u);
  EXPECT_LE(link->calls.front().call.timeout, std::chrono::seconds{2});
  advance(std::chrono::seconds{3});
  link->reply_to(miner_action::pause, fleet["a"](link->calls.front().call));
  link->answer = [this](const miner_call& c) { return fleet["a"](c); };
  run();
  EXPECT_EQ(paused.code(), errc::deadline_exceeded);
  EXPECT_FALSE(fleet["a"].paused);
  EXPECT_EQ(stored()[0].record.state, lode::allocation_state::active);
  EXPECT_EQ(stored()[0].record.pending, pending_action::none);
}

TEST_F(life_test, a_miner_that_dies_while_an_action_rolls_back_is_noticed) {
  link->answer = [](const miner_call&) {
    miner_reply silent;
    silent.code = errc::miner_timed_out;
    return silent;
  };
  link->ssh = ssh_state::closed;
  EXPECT_EQ(act(pending_action::pause).code(), errc::miner_timed_out);
  for (int i = 0; i < 20; ++i) ask<done>(check_health{});
  EXPECT_EQ(stored().at(0).record.state, lode::allocation_state::releasing);
}

TEST_F(life_test, each_request_carries_its_own_id_to_the_miner) {
  docker_action pause{pending_action::pause, "a", uuid, "", "", {}};
  pause.ctx.request_id = "id-pause";
  ASSERT_TRUE(ask<done>(pause).ok());
  EXPECT_EQ(link->log.back().request_id, "id-pause");
  deallocate end{"a", uuid, false, {}};
  end.ctx.request_id = "id-end";
  ASSERT_TRUE(ask<done>(end).ok());
  EXPECT_EQ(link->log.back().action, miner_action::deregister);
  EXPECT_EQ(link->log.back().request_id, "id-end");
}

TEST_F(life_test, exchange_of_the_key_is_listed) {
  ASSERT_TRUE(act(pending_action::exchange_key, "ssh-ed25519 AAAA new", "user").ok());
  EXPECT_EQ(ask<allocation_list>(list_allocations{}).value().items.at(0).ssh_key, "ssh-ed25519 AAAA new");
  EXPECT_EQ(link->log.back().ssh_key, "ssh-ed25519 AAAA new");
  EXPECT_EQ(link->log.back().key_type, "user");
}

TEST_F(life_test, a_refusal_leaves_the_state_and_an_unanswered_action_is_rolled_back) {
  errc how = errc::miner_refused;
  link->answer = [&](const miner_call& c) -> std::optional<miner_reply> {
    if (c.action != miner_action::pause) return fleet["a"](c);
    if (how == errc::miner_timed_out) fleet["a"](c);  // it happened, but nobody heard
    miner_reply r;
    r.code = how;
    r.answered_no = how == errc::miner_refused;
    return r;
  };
  EXPECT_EQ(act(pending_action::pause).code(), errc::miner_refused);
  EXPECT_EQ(stored()[0].record.state, lode::allocation_state::active);
  EXPECT_EQ(stored()[0].record.pending, pending_action::none);
  how = errc::miner_timed_out;
  EXPECT_EQ(act(pending_action::pause).code(), errc::miner_timed_out);
  EXPECT_FALSE(fleet["a"].paused);
  EXPECT_EQ(stored()[0].record.state, lode::allocation_state::active);
  EXPECT_EQ(stored()[0].record.pending, pending_action::none);
}

TEST_F(life_test, actions_go_one_at_a_time_and_a_release_overtakes_them) {
  link->answer = [](const miner_call&) { return std::nullopt; };
  auto restart = act(pending_action::restart);
  auto pause = act(pending_action::pause);
  EXPECT_EQ(link->calls.size(), 1u);
  auto released = release();
  EXPECT_EQ(restart.code(), errc::no_allocation);
  EXPECT_EQ(pause.code(), errc::no_allocation);
  link->answer = [this](const miner_call& c) { return fleet["a"](c); };
  run();
  EXPECT_TRUE(released.ok());
  EXPECT_EQ(link->count(miner_action::pause), 0u);
}

TEST_F(life_test, the_lease_really_ends) {
  wheel_resolution = std::chrono::minutes{10};
  end_tree();
  start_tree();
  advance(std::chrono::hours{24 * 29});
  EXPECT_EQ(stored().size(), 1u);
  advance(std::chrono::hours{25});
  EXPECT_TRUE(stored().empty());
  EXPECT_TRUE(fleet["a"].holder.empty());
}

TEST_F(life_test, twenty_misses_release_and_nineteen_do_not) {
  fleet["a"].holder.clear();
  link->ssh = ssh_state::closed;
  for (int i = 0; i < 19; ++i) ASSERT_TRUE(ask<done>(check_health{}).ok());
  ASSERT_EQ(stored().size(), 1u);
  EXPECT_TRUE(stored()[0].record.offline);
  EXPECT_EQ(stored()[0].record.state, lode::allocation_state::active);
  ask<done>(check_health{});
  advance(std::chrono::seconds{30});
  EXPECT_TRUE(stored().empty());
}

TEST_F(life_test, a_short_network_loss_changes_reachability_only) {
  link->answer = [](const miner_call&) { return miner_reply{}; };
  link->ssh = ssh_state::unknown;
  for (int i = 0; i < 5; ++i) ask<done>(check_health{});
  EXPECT_FALSE(stored()[0].record.offline);
  link->ssh = ssh_state::open;
  link->answer = [this](const miner_call& c) { return fleet["a"](c); };
  ask<done>(check_health{});
  link->ssh = ssh_state::closed;
  for (int i = 0; i < 19; ++i) ask<done>(check_health{});
  EXPECT_EQ(stored().size(), 1u);  // the banner in between started the count anew
  EXPECT_TRUE(stored()[0].record.offline);
  link->ssh = ssh_state::open;
  ask<done>(check_health{});
  EXPECT_FALSE(stored()[0].record.offline);
}

TEST_F(life_test, a_paused_allocation_is_not_counted_as_missing) {
  ASSERT_TRUE(act(pending_action::pause).ok());
  link->ssh = ssh_state::silent;
  for (int i = 0; i < 30; ++i) ask<done>(check_health{});
  EXPECT_EQ(stored()[0].record.state, lode::allocation_state::paused);
}

TEST_F(life_test, every_state_change_is_in_the_event_log_once_and_in_order) {
  act(pending_action::pause);
  act(pending_action::unpause);
  release();
  std::vector<std::string> events;
  for (const auto& e : event_log()) {
    const auto at = e.find("\"event\":\"") + 9;
    events.push_back(e.substr(at, e.find('"', at) - at));
    EXPECT_EQ(e.find(uuid), std::string::npos);
  }
  EXPECT_EQ(events, (std::vector<std::string>{"reserved", "allocated", "pause_requested", "paused", "unpause_requested",
                                              "unpaused", "released", "gone"}));
}

TEST_F(life_test, an_action_on_a_hotkey_that_left_the_metagraph_says_so) {
  publish({});
  auto r = act(pending_action::restart);
  EXPECT_EQ(r.code(), errc::unknown_hotkey);
  EXPECT_TRUE(release().ok());
  EXPECT_TRUE(stored().empty());
}

}  // namespace
}  // namespace lode::testing
