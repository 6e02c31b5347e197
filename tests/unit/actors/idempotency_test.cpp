// Allocate calls under an idempotency key: one call, one allocation, whatever happens in between.

#include "actors/idempotency.hpp"

#include "fixture.hpp"

namespace lode::testing {
namespace {

class idempotency_test : public actor_test {
 protected:
  ~idempotency_test() override { stop(); }

  void start() {
    start_tree();
    once = sys.spawn(actors::idempotency,
                     idempotency_options{env, registry, [this](const error& e) { fatal.push_back(e); }});
    run();
  }
  void stop() {
    if (!once) return;
    caf::anon_send_exit(once, caf::exit_reason::kill);
    sched.run();
    once = nullptr;
  }
  /// A new process on the same store; miners must be published again.
  void restart() {
    stop();
    end_tree();
    start();
  }

  using reply = pending<once_reply>;
  reply ask_later(const std::string& key, const std::string& hotkey, std::chrono::milliseconds patience) {
    allocate_hotkey call{hotkey, {}, {}};
    call.ctx.claim = std::make_shared<idempotency_claim>(idempotency_claim{key, "request for " + hotkey});
    call.ctx.deadline = sched.clock().now() + patience;
    allocate_once message;
    message.call = std::move(call);
    return actor_test::ask_later<once_reply>(once, std::move(message));
  }
  reply ask(const std::string& key, const std::string& hotkey) {
    auto r = ask_later(key, hotkey, std::chrono::hours{1});
    run();
    return r;
  }
  void release(const std::string& hotkey) {
    const auto records = stored();
    const auto it = std::find_if(records.begin(), records.end(), [&](auto& s) { return s.record.hotkey == hotkey; });
    ASSERT_NE(it, records.end());
    deallocate d;
    d.hotkey = hotkey;
    d.uuid = it->record.uuid;
    ASSERT_TRUE(actor_test::ask<done>(d).ok());
  }
  [[nodiscard]] std::vector<storage::entry> kept() const {
    return *store->scan(storage::column::idempotency, "", "", SIZE_MAX);
  }

