// Marks: what they keep from whom, that they outlive a crash, and how a quarantine comes and goes.

#include "crypto/hotkey.hpp"
#include "fixture.hpp"

#include <boost/json.hpp>

namespace lode::testing {
namespace {

using names = std::vector<std::string>;
constexpr std::array all_marks{mark_kind::blacklist, mark_kind::cordon, mark_kind::drain, mark_kind::quarantine};

class marks_test : public actor_test {
 protected:
  errc mark(const std::string& hotkey, mark_kind kind, const std::string& reason = "", const std::string& by = "") {
    mark_miner m{hotkey, kind, reason, {}};
    m.ctx.caller = by;
    return ask<done>(m).code();
  }
  errc unmark(const std::string& hotkey, mark_kind kind) { return ask<done>(unmark_miner{hotkey, kind, {}}).code(); }
  errc allocate_any() { return ask<allocation>(allocate_spec{}).code(); }
  miner_status status(const std::string& hotkey) {
    auto list = ask<miner_status_list>(list_miners{hotkey, {}});
    return list.ok() && list.value().items.size() == 1 ? list.value().items[0] : miner_status{};
  }
  names marks(const std::string& hotkey) {
    names out;
    for (const auto& m : status(hotkey).marks) out.emplace_back(to_string(m.mark));
    return out;
  }
  /// Writes behind the ledger's back, while no tree runs.
  template <class F>
  void write(F&& what) {
    storage::commit_request r;
    what(r.writes);
    const auto done = store->commit({&r, 1});
    ASSERT_TRUE(done && done->at(0));
  }
  void restart() {
    end_tree();
    start_tree();
  }
  /// "event hotkey mark" of each event about a miner, in order.
  names miner_events() {
    names out;
    for (const auto& text : event_log()) {
      if (!text.starts_with("miner {")) continue;
      const auto e = boost::json::parse(text.substr(6)).as_object();
      const auto member = [&](const char* key) { return std::string{e.at(key).as_string()}; };
      EXPECT_FALSE(member("time").empty());
      out.push_back(member("event") + " " + member("hotkey") + " " + member("mark"));
    }
    return out;
  }
  /// Answers every check with this outcome.
  void checks_come_to(errc code, bool answered_no = false) {
    link->answer = [=, this](const miner_call& c) -> std::optional<miner_reply> {
      if (c.action != miner_action::check) return fleet[c.to.hotkey](c);
      miner_reply r;
      r.code = code;
      r.answered_no = answered_no;
      return r;
    };
  }
  void miners_behave() {
    link->answer = [this](const miner_call& c) -> std::optional<miner_reply> { return fleet[c.to.hotkey](c); };
  }
};

TEST_F(marks_test, each_mark_keeps_a_miner_from_being_offered_and_from_being_had_by_name) {
  start_tree();
  publish({miner("a")});
  for (const auto kind : all_marks) {
    ASSERT_EQ(mark("a", kind), errc::none);
    EXPECT_FALSE(status("a").eligible);
    EXPECT_EQ(allocate_any(), errc::no_candidate) << to_string(kind);
    auto by_name = allocate("a");
    EXPECT_EQ(by_name.code(), kind == mark_kind::blacklist ? errc::blacklisted : errc::no_candidate);
    EXPECT_EQ(link->log.size(), 0u) << "the miner was asked";
    ASSERT_EQ(unmark("a", kind), errc::none);
    EXPECT_EQ(unmark("a", kind), errc::not_found);
    EXPECT_TRUE(status("a").eligible);
  }
  EXPECT_EQ(allocate_any(), errc::none);
}

TEST_F(marks_test, the_renter_hears_that_it_takes_nothing_new_and_not_why) {
  start_tree();
  publish({miner("a")});
  ASSERT_EQ(mark("a", mark_kind::drain, "the owner owes us"), errc::none);
  auto a = allocate("a");
  EXPECT_EQ(from_caf((*a.slot)->error()).detail, "The miner takes nothing new (drain).");
}

TEST_F(marks_test, a_live_allocation_goes_on_to_its_end) {
  start_tree();
  publish({miner("a")});
  auto a = allocate("a");
  ASSERT_TRUE(a.ok());
  for (const auto kind : all_marks) ASSERT_EQ(mark("a", kind), errc::none);
  const auto uuid = a.value().uuid_key;
  EXPECT_EQ(status("a").state, "active");
  EXPECT_TRUE(ask<done>(docker_action{pending_action::pause, "a", uuid, "", "", {}}).ok());
  EXPECT_TRUE(ask<done>(docker_action{pending_action::unpause, "a", uuid, "", "", {}}).ok());
  EXPECT_EQ(ask<allocation_list>(list_allocations{}).value().items.size(), 1u);
  EXPECT_TRUE(ask<done>(deallocate{"a", uuid, false, {}}).ok());
  EXPECT_EQ(allocate_any(), errc::no_candidate);
  for (const auto kind : all_marks) ASSERT_EQ(unmark("a", kind), errc::none);
  EXPECT_EQ(allocate_any(), errc::none);
}

// Else a renter could keep an operator waiting for as long as the miner was told.
TEST_F(marks_test, what_is_to_become_empty_runs_out_and_its_leases_are_made_no_longer) {
  start_tree();
  publish({miner("a")});
  auto a = allocate("a");
  ASSERT_TRUE(a.ok());
  const auto extend = [&](const std::string& uuid) { return ask<allocation>(extend_lease{"a", uuid, 1, {}}); };
  const auto& uuid = a.value().uuid_key;
  for (const auto kind : {mark_kind::cordon, mark_kind::quarantine}) {
    ASSERT_EQ(mark("a", kind), errc::none);
    EXPECT_TRUE(extend(uuid).ok()) << to_string(kind) << " is about what is new";
  }
  for (const auto kind : {mark_kind::drain, mark_kind::blacklist}) {
    ASSERT_EQ(mark("a", kind, "the owner owes us"), errc::none);
    const auto before = stored().at(0);
    auto refused = extend(uuid);
    ASSERT_EQ(refused.code(), errc::wrong_state) << to_string(kind);
    EXPECT_EQ(from_caf((*refused.slot)->error()).detail, "The miner takes nothing new (" +
                                                             std::string{to_string(kind)} +
                                                             "): its lease runs out and is made no longer.");
    EXPECT_EQ(extend("x").code(), errc::wrong_uuid) << "only its renter hears of it";
    EXPECT_EQ(stored().at(0).revision, before.revision);
    EXPECT_EQ(stored().at(0).record.expires_at, before.record.expires_at);
    restart();
    EXPECT_EQ(extend(uuid).code(), errc::wrong_state) << "after a crash too";
    ASSERT_EQ(unmark("a", kind), errc::none);
    EXPECT_TRUE(extend(uuid).ok());
  }
}

TEST_F(marks_test, marks_outlive_a_crash_and_hold_before_anything_is_offered) {
  start_tree();
  publish({miner("a"), miner("b")});
  ASSERT_EQ(mark("a", mark_kind::cordon, "new driver", "alice"), errc::none);
  ASSERT_EQ(mark("b", mark_kind::blacklist, "fraud", "bob"), errc::none);
  const auto before = status("a").marks;
  end_tree();
  start_tree(false);
  auto first = ask_later<allocation>(registry, allocate_hotkey{"b", {}, {}});
  run();
  EXPECT_TRUE(first.code() == errc::not_ready || first.code() == errc::blacklisted);
  // Both are remembered, so they could be offered before a list of miners is read.
  EXPECT_EQ(allocate_any(), errc::no_candidate);
  EXPECT_EQ(allocate("b").code(), errc::blacklisted);
  EXPECT_EQ(status("a").marks, before);
  EXPECT_EQ(before, (std::vector<miner_mark>{{mark_kind::cordon, "new driver", before.at(0).since, "alice"}}));
  EXPECT_GE(before[0].since, 1'700'000'000'000);
  ASSERT_EQ(unmark("b", mark_kind::blacklist), errc::none);
  restart();
  EXPECT_EQ(marks("b"), names{});
  EXPECT_EQ(allocate("b").code(), errc::none);
}

TEST_F(marks_test, an_unknown_hotkey_can_be_blacklisted_only_and_must_be_one) {
  start_tree();
  publish({miner("a")});
  crypto::public_key key{};
  key[0] = 7;
  const auto stranger = crypto::ss58_encode(key);
  EXPECT_EQ(mark(stranger, mark_kind::cordon), errc::unknown_hotkey);
  EXPECT_EQ(mark("nobody", mark_kind::blacklist), errc::unknown_hotkey);
  auto misspelt = stranger;
  misspelt.back() = misspelt.back() == 'x' ? 'y' : 'x';
  EXPECT_EQ(mark(misspelt, mark_kind::blacklist), errc::unknown_hotkey);
  EXPECT_EQ(mark(stranger, mark_kind::blacklist), errc::none);
  EXPECT_EQ(allocate(stranger).code(), errc::blacklisted);
  EXPECT_FALSE(status(stranger).known);
  restart();
  publish({miner("a"), miner(stranger)});
  EXPECT_EQ(allocate(stranger).code(), errc::blacklisted);
  EXPECT_TRUE(status(stranger).known);
  publish({miner("a")});
  EXPECT_EQ(marks(stranger), names{"blacklist"}) << "it leaves, and the mark stays";
}

TEST_F(marks_test, marks_that_come_at_once_are_all_kept) {
  start_tree();
  publish({miner("a")});
  std::vector<pending<done>> asked;
  for (const auto kind : all_marks) asked.push_back(ask_later<done>(registry, mark_miner{"a", kind, "x", {}}));
  asked.push_back(ask_later<done>(registry, unmark_miner{"a", mark_kind::cordon, {}}));
  asked.push_back(ask_later<done>(registry, mark_miner{"a", mark_kind::drain, "y", {}}));
  run();
  for (auto& p : asked) EXPECT_TRUE(p.ok());
  const auto kept = status("a").marks;
  restart();
  EXPECT_EQ(status("a").marks, kept);
  EXPECT_EQ(marks("a").size(), 3u);
}

TEST_F(marks_test, a_mark_that_could_not_be_written_is_none) {
  start_tree();
  publish({miner("a")});
  EXPECT_EQ(mark("a", mark_kind::cordon, std::string(513, 'x')), errc::bad_request);
  mark_miner late{"a", mark_kind::cordon, "", {}};
  late.ctx.deadline = sched.clock().now();
  EXPECT_EQ(ask<done>(late).code(), errc::deadline_exceeded);
  store->fail_commit(1, storage::commit_fault::lost);
  EXPECT_EQ(mark("a", mark_kind::cordon), errc::store_io);
  EXPECT_EQ(fatal.size(), 1u);
  EXPECT_EQ(marks("a"), names{});
}

TEST_F(marks_test, damaged_marks_stop_the_start) {
  start_tree();
  publish({miner("a")});
  ASSERT_EQ(mark("a", mark_kind::blacklist), errc::none);
  end_tree();
  for (const char* text : {"", "{}", R"({"v":1,"marks":[{"mark":"kick","since":1}]})", R"({"v":1,"marks":7})",
                           R"({"v":1,"marks":[{"mark":"drain","since":1},{"mark":"drain","since":2}]})"}) {
    write([&](auto& w) { w.put(storage::column::meta, "marks/a", text); });
    fatal.clear();
    start_tree();
    ASSERT_EQ(fatal.size(), 1u) << text;
    EXPECT_EQ(fatal[0].code, errc::store_damaged);
    EXPECT_EQ(allocate("a").code(), errc::store_io);
    end_tree();
  }
}

TEST_F(marks_test, every_change_is_an_event) {
  start_tree();
  publish({miner("a")});
  mark("a", mark_kind::cordon, "first");
  mark("a", mark_kind::cordon, "second");
  mark("a", mark_kind::blacklist);
  unmark("a", mark_kind::cordon);
  unmark("a", mark_kind::cordon);
  EXPECT_EQ(miner_events(), (names{"marked a cordon", "marked a cordon", "marked a blacklist", "unmarked a cordon"}));
}

TEST_F(marks_test, a_drained_miner_says_once_when_it_is_empty) {
  start_tree();
  publish({miner("a"), miner("b")});
  mark("b", mark_kind::drain);
  EXPECT_EQ(miner_events(), (names{"marked b drain", "drained b drain"})) << "it was empty";
  auto a = allocate("a");
  mark("a", mark_kind::drain);
  EXPECT_EQ(miner_events().size(), 3u);
  restart();
  publish({miner("a"), miner("b")});
  EXPECT_EQ(miner_events().size(), 3u) << "a is rented, and b has said so";
  ASSERT_TRUE(ask<done>(deallocate{"a", a.value().uuid_key, false, {}}).ok());
  EXPECT_EQ(miner_events().back(), "drained a drain");
  EXPECT_EQ(miner_events().size(), 4u);
  restart();
  publish({miner("a"), miner("b")});
  EXPECT_EQ(miner_events().size(), 4u);
  unmark("a", mark_kind::drain);
  mark("a", mark_kind::drain);
  EXPECT_EQ(miner_events().size(), 7u) << "a new drain says it again";
}

TEST_F(marks_test, a_miner_that_became_empty_in_a_crash_says_so_after_it) {
  start_tree();
  publish({miner("a")});
  auto a = allocate("a");
  mark("a", mark_kind::drain);
  // The release is durable, its event of the miner is not: as a crash between the two leaves it.
  end_tree();
  write([](auto& w) { w.erase(storage::column::allocations, "a"); });
  start_tree();
  EXPECT_EQ(miner_events().back(), "drained a drain");
}

TEST_F(marks_test, gauges_count_the_marked) {
  start_tree();
  publish({miner("a"), miner("b")});
  const auto& gauges = env->meters->miners.marked;
  const auto count = [&](mark_kind k) { return gauges.at(static_cast<std::size_t>(k))->Value(); };
  for (const char* h : {"a", "b"}) mark(h, mark_kind::drain);
  mark("a", mark_kind::blacklist);
  EXPECT_EQ(count(mark_kind::drain), 2);
  EXPECT_EQ(count(mark_kind::blacklist), 1);
  EXPECT_EQ(count(mark_kind::cordon), 0);
  unmark("a", mark_kind::drain);
  unmark("b", mark_kind::drain);
  EXPECT_EQ(count(mark_kind::drain), 0);
  EXPECT_EQ(count(mark_kind::blacklist), 1);
}

TEST_F(marks_test, the_list_of_miners_holds_known_and_marked_ones_by_hotkey) {
  start_tree();
  auto bare = miner("c");
  bare.specs.reset();
  publish({miner("a"), miner("b"), bare});
  const auto stranger = crypto::ss58_encode(crypto::public_key{});
  ASSERT_EQ(mark(stranger, mark_kind::blacklist), errc::none);
  ASSERT_TRUE(allocate("b").ok());
  auto all = ask<miner_status_list>(list_miners{});
  ASSERT_EQ(all.value().total, 4u);
  names order, eligible;
  for (const auto& m : all.value().items) {
    order.push_back(m.info.hotkey);
    if (m.eligible) eligible.push_back(m.info.hotkey);
    EXPECT_EQ(m.busy, m.info.hotkey == "b");
    EXPECT_EQ(m.state, m.info.hotkey == "b" ? "active" : "");
    EXPECT_EQ(m.known, m.info.hotkey != stranger);
  }
  EXPECT_EQ(order, (names{stranger, "a", "b", "c"}));
  EXPECT_EQ(eligible, (names{"a", "b"})) << "b would be offered if it were free";
  auto second = ask<miner_status_list>(list_miners{std::nullopt, {2, 3}});
  ASSERT_EQ(second.value().items.size(), 1u);
  EXPECT_EQ(second.value().items[0].info.hotkey, "c");
  EXPECT_EQ(second.value().total, 4u);
  EXPECT_EQ(ask<miner_status_list>(list_miners{"nobody", {}}).value().total, 0u);
}

// -- quarantine

class quarantine_test : public marks_test {
 protected:
  void SetUp() override {
    marks_test::SetUp();
    settings.placement.quarantine_failures = 3;
    start_tree();
    publish({miner("a")});
  }
  void fail(int times) {
    for (int i = 0; i < times; ++i) EXPECT_EQ(allocate_any(), errc::no_candidate);
  }
};

TEST_F(quarantine_test, failures_in_a_row_lead_to_it_and_its_time_ends_it) {
  for (const auto code : {errc::miner_failed, errc::miner_nonsense, errc::miner_timed_out}) {
    checks_come_to(code);
    const auto asked = link->count(miner_action::check);
    fail(2);
    EXPECT_EQ(marks("a"), names{}) << to_string(code);
    fail(1);
    ASSERT_EQ(marks("a"), names{"quarantine"}) << to_string(code);
    EXPECT_EQ(link->count(miner_action::check), asked + 3);
    const auto m = status("a").marks[0];
    EXPECT_EQ(m.by, "lode");
    EXPECT_NE(m.reason.find("3 placements in a row failed"), std::string::npos) << m.reason;
    EXPECT_EQ(allocate("a").code(), errc::no_candidate);
    EXPECT_EQ(link->count(miner_action::check), asked + 3);
    miners_behave();
    advance(std::chrono::minutes{59});
    EXPECT_EQ(allocate_any(), errc::no_candidate);
    advance(std::chrono::minutes{1});
    EXPECT_EQ(marks("a"), names{});
  }
  EXPECT_EQ(allocate_any(), errc::none);
  EXPECT_EQ(miner_events().size(), 6u);
  EXPECT_EQ(miner_events().back(), "unmarked a quarantine");
}

TEST_F(quarantine_test, it_ends_in_time_after_a_crash_too) {
  checks_come_to(errc::miner_failed);
  fail(3);
  advance(std::chrono::minutes{20});
  restart();
  miners_behave();
  EXPECT_EQ(marks("a"), names{"quarantine"});
  advance(std::chrono::minutes{39});
  EXPECT_EQ(allocate_any(), errc::no_candidate);
  advance(std::chrono::minutes{2});
  EXPECT_EQ(allocate_any(), errc::none);
}

TEST_F(quarantine_test, it_is_over_at_once_when_its_time_passed_while_we_were_down) {
  checks_come_to(errc::miner_failed);
  fail(3);
  end_tree();
  sched.advance_time(std::chrono::minutes{61});
  start_tree();
  miners_behave();
  EXPECT_EQ(marks("a"), names{});
  EXPECT_EQ(allocate_any(), errc::none);
}

TEST_F(quarantine_test, an_operator_ends_it_sooner_and_the_count_begins_anew) {
  checks_come_to(errc::miner_failed);
  fail(3);
  ASSERT_EQ(unmark("a", mark_kind::quarantine), errc::none);
  fail(2);
  EXPECT_EQ(marks("a"), names{});
  fail(1);
  EXPECT_EQ(marks("a"), names{"quarantine"});
}

TEST_F(quarantine_test, one_that_an_operator_sets_ends_by_itself_as_well_and_a_second_time_prolongs_it) {
  ASSERT_EQ(mark("a", mark_kind::quarantine, "smells"), errc::none);
  advance(std::chrono::minutes{40});
  ASSERT_EQ(mark("a", mark_kind::quarantine, "still"), errc::none);
  advance(std::chrono::minutes{40});
  EXPECT_EQ(marks("a"), names{"quarantine"});
  advance(std::chrono::minutes{21});
  EXPECT_EQ(marks("a"), names{});
}

TEST_F(quarantine_test, a_success_between_begins_the_count_anew) {
  checks_come_to(errc::miner_failed);
  fail(2);
  miners_behave();
  auto a = ask<allocation>(allocate_spec{});
  ASSERT_TRUE(a.ok());
  ASSERT_TRUE(ask<done>(deallocate{"a", a.value().uuid_key, false, {}}).ok());
  checks_come_to(errc::miner_failed);
  fail(2);
  EXPECT_EQ(marks("a"), names{});
}

TEST_F(quarantine_test, what_is_not_the_miners_fault_does_not_count) {
  checks_come_to(errc::miner_refused, true);  // somebody else's container
  fail(10);
  checks_come_to(errc::miner_refused);  // it does not know our hotkey, or we have no stake
  fail(10);
  checks_come_to(errc::miner_unreachable);
  fail(10);
  checks_come_to(errc::overloaded);
  fail(0);
  EXPECT_EQ(marks("a"), names{});
  // The client's time was up, not the miner's.
  link->answer = [](const miner_call&) { return std::nullopt; };
  for (int i = 0; i < 10; ++i) {
    allocate_spec hurried;
    hurried.ctx.deadline = sched.clock().now() + std::chrono::seconds{2};
    auto p = ask<allocation>(hurried);
    ASSERT_EQ(link->calls.size(), 1u);
    EXPECT_LE(link->calls.front().call.timeout, std::chrono::seconds{2});
    advance(std::chrono::seconds{2});
    miner_reply r;
    r.code = errc::miner_timed_out;
    ASSERT_TRUE(link->reply_to(miner_action::check, r));
    run();
    EXPECT_EQ(p.code(), errc::deadline_exceeded);
  }
  EXPECT_EQ(marks("a"), names{});
}

TEST_F(quarantine_test, what_a_renter_wrote_cannot_put_a_miner_out_of_use) {
  auto code = errc::miner_failed;
  link->answer = [&](const miner_call& c) -> std::optional<miner_reply> {
    if (c.action != miner_action::reg) return fleet[c.to.hotkey](c);
    miner_reply r;
    r.code = code;
    r.answered_no = code == errc::miner_refused;
    return r;
  };
  const auto ask_with = [&](const docker_requirement& docker) {
    for (int i = 0; i < 4 && marks("a").empty(); ++i) {
      const auto registered = link->count(miner_action::reg);
      allocate_spec bad;
      bad.docker = docker;
      EXPECT_EQ(ask<allocation>(bad).code(), errc::no_candidate);
      EXPECT_EQ(link->count(miner_action::reg), registered + 1);
      advance(std::chrono::minutes{10});  // until it is settled that nothing came of it
    }
    return marks("a");
  };
  docker_requirement appendix;
  appendix.dockerfile = "RUN exit 1";
  EXPECT_EQ(ask_with(appendix), names{});
  docker_requirement image;
  image.base_image = "none-such";
  EXPECT_EQ(ask_with(image), names{});
  code = errc::miner_refused;
  docker_requirement key;
  key.ssh_key = "junk";
  EXPECT_EQ(ask_with(key), names{});
  code = errc::miner_failed;
  EXPECT_EQ(ask_with(key), names{"quarantine"});
}

TEST_F(quarantine_test, a_registration_that_is_refused_after_a_check_that_was_not_counts) {
  link->answer = [this](const miner_call& c) -> std::optional<miner_reply> {
    if (c.action != miner_action::reg) return fleet[c.to.hotkey](c);
    miner_reply r;
    r.code = errc::miner_refused;
    r.answered_no = true;
    return r;
  };
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(marks("a"), names{});
    EXPECT_EQ(allocate_any(), errc::no_candidate);
    advance(std::chrono::minutes{1});  // the release of what may have been made
  }
  EXPECT_EQ(link->count(miner_action::reg), 3u);
  EXPECT_EQ(marks("a"), names{"quarantine"});
}

TEST_F(quarantine_test, it_can_be_switched_off) {
  end_tree();
  settings.placement.quarantine_failures = 0;
  start_tree();
  checks_come_to(errc::miner_failed);
  fail(50);
  EXPECT_EQ(marks("a"), names{});
}

// -- explain

using explained_fleets = marks_test;

// Over random fleets, under each policy: whatever explain ranks is what allocate_spec then asks, in that order.
TEST_F(explained_fleets, are_tried_as_explained) {
  for (const char* policy : {"best-fit", "spread", "random"})
    for (std::uint64_t seed = 1; seed <= 15; ++seed) {
      std::mt19937_64 rng{seed};
      const auto upto = [&](std::uint64_t n) { return rng() % n; };
      store = std::make_shared<storage::faulty_store>(storage::make_memory_store());
      fleet.clear();
      miners_behave();
      settings.placement.policy = policy;
      start_tree();
      std::vector<miner_info> list;
      for (int i = 0; i < 12; ++i) {
        auto m = miner("m" + std::to_string(i), static_cast<std::int64_t>(4000 + 4000 * upto(4)));
        m.specs->cpu_count = static_cast<std::int64_t>(1 + upto(4));
        m.specs->gpu_count = static_cast<std::int64_t>(1 + upto(2));
        if (upto(6) == 0) m.specs.reset();
        list.push_back(std::move(m));
      }
      publish(list);
      for (const auto& m : list) {
        if (upto(4) == 0) mark(m.hotkey, all_marks.at(upto(4)), "seed");
        if (upto(5) == 0) allocate(m.hotkey);
        if (upto(4) == 0) caf::anon_send(registry, reachability_update{m.hotkey, false});
        run();
      }
      allocate_spec request;
      request.device.gpu_size = static_cast<std::int64_t>(upto(9));
      request.device.gpu_count = static_cast<std::int64_t>(1 + upto(2));
      request.device.cpu_count = static_cast<std::int64_t>(upto(4));
      auto all = ask<explained_list>(explain_placement{request.device, std::nullopt, {}});
      ASSERT_TRUE(all.ok());
      EXPECT_EQ(all.value().total, list.size());
      names ranked, unranked;
      for (const auto& m : all.value().items) {
        if (m.rank) {
          ranked.push_back(m.hotkey);
          EXPECT_EQ(*m.rank, static_cast<std::int64_t>(ranked.size()));
          EXPECT_TRUE(m.fits);
          EXPECT_EQ(m.reasons.empty(), status(m.hotkey).reachable);
        } else {
          unranked.push_back(m.hotkey);
          EXPECT_FALSE(m.reasons.empty()) << m.hotkey << " of seed " << seed;
        }
        auto one = ask<explained_list>(explain_placement{request.device, m.hotkey, {}});
        ASSERT_EQ(one.value().items.size(), 1u);
        EXPECT_EQ(one.value().items[0].rank, m.rank);
        EXPECT_EQ(one.value().items[0].reasons, m.reasons);
      }
      EXPECT_TRUE(std::is_sorted(unranked.begin(), unranked.end()));
      EXPECT_EQ(ask<explained_list>(explain_placement{request.device, std::nullopt, {2, 5}}).value().items[0].hotkey,
                all.value().items[5].hotkey);
      checks_come_to(errc::miner_refused, true);
      const auto before = link->log.size();
      EXPECT_EQ(ask<allocation>(request).code(), errc::no_candidate);
      names asked;
      for (auto i = before; i < link->log.size(); ++i) asked.push_back(link->log[i].to.hotkey);
      EXPECT_EQ(asked, ranked) << policy << ", seed " << seed;
      end_tree();
    }
}

TEST_F(explained_fleets, say_why_not) {
  start_tree();
  auto bare = miner("bare");
  bare.specs.reset();
  publish({miner("large", 48000), miner("small", 8000), miner("rented"), miner("cordoned"), bare});
  ASSERT_TRUE(allocate("rented").ok());
  ASSERT_EQ(mark("cordoned", mark_kind::cordon, "new driver", "alice"), errc::none);
  explain_placement q;
  q.device.gpu_size = 20;
  q.device.gpu_count = 2;
  q.device.cpu_count = 9;
  q.device.ram = 65;
  q.device.hard_disk = 513;
  q.device.gpu_type = "A100";
  const auto reasons = [&](const std::string& hotkey) {
    q.hotkey = hotkey;
    return ask<explained_list>(q).value().items.at(0).reasons;
  };
  EXPECT_EQ(reasons("small"),
            (names{"needs 9 CPU cores, has 8", "needs 65 GiB of RAM, has 64", "needs 513 GiB of disk, has 512",
                   "needs 2 GPUs, has 1", "needs 20 GB of GPU memory, has 8",
                   R"(needs a GPU named "A100", has "NVIDIA GeForce RTX 4090")"}));
  q.device = {};
  q.device.gpu_size = 20;
  EXPECT_EQ(reasons("large"), names{});
  EXPECT_EQ(reasons("small"), names{"needs 20 GB of GPU memory, has 8"});
  EXPECT_EQ(reasons("rented"), names{"its slot is taken: its allocation is active"});
  EXPECT_EQ(reasons("bare"), names{"its hardware is not known: nobody named specs that are whole"});
  EXPECT_EQ(reasons("nobody"), names{"it is not in the metagraph"});
  const auto why = reasons("cordoned");
  ASSERT_EQ(why.size(), 1u);
  EXPECT_TRUE(why[0].starts_with("it is cordoned since 20")) << why[0];
  EXPECT_TRUE(why[0].ends_with("Z by alice: new driver")) << why[0];
  q.hotkey = "cordoned";
  EXPECT_TRUE(ask<explained_list>(q).value().items[0].fits) << "it would be enough";
}

}  // namespace
}  // namespace lode::testing
