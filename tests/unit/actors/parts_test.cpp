// The smaller actors by themselves: ledger, event hub, wheel, index.

#include "fixture.hpp"

namespace lode::testing {
namespace {

class parts_test : public actor_test {
 protected:
  static commit_allocation change(const std::string& hotkey, std::uint64_t expected) {
    commit_allocation c;
    c.record.hotkey = hotkey;
    c.record.uuid = "uuid-of-" + hotkey;
    c.expected = expected;
    c.event = "tested";
    return c;
  }
};

TEST_F(parts_test, what_waits_in_the_mailbox_is_one_group_commit) {
  start_tree();
  const auto before = store->commits();
  std::vector<pending<committed>> asked;
  for (int i = 0; i < 100; ++i) asked.push_back(ask_later<committed>(env->ledger, change("h" + std::to_string(i), 0)));
  run();
  for (auto& p : asked) EXPECT_TRUE(p.ok());
  EXPECT_LE(store->commits() - before, 3u);
  EXPECT_EQ(event_log().size(), 100u);
}

TEST_F(parts_test, a_second_record_for_a_hotkey_is_a_conflict) {
  start_tree();
  auto first = ask_later<committed>(env->ledger, change("h", 0));
  auto second = ask_later<committed>(env->ledger, change("h", 0));
  run();
  EXPECT_TRUE(first.ok());
  EXPECT_EQ(second.code(), errc::conflict);
  EXPECT_EQ(stored().size(), 1u);
  EXPECT_EQ(event_log().size(), 1u);
}

TEST_F(parts_test, the_ledger_is_bounded) {
  start_tree();
  ledger_options lo;
  lo.store = store;
  lo.sealer = sealer;
  lo.queue_limit = 10;
  auto small = sys.spawn(actors::ledger, lo);
  std::vector<pending<committed>> asked;
  for (int i = 0; i < 50; ++i) asked.push_back(ask_later<committed>(small, change("h" + std::to_string(i), 0)));
  run();
  const auto refused = std::count_if(asked.begin(), asked.end(), [](auto& p) { return p.code() == errc::overloaded; });
  const auto made = std::count_if(asked.begin(), asked.end(), [](auto& p) { return p.ok(); });
  EXPECT_GT(refused, 0);
  EXPECT_EQ(refused + made, 50);
  EXPECT_EQ(static_cast<std::size_t>(made), stored().size());
}

struct heard {
  std::vector<std::uint64_t> seqs;
  bool dropped = false;
};

TEST_F(parts_test, listeners_hear_the_log_and_then_live_events_without_gap_or_repeat) {
  hub_opts.read_ahead = 3;
  start_tree();
  publish({miner("a"), miner("b")});
  ASSERT_TRUE(allocate("a").ok());
  auto h = std::make_shared<heard>();
  auto sink = sys.spawn([h, hub = hub](event_sink::pointer me) -> event_sink::behavior_type {
    return {[=](event_batch& batch) {
      if (batch.items.empty()) h->dropped = true;
      for (auto& e : batch.items) h->seqs.push_back(e.seq);
      if (!batch.items.empty()) me->send(hub, event_ack{me->address(), h->seqs.back()});
    }};
  });
  caf::anon_send(hub, subscribe{sink, 0});
  ASSERT_TRUE(allocate("b").ok());
  run();
  std::vector<std::uint64_t> all;
  for (const auto& e : *store->scan(storage::column::events, "", "", SIZE_MAX)) all.push_back(std::stoull(e.key));
  EXPECT_EQ(h->seqs, all);
  EXPECT_EQ(all.size(), 4u);
  EXPECT_FALSE(h->dropped);
  caf::anon_send_exit(sink, caf::exit_reason::user_shutdown);
}

TEST_F(parts_test, a_listener_that_never_acknowledges_is_dropped) {
  hub_opts.unacknowledged = 10;
  start_tree();
  auto h = std::make_shared<heard>();
  auto sink = sys.spawn([h](event_sink::pointer) -> event_sink::behavior_type {
    return {[h](event_batch& batch) { (batch.items.empty() ? h->dropped = true : (h->seqs.push_back(0), true)); }};
  });
  caf::anon_send(hub, subscribe{sink, 0});
  run();
  for (int i = 0; i < 20; ++i) {
    auto p = ask_later<committed>(env->ledger, change("h" + std::to_string(i), 0));
    run();
  }
  EXPECT_TRUE(h->dropped);
  EXPECT_EQ(h->seqs.size(), 10u);
  caf::anon_send_exit(sink, caf::exit_reason::user_shutdown);
}

TEST_F(parts_test, the_event_log_is_bounded) {
  hub_opts.keep = 10;
  hub_opts.trim_every = std::chrono::seconds{1};
  start_tree();
  for (int i = 0; i < 50; ++i) {
    auto p = ask_later<committed>(env->ledger, change("h" + std::to_string(i), 0));
    run();
  }
  advance(std::chrono::seconds{3});
  EXPECT_LE(event_log().size(), 10u);
  EXPECT_GE(event_log().size(), 8u);
}

TEST_F(parts_test, the_event_log_is_bounded_by_bytes) {
  hub_opts.keep_bytes = 1000;
  start_tree();
  for (int i = 0; i < 50; ++i) {
    auto p = ask_later<committed>(env->ledger, change("h" + std::to_string(i), 0));
    run();
  }
  advance(std::chrono::seconds{3});
  std::size_t bytes = 0;
  for (const auto& e : *store->scan(storage::column::events, "", "", SIZE_MAX)) bytes += e.key.size() + e.value.size();
  EXPECT_LE(bytes, 1000u);
  EXPECT_GE(bytes, 700u);
}

TEST_F(parts_test, old_events_go_and_whoever_reads_from_before_them_is_told_also_after_a_restart) {
  constexpr unix_ms hour = 3'600'000;
  hub_opts.keep_for = std::chrono::hours{1};
  hub_opts.now = [] { return 10 * hour; };
  start_tree();
  std::vector<std::uint64_t> seqs;
  for (const unix_ms at : {8 * hour, 8 * hour + 5000, 9 * hour + 5000}) {
    auto p = ask_later<committed>(env->ledger, commit_event{"miner", "{}", at});
    run();
    ASSERT_TRUE(p.ok());
    seqs.push_back(p.value().revision);
  }
  auto before = ask_later<event_batch>(env->ledger, read_events{});
  run();
  EXPECT_EQ(before.value().items.size(), 3u);
  EXPECT_EQ(before.value().dropped, 0u);
  advance(std::chrono::seconds{3});
  ledger_options lo;
  lo.store = store;
  lo.sealer = sealer;
  auto restarted = sys.spawn(actors::ledger, lo);
  for (const auto& reader : {env->ledger, restarted}) {
    auto read = ask_later<event_batch>(reader, read_events{});
    run();
    ASSERT_TRUE(read.ok());
    ASSERT_EQ(read.value().items.size(), 1u);
    EXPECT_EQ(read.value().items[0].seq, seqs[2]);
    EXPECT_EQ(read.value().dropped, seqs[1]);
    EXPECT_EQ(read.value().head, store->head());
  }
  caf::anon_send_exit(restarted, caf::exit_reason::user_shutdown);
}

TEST_F(parts_test, an_event_without_a_record_is_durable_and_told) {
  start_tree();
  auto h = std::make_shared<std::vector<logged_event>>();
  auto sink = sys.spawn([h](event_sink::pointer) -> event_sink::behavior_type {
    return {[h](event_batch& batch) { h->insert(h->end(), batch.items.begin(), batch.items.end()); }};
  });
  caf::anon_send(hub, subscribe{sink, 0});
  run();
  auto first = ask_later<committed>(env->ledger, commit_event{"miner", R"({"hotkey":"a"})", 0});
  auto second = ask_later<committed>(env->ledger, change("h", 0));
  auto third = ask_later<committed>(env->ledger, commit_event{"job", "{}", 0});
  auto senseless = ask_later<committed>(env->ledger, commit_event{"Job", "{}", 0});
  run();
  EXPECT_EQ(senseless.code(), errc::bad_request);
  ASSERT_EQ(h->size(), 3u);
  EXPECT_EQ((*h)[0].type, "miner");
  EXPECT_EQ((*h)[0].payload, R"({"time":"1970-01-01T00:00:00Z","hotkey":"a"})");
  EXPECT_EQ((*h)[0].seq, first.value().revision);
  EXPECT_EQ((*h)[1].type, "allocation");
  EXPECT_EQ((*h)[1].seq, second.value().revision);
  EXPECT_EQ((*h)[2].type, "job");
  EXPECT_EQ((*h)[2].seq, third.value().revision);
  auto log = ask_later<event_batch>(env->ledger, read_events{});
  run();
  ASSERT_EQ(log.value().items.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(log.value().items[i].seq, (*h)[i].seq);
    EXPECT_EQ(log.value().items[i].type, (*h)[i].type);
    EXPECT_EQ(log.value().items[i].payload, (*h)[i].payload);
  }
  caf::anon_send_exit(sink, caf::exit_reason::user_shutdown);
}

TEST_F(parts_test, the_wheel_fires_once_in_order_and_forgets) {
  start_tree();
  auto fired = std::make_shared<std::vector<std::uint64_t>>();
  auto sink = sys.spawn([fired](deadline_sink::pointer) -> deadline_sink::behavior_type {
    return {[fired](const deadline_reached& d) { fired->push_back(d.slot * 100 + d.generation); }};
  });
  const auto t = now();
  caf::anon_send(env->wheel, arm{sink, 0, t + 3000, 1});
  caf::anon_send(env->wheel, arm{sink, 1, t + 2000, 2});
  caf::anon_send(env->wheel, arm{sink, 2, t + 1000, 3});
  caf::anon_send(env->wheel, arm{sink, 0, t + 5000, 4});  // replaces
  caf::anon_send(env->wheel, disarm{sink.address(), 2});
  advance(std::chrono::seconds{10});
  EXPECT_EQ(*fired, (std::vector<std::uint64_t>{102, 4}));
  caf::anon_send_exit(sink, caf::exit_reason::user_shutdown);
}

}  // namespace
}  // namespace lode::testing