  idempotency_actor once;
};

TEST_F(idempotency_test, the_same_call_is_answered_with_the_first_ones_reply_also_after_a_restart_and_a_release) {
  start();
  publish({miner("a"), miner("b")});
  auto first = ask("k", "a");
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(first.value().replayed);
  EXPECT_NE(first.value().data.find(stored().at(0).record.uuid), std::string::npos);
  const auto replays = [&] {
    auto again = ask("k", "a");
    ASSERT_TRUE(again.ok());
    EXPECT_TRUE(again.value().replayed);
    EXPECT_EQ(again.value().data, first.value().data);
  };
  replays();
  restart();
  publish({miner("a"), miner("b")});
  replays();
  release("a");
  EXPECT_TRUE(stored().empty());
  replays();
  EXPECT_TRUE(stored().empty());
}

TEST_F(idempotency_test, a_key_that_was_used_with_another_request_is_refused) {
  start();
  publish({miner("a"), miner("b")});
  ASSERT_TRUE(ask("k", "a").ok());
  EXPECT_EQ(ask("k", "b").code(), errc::validation);
  restart();
  publish({miner("a"), miner("b")});
  EXPECT_EQ(ask("k", "b").code(), errc::validation);
  EXPECT_EQ(stored().size(), 1u);
  link->answer = [](const miner_call&) { return std::nullopt; };
  auto under_way = ask_later("other", "b", std::chrono::hours{1});
  EXPECT_EQ(ask("other", "a").code(), errc::validation);
  EXPECT_FALSE(under_way.answered());
}

TEST_F(idempotency_test, fifty_calls_at_once_wait_for_the_first_and_are_answered_alike) {
  start();
  publish({miner("a"), miner("b")});
  std::vector<reply> asked;
  for (int i = 0; i < 50; ++i) asked.push_back(ask_later("k", "a", std::chrono::hours{1}));
  run();
  int first = 0;
  for (auto& r : asked) {
    ASSERT_TRUE(r.ok());
    EXPECT_EQ(r.value().data, asked[0].value().data);
    if (!r.value().replayed) ++first;
  }
  EXPECT_EQ(first, 1);
  EXPECT_EQ(stored().size(), 1u);
  EXPECT_EQ(kept().size(), 1u);
}

TEST_F(idempotency_test, a_failure_leaves_nothing_and_is_tried_again) {
  start();
  EXPECT_EQ(ask("k", "a").code(), errc::unknown_hotkey);
  EXPECT_TRUE(kept().empty());
  publish({miner("a"), miner("b")});
  EXPECT_TRUE(ask("k", "a").ok());
  // Another request is no other use of a key that was never good for anything.
  EXPECT_EQ(ask("l", "c").code(), errc::unknown_hotkey);
  EXPECT_TRUE(ask("l", "b").ok());
}

TEST_F(idempotency_test, a_crash_before_the_record_is_undone_and_the_retry_gets_a_fresh_one) {
  start();
  publish({miner("a")});
  link->answer = [this](const miner_call& c) -> std::optional<miner_reply> {
    auto r = fleet[c.to.hotkey](c);
    if (c.action == miner_action::reg) return std::nullopt;  // it acts, and we end before its answer
    return r;
  };
  auto lost = ask("k", "a");
  EXPECT_FALSE(lost.answered());
  const auto holder = fleet["a"].holder;
  EXPECT_FALSE(holder.empty());
  EXPECT_TRUE(kept().empty());
  link->answer = [this](const miner_call& c) -> std::optional<miner_reply> { return fleet[c.to.hotkey](c); };
  restart();
  publish({miner("a")});
  EXPECT_TRUE(stored().empty());
  auto retry = ask("k", "a");
  ASSERT_TRUE(retry.ok());
  EXPECT_FALSE(retry.value().replayed);
  EXPECT_EQ(stored().size(), 1u);
  EXPECT_NE(fleet["a"].holder, holder);
}

TEST_F(idempotency_test, the_store_never_holds_two_allocations_of_one_key) {
  start();
  publish({miner("a"), miner("b")});
  const auto commit = [&](const std::string& hotkey) {
    commit_allocation c;
    c.record.hotkey = hotkey;
    c.event = "allocated";
    c.reply = kept_reply{"k", "request for a", now(), R"({"hotkey":")" + hotkey + "\"}"};
    return actor_test::ask_later<committed>(env->ledger, c);
  };
  auto first = commit("x");
  auto second = commit("y");
  auto seen = actor_test::ask_later<kept_replies>(env->ledger, load_reply{"k"});
  run();
  EXPECT_TRUE(first.ok());
  EXPECT_EQ(second.code(), errc::conflict);
  ASSERT_EQ(seen.value().items.size(), 1u) << "a commit that waits is written before the answer";
  EXPECT_EQ(seen.value().items[0].data, R"({"hotkey":"x"})");
  // The actor has not heard of it, as if it had been told of a failure: its own allocation does not become a second
  // one.
  auto r = ask("k", "a");
  ASSERT_TRUE(r.ok());
  EXPECT_EQ(r.value().data, R"({"hotkey":"x"})");
  advance(std::chrono::minutes{2});
  EXPECT_TRUE(fleet["a"].holder.empty()) << "what was made beside it is undone";
}

TEST_F(idempotency_test, a_call_waits_no_longer_than_its_own_deadline) {
  start();
  publish({miner("a")});
  link->answer = [](const miner_call&) { return std::nullopt; };
  auto first = ask_later("k", "a", std::chrono::hours{1});
  run();
  auto hasty = ask_later("k", "a", std::chrono::seconds{3});
  auto patient = ask_later("k", "a", std::chrono::seconds{30});
  advance(std::chrono::seconds{2});
  EXPECT_FALSE(hasty.answered());
  advance(std::chrono::seconds{2});
  EXPECT_EQ(hasty.code(), errc::deadline_exceeded);
  EXPECT_FALSE(patient.answered());
  EXPECT_FALSE(first.answered());
}

TEST_F(idempotency_test, a_key_expires_and_may_be_used_anew) {
  settings.idempotency.keep_hours = 1;
  start();
  publish({miner("a"), miner("b")});
  ASSERT_TRUE(ask("k", "a").ok());
  advance(std::chrono::minutes{59});
  EXPECT_EQ(ask("k", "b").code(), errc::validation);
  restart();  // its age is that of the reply, not of the process
  publish({miner("a"), miner("b")});
  advance(std::chrono::minutes{2});
  EXPECT_TRUE(kept().empty());
  auto anew = ask("k", "b");
  ASSERT_TRUE(anew.ok());
  EXPECT_FALSE(anew.value().replayed);
}

TEST_F(idempotency_test, keys_are_bounded_the_oldest_answered_one_goes_and_calls_under_way_stay) {
  settings.idempotency.keys = 2;
  start();
  publish({miner("a"), miner("b"), miner("c"), miner("d")});
  ASSERT_TRUE(ask("1", "a").ok());
  advance(std::chrono::seconds{1});
  ASSERT_TRUE(ask("2", "b").ok());
  advance(std::chrono::seconds{1});
  ASSERT_TRUE(ask("3", "c").ok());
  ASSERT_EQ(kept().size(), 2u);
  EXPECT_EQ(kept()[0].key, "2");
  EXPECT_TRUE(ask("2", "b").value().replayed);
  release("a");
  link->answer = [](const miner_call&) { return std::nullopt; };
  auto fourth = ask_later("4", "d", std::chrono::hours{1});
  auto fifth = ask_later("5", "a", std::chrono::hours{1});
  run();
  EXPECT_FALSE(fourth.answered());
  EXPECT_FALSE(fifth.answered());
  EXPECT_TRUE(kept().empty());
  EXPECT_EQ(ask("6", "d").code(), errc::overloaded);
}

TEST_F(idempotency_test, kept_replies_are_sealed_and_tied_to_their_key) {
  start();
  publish({miner("a")});
  ASSERT_TRUE(ask("k", "a").ok());
  ASSERT_EQ(kept().size(), 1u);
  const auto value = kept()[0].value;
  EXPECT_EQ(value.find(stored().at(0).record.uuid), std::string::npos) << value;
  EXPECT_EQ(value.find("s3cret"), std::string::npos) << value;
  const auto open = [&](const std::string& context) {
    return decode_kept_reply("k", value, [&](std::string_view text) { return sealer->open(text, context); });
  };
  EXPECT_TRUE(open("idempotency/k"));
  EXPECT_FALSE(open("idempotency/l"));
}

}  // namespace
}  // namespace lode::testing
