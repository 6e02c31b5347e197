// Crashes: of the process at every durable point, and of single actors.

#include "fixture.hpp"

namespace lode::testing {
namespace {

class recovery_test : public actor_test {
 protected:
  // What an exception in a handler does to an actor.
  void crash_miner(const std::string& hotkey) {
    caf::anon_send_exit(inspector::miner_of(registry, hotkey), caf::exit_reason::unhandled_exception);
  }
  void crash_allocation(const std::string& hotkey) {
    caf::anon_send_exit(inspector::allocation_of(registry, hotkey), caf::exit_reason::unhandled_exception);
  }
  void restart_process() {
    end_tree();
    start_tree();
    publish({miner("a"), miner("b")});
  }
};

TEST_F(recovery_test, an_active_allocation_survives_and_can_be_released) {
  start_tree();
  publish({miner("a"), miner("b")});
  auto a = allocate("a");
  restart_process();
  auto listed = ask<allocation_list>(list_allocations{});
  ASSERT_EQ(listed.value().items.size(), 1u);
  EXPECT_EQ(listed.value().items[0], a.value());
  EXPECT_EQ(allocate("a").code(), errc::busy);
  EXPECT_TRUE(ask<done>(deallocate{"a", a.value().uuid_key, false, {}}).ok());
  EXPECT_TRUE(fleet["a"].holder.empty());
}

TEST_F(recovery_test, an_interrupted_registration_is_undone_whether_the_miner_acted_or_not) {
  for (const bool miner_acted : {false, true}) {
    start_tree();
    publish({miner("a"), miner("b")});
    link->answer = [](const miner_call& c) -> std::optional<miner_reply> {
      if (c.action == miner_action::reg) return std::nullopt;
      return fake_miner{}(c);
    };
    auto a = allocate("a");
    ASSERT_EQ(link->calls.size(), 1u);
    ASSERT_EQ(stored().at(0).record.state, lode::allocation_state::reserving);
    if (miner_acted) fleet["a"](link->calls.front().call);
    link->answer = [this](const miner_call& c) { return fleet[c.to.hotkey](c); };
    restart_process();
    EXPECT_TRUE(ask<allocation_list>(list_allocations{}).value().items.empty());
    advance(std::chrono::minutes{10});
    EXPECT_TRUE(stored().empty()) << miner_acted;
    EXPECT_TRUE(fleet["a"].holder.empty());
    EXPECT_TRUE(allocate("a").ok());
    ask<done>(deallocate{"a", stored()[0].record.uuid, false, {}});
    end_tree();
  }
}

TEST_F(recovery_test, an_interrupted_release_goes_on) {
  start_tree();
  publish({miner("a"), miner("b")});
  auto a = allocate("a");
  link->answer = [](const miner_call&) { return std::nullopt; };
  auto released = ask<done>(deallocate{"a", a.value().uuid_key, false, {}});
  EXPECT_FALSE(released.answered());
  ASSERT_EQ(stored().at(0).record.state, lode::allocation_state::releasing);
  link->answer = [this](const miner_call& c) { return fleet[c.to.hotkey](c); };
  restart_process();
  EXPECT_TRUE(stored().empty());
  EXPECT_TRUE(fleet["a"].holder.empty());
}

TEST_F(recovery_test, an_interrupted_action_is_rolled_back) {
  start_tree();
  publish({miner("a"), miner("b")});
  auto a = allocate("a");
  link->answer = [](const miner_call&) { return std::nullopt; };
  auto paused = ask<done>(docker_action{pending_action::pause, "a", a.value().uuid_key, "", "", {}});
  ASSERT_EQ(link->calls.size(), 1u);
  fleet["a"](link->calls.front().call);
  ASSERT_TRUE(fleet["a"].paused);
  ASSERT_EQ(stored().at(0).record.pending, pending_action::pause);
  link->answer = [this](const miner_call& c) { return fleet[c.to.hotkey](c); };
  restart_process();
  EXPECT_FALSE(fleet["a"].paused);
  EXPECT_EQ(stored().at(0).record.pending, pending_action::none);
  EXPECT_EQ(stored().at(0).record.state, lode::allocation_state::active);
}

TEST_F(recovery_test, a_commit_whose_outcome_is_unknown_ends_in_a_consistent_state) {
  // The second commit of an allocation (the record) reaches the disk, but the process hears of a failure and ends.
  start_tree();
  publish({miner("a"), miner("b")});
  store->fail_commit(2, storage::commit_fault::unknown);
  auto a = allocate("a");
  EXPECT_EQ(a.code(), errc::store_io);
  EXPECT_FALSE(fatal.empty());
}

TEST_F(recovery_test, readiness_tells_of_the_recovery) {
  start_tree();
  auto ready = ask<readiness>(get_readiness{});
  EXPECT_TRUE(ready.value().ready);
  EXPECT_TRUE(ready.value().recovered);
}

TEST_F(recovery_test, a_miner_actor_that_crashes_is_restarted_from_the_store) {
  start_tree();
  publish({miner("a"), miner("b")});
  auto a = allocate("a");
  ASSERT_TRUE(a.ok());
  link->answer = [](const miner_call&) { return std::nullopt; };
  auto status = ask_later<hotkey_status_list>(registry, check_status{{"a"}, false, {}});
  run();
  ASSERT_EQ(link->calls.size(), 1u);
  link->answer = [this](const miner_call& c) { return fleet[c.to.hotkey](c); };
  crash_miner("a");
  run();
  EXPECT_EQ(status.value().items.at(0).status, "Unknown");
  advance(std::chrono::seconds{2});
  auto listed = ask<allocation_list>(list_allocations{});
  ASSERT_EQ(listed.value().items.size(), 1u);
  EXPECT_TRUE(ask<done>(deallocate{"a", a.value().uuid_key, false, {}}).ok());
  EXPECT_TRUE(fleet["a"].holder.empty());
}

TEST_F(recovery_test, an_allocation_actor_that_crashes_is_restarted_from_the_store) {
  start_tree();
  publish({miner("a"), miner("b")});
  auto a = allocate("a");
  ASSERT_TRUE(a.ok());
  crash_allocation("a");
  run();
  advance(std::chrono::seconds{2});
  EXPECT_EQ(allocate("a").code(), errc::busy);
  EXPECT_TRUE(ask<done>(deallocate{"a", a.value().uuid_key, false, {}}).ok());
  EXPECT_TRUE(fleet["a"].holder.empty());
  EXPECT_TRUE(stored().empty());
}

TEST_F(recovery_test, a_miner_that_keeps_crashing_is_put_aside_and_the_rest_goes_on) {
  start_tree();
  publish({miner("a"), miner("b")});
  for (int i = 0; i < 5; ++i) {
    crash_miner("a");
    run();
    if (i < 4) advance(std::chrono::seconds{5});
  }
  auto ready = ask<readiness>(get_readiness{}).value();
  EXPECT_EQ(ready.set_aside, std::vector<std::string>{"a"});
  EXPECT_TRUE(ready.ready);
  EXPECT_TRUE(allocate("b").ok());
  EXPECT_EQ(ask<allocation>(allocate_spec{}).code(), errc::no_candidate);
  advance(std::chrono::minutes{3});
  EXPECT_TRUE(ask<readiness>(get_readiness{}).value().set_aside.empty());  // it has settled
  EXPECT_TRUE(ask<allocation>(allocate_spec{}).ok());
}

TEST_F(recovery_test, a_rented_miner_that_left_the_metagraph_is_still_told_to_deregister_after_a_restart) {
  start_tree();
  publish({miner("a")});
  auto a = allocate("a");
  ASSERT_TRUE(a.ok());
  publish({});
  end_tree();
  start_tree();
  publish({});
  EXPECT_TRUE(ask<done>(deallocate{"a", a.value().uuid_key, false, {}}).ok());
  ASSERT_FALSE(link->log.empty());
  EXPECT_EQ(link->log.back().action, miner_action::deregister);
  EXPECT_EQ(link->log.back().to.port, 8091);
  EXPECT_TRUE(fleet["a"].holder.empty());
  EXPECT_TRUE(stored().empty());
  end_tree();
  start_tree();  // and with its lease over it is forgotten
  EXPECT_EQ(allocate("a").code(), errc::unknown_hotkey);
}

TEST_F(recovery_test, the_listing_is_complete_as_soon_as_there_is_one) {
  start_tree();
  std::vector<miner_info> miners;
  for (int i = 0; i < 30; ++i) miners.push_back(miner("m" + std::to_string(i)));
  publish(miners);
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(ask<allocation>(allocate_spec{}).ok());
  end_tree();
  link->answer = [](const miner_call&) { return std::nullopt; };
  start_tree(false);
  std::vector<pending<allocation_list>> asked;  // one between any two steps of any actor
  do asked.push_back(ask_later<allocation_list>(registry, list_allocations()));
  while (asked.size() < 500 && sched.try_run_once());
  run();
  std::size_t complete = 0;
  for (auto& p : asked) {
    if (!p.ok()) {
      EXPECT_EQ(p.code(), errc::not_ready);
      continue;
    }
    ++complete;
    EXPECT_EQ(p.value().items.size(), 30u);
  }
  EXPECT_GT(complete, 0u);
  EXPECT_LT(complete, asked.size());
}

TEST_F(recovery_test, a_part_of_the_metagraph_takes_nobody_away) {
  start_tree();
  publish({miner("a")});
  metagraph_snapshot part;
  part.miners = {miner("b")};
  part.complete = false;
  caf::anon_send(registry, part);
  run();
  EXPECT_TRUE(allocate("a").ok());
  EXPECT_TRUE(allocate("b").ok());
}

TEST_F(recovery_test, a_sealed_secret_moved_to_another_record_does_not_open) {
  start_tree();
  publish({miner("a"), miner("b")});
  ASSERT_TRUE(allocate("a").ok());
  auto value = store->get(storage::column::allocations, "a").value()->value;
  const std::string own = R"("hotkey":"a")";
  const auto at = value.find(own);
  ASSERT_NE(at, std::string::npos);
  value.replace(at, own.size(), R"("hotkey":"b")");
  storage::commit_request forged;
  forged.writes.put(storage::column::allocations, "b", value);
  ASSERT_TRUE(store->commit({&forged, 1}));
  end_tree();
  fatal.clear();
  start_tree();
  ASSERT_EQ(fatal.size(), 1u);
}

TEST_F(recovery_test, known_miners_are_remembered_without_a_metagraph) {
  start_tree();
  publish({miner("a")});
  end_tree();
  start_tree();
  EXPECT_TRUE(allocate("a").ok());
}

}  // namespace
}  // namespace lode::testing
