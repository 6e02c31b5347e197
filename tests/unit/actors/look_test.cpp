// A renter's look at the own container: what it says, that it shares the periodic check's, and that it counts nothing.

#include "fixture.hpp"

namespace lode::testing {
namespace {

class look_test : public actor_test {
 protected:
  void SetUp() override {
    actor_test::SetUp();
    settings.jobs.allocation_check_misses = 3;
    start_tree();
    publish({miner("a")});
    auto made = allocate("a");
    ASSERT_TRUE(made.ok());
    uuid = made.value().uuid_key;
  }
  pending<port_report> look() { return ask<port_report>(check_port{"a", uuid, {}}); }
  std::string uuid;
};

TEST_F(look_test, it_says_what_was_found) {
  auto good = look();
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(good.value().hotkey, "a");
  EXPECT_EQ(good.value().ssh_ip, "10.0.0.1");
  EXPECT_EQ(good.value().ssh_port, 4444);
  EXPECT_EQ(good.value().port, ssh_state::open);
  EXPECT_TRUE(good.value().reachable);
  EXPECT_EQ(good.value().healthy, true);
  EXPECT_TRUE(good.value().eligible);
  EXPECT_EQ(good.value().misses, 0);
  EXPECT_EQ(good.value().checked_at, now());
  link->ssh = ssh_state::closed;
  auto bad = look();
  EXPECT_EQ(bad.value().port, ssh_state::closed);
  EXPECT_TRUE(bad.value().reachable);
  EXPECT_EQ(bad.value().healthy, false);
  EXPECT_TRUE(stored()[0].record.offline) << "what it shows is known from then on";
}

TEST_F(look_test, reachable_healthy_and_eligible_are_kept_apart) {
  link->answer = [](const miner_call&) { return miner_reply{}; };  // unreachable
  link->ssh = ssh_state::unknown;
  auto lost = look();
  ASSERT_TRUE(lost.ok());
  EXPECT_FALSE(lost.value().reachable);
  EXPECT_EQ(lost.value().healthy, std::nullopt) << "nothing was seen yet";
  EXPECT_TRUE(lost.value().eligible);
  link->ssh = ssh_state::open;
  EXPECT_EQ(look().value().healthy, true) << "the container serves although the axon does not";
  link->ssh = ssh_state::unknown;
  EXPECT_EQ(look().value().healthy, true) << "a loss of the network shows nothing of the container";
  EXPECT_FALSE(stored()[0].record.offline);
  link->answer = [this](const miner_call& c) { return fleet["a"](c); };
  publish({});
  auto left = look();
  EXPECT_TRUE(left.value().reachable);
  EXPECT_FALSE(left.value().eligible) << "it is not in the metagraph";
}

TEST_F(look_test, looking_again_and_again_ends_no_lease) {
  fleet["a"].holder.clear();
  link->ssh = ssh_state::closed;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(look().value().misses, 0);
  EXPECT_EQ(stored()[0].record.state, lode::allocation_state::active);
  ask<done>(check_health{});
  ask<done>(check_health{});
  EXPECT_EQ(look().value().misses, 2);
  link->ssh = ssh_state::open;
  EXPECT_EQ(look().value().misses, 0) << "a banner is a banner, whoever looks";
  link->ssh = ssh_state::closed;
  for (int i = 0; i < 2; ++i) ask<done>(check_health{});
  EXPECT_EQ(stored()[0].record.state, lode::allocation_state::active);
  ask<done>(check_health{});
  EXPECT_EQ(look().code(), errc::no_allocation);
}

TEST_F(look_test, those_who_look_at_once_share_one_look_which_counts_once) {
  link->ssh.reset();
  std::vector<pending<port_report>> asked;
  for (int i = 0; i < 5; ++i) asked.push_back(look());
  auto round = ask<done>(check_health{});
  for (int i = 0; i < 5; ++i) asked.push_back(look());
  EXPECT_EQ(link->probes.size(), 1u);
  EXPECT_EQ(link->count(miner_action::holds), 1u);
  EXPECT_FALSE(round.answered());
  link->ssh = ssh_state::silent;
  run();
  EXPECT_TRUE(round.ok());
  for (auto& p : asked) {
    ASSERT_TRUE(p.ok());
    EXPECT_EQ(p.value().misses, 1);
    EXPECT_EQ(p.value().port, ssh_state::silent);
    EXPECT_EQ(p.value().healthy, false);
  }
  EXPECT_EQ(look().value().misses, 1);
}

TEST_F(look_test, no_more_wait_for_a_look_than_are_bearable) {
  link->ssh.reset();
  std::vector<pending<port_report>> asked;
  for (int i = 0; i < 70; ++i) asked.push_back(look());
  const auto refused =
      std::count_if(asked.begin(), asked.end(), [](const auto& p) { return p.code() == errc::overloaded; });
  EXPECT_EQ(refused, 6);
  link->ssh = ssh_state::open;
  run();
  EXPECT_EQ(std::count_if(asked.begin(), asked.end(), [](const auto& p) { return p.ok(); }), 64);
}

TEST_F(look_test, only_its_renter_looks_and_only_at_what_runs) {
  EXPECT_EQ(ask<port_report>(check_port{"a", "x", {}}).code(), errc::wrong_uuid);
  EXPECT_EQ(ask<port_report>(check_port{"b", uuid, {}}).code(), errc::no_allocation);
  check_port late{"a", uuid, {}};
  late.ctx.deadline = sched.clock().now();
  EXPECT_EQ(ask<port_report>(late).code(), errc::deadline_exceeded);
  ASSERT_TRUE(ask<done>(docker_action{pending_action::pause, "a", uuid, "", "", {}}).ok());
  EXPECT_EQ(look().code(), errc::wrong_state);
  EXPECT_TRUE(link->probes.empty());
  EXPECT_EQ(link->count(miner_action::holds), 0u);
}

TEST_F(look_test, a_release_in_between_is_the_answer) {
  link->ssh.reset();
  auto asked = look();
  ASSERT_TRUE(ask<done>(deallocate{"a", uuid, false, {}}).ok());
  EXPECT_EQ(asked.code(), errc::no_allocation);
}

TEST_F(look_test, a_look_during_an_action_is_told_and_changes_nothing) {
  link->answer = [this](const miner_call& c) -> std::optional<miner_reply> {
    if (c.action == miner_action::restart) return std::nullopt;
    return fleet["a"](c);
  };
  auto restarting = ask<done>(docker_action{pending_action::restart, "a", uuid, "", "", {}});
  link->ssh = ssh_state::closed;
  auto seen = look();
  ASSERT_TRUE(seen.ok());
  EXPECT_EQ(seen.value().port, ssh_state::closed);
  EXPECT_FALSE(stored()[0].record.offline) << "a port is closed while its container restarts";
  link->answer = [this](const miner_call& c) { return fleet["a"](c); };
  run();
  EXPECT_TRUE(restarting.ok());
}

}  // namespace
}  // namespace lode::testing
