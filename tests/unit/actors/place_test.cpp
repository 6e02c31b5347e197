// Placement and the life of an allocation, message by message.

#include "fixture.hpp"

namespace lode::testing {
namespace {

class place_test : public actor_test {};

TEST_F(place_test, intent_is_durable_before_the_miner_is_told_and_the_record_before_the_reply) {
  start_tree();
  publish({miner("a")});
  std::vector<std::string> seen;
  link->answer = [&](const miner_call& c) -> std::optional<miner_reply> {
    auto records = stored();
    seen.push_back(std::string{to_string(c.action)} +
                   (records.empty() ? " none" : " " + std::string{to_string(records[0].record.state)}));
    if (c.action == miner_action::reg) {
      EXPECT_FALSE(records[0].record.private_key.empty());
      EXPECT_EQ(records[0].record.public_key, c.public_key);
    }
    return fleet[c.to.hotkey](c);
  };
  auto a = allocate("a");
  ASSERT_TRUE(a.ok());
  EXPECT_EQ(seen, (std::vector<std::string>{"check none", "register reserving"}));
  ASSERT_EQ(stored().size(), 1u);
  EXPECT_EQ(stored()[0].record.state, lode::allocation_state::active);
  EXPECT_EQ(a.value().uuid_key, stored()[0].record.uuid);
  EXPECT_EQ(a.value().ssh_command, "ssh root@10.0.0.1 -p 4444");
  EXPECT_EQ(a.value().state, "active");
}

TEST_F(place_test, the_store_never_holds_a_secret_in_clear) {
  start_tree();
  publish({miner("a")});
  auto a = allocate("a");
  ASSERT_TRUE(a.ok());
  for (auto column : {storage::column::allocations, storage::column::events})
    for (const auto& e : *store->scan(column, "", "", SIZE_MAX)) {
      EXPECT_EQ(e.value.find(a.value().uuid_key), std::string::npos) << e.value;
      EXPECT_EQ(e.value.find("s3cret"), std::string::npos) << e.value;
      EXPECT_EQ(e.value.find("PRIVATE KEY"), std::string::npos) << e.value;
    }
}

TEST_F(place_test, two_hundred_requests_for_fifty_miners_give_fifty_allocations_on_fifty_miners) {
  start_tree();
  std::vector<miner_info> miners;
  for (int i = 0; i < 50; ++i) miners.push_back(miner("m" + std::to_string(i)));
  publish(std::move(miners));
  std::vector<pending<allocation>> asked;
  for (int i = 0; i < 200; ++i) asked.push_back(ask_later<allocation>(registry, allocate_spec{}));
  run();
  std::set<std::string> hotkeys, uuids;
  int refused = 0;
  for (auto& p : asked) {
    ASSERT_TRUE(p.answered());
    if (p.ok()) {
      hotkeys.insert(p.value().hotkey);
      uuids.insert(p.value().uuid_key);
    } else {
      EXPECT_EQ(p.code(), errc::no_candidate);
      ++refused;
    }
  }
  EXPECT_EQ(hotkeys.size(), 50u);
  EXPECT_EQ(uuids.size(), 50u);
  EXPECT_EQ(refused, 150);
  for (auto& [hotkey, m] : fleet) EXPECT_EQ(m.containers_destroyed, 0) << hotkey;
}

TEST_F(place_test, a_taken_miner_is_busy_at_once) {
  start_tree();
  publish({miner("a")});
  ASSERT_TRUE(allocate("a").ok());
  const auto calls = link->log.size();
  EXPECT_EQ(allocate("a").code(), errc::busy);
  EXPECT_EQ(link->log.size(), calls);
  EXPECT_EQ(ask<allocation>(allocate_spec{}).code(), errc::no_candidate);
  EXPECT_EQ(allocate("nobody").code(), errc::unknown_hotkey);
}

TEST_F(place_test, a_paused_miner_is_never_given_away) {
  start_tree();
  publish({miner("a")});
  auto a = allocate("a");
  ASSERT_TRUE(ask<done>(docker_action{pending_action::pause, "a", a.value().uuid_key, "", "", {}}).ok());
  EXPECT_EQ(stored()[0].record.state, lode::allocation_state::paused);
  EXPECT_EQ(allocate("a").code(), errc::busy);
  EXPECT_EQ(ask<allocation>(allocate_spec{}).code(), errc::no_candidate);
  EXPECT_EQ(link->count(miner_action::reg), 1u);
}

TEST_F(place_test, a_hotkey_asked_twice_is_probed_once_and_answered_twice) {
  start_tree();
  publish({miner("a"), miner("b")});
  ASSERT_TRUE(allocate("a").ok());
  const auto before = link->log.size();
  auto status = ask<hotkey_status_list>(check_status{{"a", "nobody", "b", "a"}, false, {}});
  ASSERT_TRUE(status.ok());
  std::vector<std::string> texts;
  for (const auto& item : status.value().items) texts.push_back(item.hotkey + " " + item.status);
  EXPECT_EQ(texts,
            (std::vector<std::string>{"a Docker ONLINE", "nobody Not Found", "b Docker OFFLINE", "a Docker ONLINE"}));
  EXPECT_EQ(link->log.size() - before, 2u);
}

TEST_F(place_test, an_occupied_slot_is_refused_without_a_registration) {
  start_tree();
  publish({miner("a"), miner("b")});
  fleet["a"].holder = "somebody else's key";
  EXPECT_EQ(allocate("a").code(), errc::busy);
  EXPECT_EQ(link->count(miner_action::reg), 0u);
  EXPECT_TRUE(stored().empty());
  auto anywhere = ask<allocation>(allocate_spec{});
  ASSERT_TRUE(anywhere.ok());
  EXPECT_EQ(anywhere.value().hotkey, "b");
}

TEST_F(place_test, three_checks_three_seconds_apart_before_a_hotkey_is_given_up) {
  start_tree();
  publish({miner("a")});
  link->answer = [](const miner_call&) { return miner_reply{}; };  // unreachable
  auto a = allocate("a");
  EXPECT_FALSE(a.answered());
  EXPECT_EQ(link->log.size(), 1u);
  advance(std::chrono::seconds{4});
  EXPECT_EQ(link->log.size(), 2u);
  advance(std::chrono::seconds{4});
  EXPECT_EQ(link->log.size(), 3u);
  EXPECT_EQ(a.code(), errc::miner_unreachable);
  link->answer = [this](const miner_call& c) { return fleet[c.to.hotkey](c); };
  EXPECT_TRUE(allocate("a").ok());
}

TEST_F(place_test, a_refused_registration_moves_on_and_is_cleaned_up) {
  start_tree();
  publish({miner("a", 10000), miner("b", 20000)});
  link->answer = [this](const miner_call& c) -> std::optional<miner_reply> {
    if (c.to.hotkey == "a" && c.action == miner_action::reg) {
      fleet["a"](c);  // the container runs although the miner says no
      miner_reply no;
      no.code = errc::miner_refused;
      no.answered_no = true;
      return no;
    }
    return fleet[c.to.hotkey](c);
  };
  auto a = ask<allocation>(allocate_spec{});
  ASSERT_TRUE(a.ok());
  EXPECT_EQ(a.value().hotkey, "b");
  EXPECT_TRUE(fleet["a"].holder.empty());
  EXPECT_EQ(stored().size(), 1u);
}

TEST_F(place_test, a_registration_that_times_out_is_deregistered_until_that_is_answered_and_settled) {
  start_tree();
  publish({miner("a")});
  int deregisters = 0;
  std::string key;
  bool late = false;
  link->answer = [&](const miner_call& c) -> std::optional<miner_reply> {
    if (c.action == miner_action::reg) {
      key = c.public_key;
      miner_reply r;
      r.code = errc::miner_timed_out;
      return r;
    }
    if (c.action == miner_action::deregister) {
      EXPECT_EQ(c.public_key, key);
      ++deregisters;
      if (late) fleet["a"].holder = key;  // the registration succeeds after all
      miner_reply silent;
      silent.code = errc::miner_timed_out;
      if (deregisters == 1) return silent;
    }
    return fleet["a"](c);
  };
  auto a = allocate("a");
  EXPECT_EQ(a.code(), errc::miner_timed_out);
  advance(std::chrono::seconds{30});
  EXPECT_GE(deregisters, 2);
  // The miner has answered "no", but the registration may still come: the slot stays ours.
  EXPECT_EQ(stored().size(), 1u);
  EXPECT_EQ(allocate("a").code(), errc::busy);
  late = true;
  advance(std::chrono::minutes{10});
  EXPECT_TRUE(stored().empty());
  EXPECT_TRUE(fleet["a"].holder.empty());
}

TEST_F(place_test, an_unreachable_miner_is_left_without_a_trace) {
  start_tree();
  publish({miner("a", 10000), miner("b", 20000)});
  link->answer = [this](const miner_call& c) -> std::optional<miner_reply> {
    if (c.to.hotkey == "a" && c.action == miner_action::reg) return miner_reply{};
    return fleet[c.to.hotkey](c);
  };
  auto a = ask<allocation>(allocate_spec{});
  ASSERT_TRUE(a.ok());
  EXPECT_EQ(a.value().hotkey, "b");
  ASSERT_EQ(stored().size(), 1u);
  EXPECT_EQ(link->count(miner_action::deregister), 0u);
}

TEST_F(place_test, garbage_instead_of_the_ssh_access_is_undone) {
  settings.placement.quarantine_failures = 0;
  start_tree();
  publish({miner("a")});
  for (const char* info : {"", "garbage", "AAAA"}) {
    link->answer = [&](const miner_call& c) -> std::optional<miner_reply> {
      auto r = fleet["a"](c);
      if (c.action == miner_action::reg) r.info = info;
      return r;
    };
    EXPECT_EQ(allocate("a").code(), errc::miner_nonsense) << info;
    EXPECT_TRUE(fleet["a"].holder.empty());
    EXPECT_TRUE(stored().empty());
  }
  for (const char* plain :
       {"{}", "[1]", R"({"username":"a;b","password":"x","port":22})", R"({"username":"root","password":"x","port":0})",
        R"({"username":"root","password":"x","port":65536})", R"({"username":"root","port":22})"}) {
    link->answer = [&](const miner_call& c) -> std::optional<miner_reply> {
      auto r = fleet["a"](c);
      if (c.action == miner_action::reg) r.info = crypto::encrypt_to(c.public_key, plain).value();
      return r;
    };
    EXPECT_EQ(allocate("a").code(), errc::miner_nonsense) << plain;
    EXPECT_TRUE(fleet["a"].holder.empty());
  }
}

TEST_F(place_test, past_the_deadline_nothing_more_is_started_and_what_was_started_is_undone) {
  start_tree();
  publish({miner("a")});
  link->answer = [](const miner_call&) { return std::nullopt; };
  request_context ctx;
  ctx.deadline = sched.clock().now() + std::chrono::seconds{10};
  auto a = ask<allocation>(allocate_hotkey{"a", {}, ctx});
  ASSERT_EQ(link->calls.size(), 1u);
  EXPECT_LE(link->calls.front().call.timeout, std::chrono::seconds{10});
  ASSERT_TRUE(link->reply_to(miner_action::check, fleet["a"](link->calls.front().call)));
  run();
  ASSERT_EQ(link->calls.size(), 1u);  // the registration is on its way
  advance(std::chrono::seconds{11});
  auto made = fleet["a"](link->calls.front().call);
  ASSERT_TRUE(link->reply_to(miner_action::reg, made));
  link->answer = [this](const miner_call& c) { return fleet[c.to.hotkey](c); };
  run();
  EXPECT_EQ(a.code(), errc::deadline_exceeded);
  EXPECT_TRUE(fleet["a"].holder.empty());
  EXPECT_TRUE(stored().empty());
}

TEST_F(place_test, existing_miners_get_rsa_and_those_that_announce_it_x25519) {
  start_tree();
  publish({miner("a"), miner("b")});
  std::map<std::string, std::string> keys;
  link->answer = [&](const miner_call& c) -> std::optional<miner_reply> {
    auto r = fleet[c.to.hotkey](c);
    r.takes_x25519 = c.to.hotkey == "b";
    if (c.action == miner_action::reg) keys[c.to.hotkey] = c.public_key;
    return r;
  };
  ASSERT_TRUE(allocate("a").ok());
  ASSERT_TRUE(allocate("b").ok());
  EXPECT_EQ(*crypto::kind_of_public_key(keys["a"]), key_kind::rsa2048);
  EXPECT_EQ(*crypto::kind_of_public_key(keys["b"]), key_kind::x25519);
}

TEST_F(place_test, lease_and_told_timeline) {
  start_tree();
  publish({miner("a"), miner("b")});
  ASSERT_TRUE(allocate("a").ok());
  const auto told = [&](const std::string& hotkey) {
    for (const auto& c : link->log)
      if (c.action == miner_action::reg && c.to.hotkey == hotkey) return c.timeline_days;
    return std::int64_t{-1};
  };
  EXPECT_EQ(told("a"), 60);
  EXPECT_EQ(stored()[0].record.expires_at - stored()[0].record.created_at, 30LL * 24 * 3600 * 1000);
  allocate_spec spec;
  spec.device.timeline = 7;
  ASSERT_TRUE(ask<allocation>(spec).ok());
  EXPECT_EQ(told("b"), 14);
  spec.device.timeline = 20'000;
  publish({miner("a"), miner("b"), miner("c")});
  ASSERT_TRUE(ask<allocation>(spec).ok());
  EXPECT_EQ(told("c"), 36'500) << "the most that a lode-miner takes";
}

TEST_F(place_test, a_store_that_cannot_write_refuses_and_tells) {
  start_tree();
  publish({miner("a")});
  store->fail_commit(1, storage::commit_fault::lost);
  EXPECT_EQ(allocate("a").code(), errc::store_io);
  EXPECT_EQ(link->count(miner_action::reg), 0u);
  ASSERT_EQ(fatal.size(), 1u);
  EXPECT_EQ(fatal[0].code, errc::store_io);
}

TEST_F(place_test, a_round_of_health_checks_without_an_allocation_is_answered) {
  start_tree();
  publish({miner("a")});
  EXPECT_TRUE(ask<done>(check_health{}).ok());
}

}  // namespace

}  // namespace lode::testing
