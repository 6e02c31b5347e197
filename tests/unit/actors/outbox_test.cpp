// Webhooks: what is promised, in which order it goes out, what becomes of failures, and that a restart loses nothing.

#include "fixture.hpp"

namespace lode::testing {
namespace {

using links::webhook_post;
using links::webhook_reply;
using std::chrono::hours;
using std::chrono::seconds;

class outbox_test : public actor_test {
 protected:
  void SetUp() override {
    actor_test::SetUp();
    settings.notify.deallocation_url = settings.notify.status_url = "http://receiver/";
    settings.jobs.allocation_check_misses = 3;
    start_tree();
    publish({miner("a"), miner("b")});
  }
  /// Every attempt as "STATUS hotkey".
  std::vector<std::string> attempts() {
    std::vector<std::string> out;
    for (const auto& p : receiver->log) out.push_back(member(p, "status") + " " + member(p, "hotkey"));
    return out;
  }
  static std::string member(const webhook_post& p, const std::string& key) {
    const auto from = p.body.find("\"" + key + "\":\"") + key.size() + 4;
    return p.body.substr(from, p.body.find('"', from) - from);
  }
  std::string rent(const std::string& hotkey) { return allocate(hotkey).value().uuid_key; }
  void release(const std::string& hotkey, const std::string& uuid, bool notify = true) {
    ASSERT_TRUE(ask<done>(deallocate{hotkey, uuid, notify, {}}).ok());
  }
  /// Looks at every allocation once, and finds this.
  void look(ssh_state found) {
    link->ssh = found;
    caf::anon_send(registry, check_health{});
    run();
  }
  notification_list listed(std::optional<bool> dead = std::nullopt) {
    auto p = ask_later<notification_list>(env->outbox, list_notifications{dead, {}});
    run();
    return p.value();
  }
  std::size_t rows() { return store->scan(storage::column::outbox, "", "", SIZE_MAX).value().size(); }
  static std::optional<webhook_reply> refuse(const webhook_post& /*p*/) { return webhook_reply{false, "answered 500"}; }
  static std::optional<webhook_reply> accept(const webhook_post& /*p*/) { return webhook_reply{true, {}}; }
  static std::optional<webhook_reply> silence(const webhook_post& /*p*/) { return std::nullopt; }
};

TEST_F(outbox_test, a_deallocation_is_told_when_the_client_asked_for_it) {
  const auto uuid = rent("a");
  release("a", uuid);
  ASSERT_EQ(receiver->log.size(), 1u);
  const auto at = rfc3339_micro(now());
  EXPECT_EQ(receiver->log[0].body, R"({"time":")" + at + R"(","deallocated_at":")" + at +
                                       R"(","hotkey":"a","status":"DEALLOCATION","uuid":")" + uuid + "\"}");
  EXPECT_EQ(at.size(), std::string{"2026-11-25T02:00:00.000000Z"}.size());
  EXPECT_EQ(rows(), 0u);
  release("a", rent("a"), false);
  EXPECT_EQ(receiver->log.size(), 1u);
}

TEST_F(outbox_test, a_lease_that_ends_by_itself_and_one_that_misses_its_checks_are_told) {
  wheel_resolution = std::chrono::minutes{10};
  end_tree();
  start_tree();
  publish({miner("a"), miner("b")});
  rent("a");
  advance(hours{24 * 30 + 1});
  EXPECT_EQ(attempts(), (std::vector<std::string>{"EXPIRING a", "DEALLOCATION a"}));
  rent("b");
  for (int i = 0; i < 3; ++i) look(ssh_state::closed);
  EXPECT_EQ(attempts(), (std::vector<std::string>{"EXPIRING a", "DEALLOCATION a", "OFFLINE b", "DEALLOCATION b"}));
}

TEST_F(outbox_test, online_and_offline_are_told_on_change_only) {
  rent("a");
  look(ssh_state::open);
  look(ssh_state::closed);
  look(ssh_state::closed);
  look(ssh_state::open);
  look(ssh_state::open);
  EXPECT_EQ(attempts(), (std::vector<std::string>{"OFFLINE a", "ONLINE a"}));
  EXPECT_NE(receiver->log[0].body.find(R"("status_change_at":")"), std::string::npos);
}

TEST_F(outbox_test, attempts_and_what_waits_are_counted) {
  settings.notify.queue = 1;
  settings.notify.parallel = 1;
  receiver->answer = refuse;
  end_tree();
  start_tree();
  publish({miner("a"), miner("b")});
  release("a", rent("a"));
  const auto& m = env->meters->outbox;
  EXPECT_EQ(m.pending.Value(), 1);
  EXPECT_EQ(m.failed.Value(), 1);
  release("b", rent("b"));
  EXPECT_EQ(m.pending.Value(), 1) << "one may wait";
  EXPECT_EQ(m.dead.Value(), 1);
  EXPECT_EQ(m.given_up.Value(), 1);
  receiver->answer = accept;
  advance(seconds{60});
  EXPECT_EQ(m.pending.Value(), 0);
  EXPECT_EQ(m.acknowledged.Value(), 1);
  EXPECT_EQ(m.dead.Value(), 1);
  EXPECT_EQ(m.seconds.Collect().histogram.sample_count,
            static_cast<std::uint64_t>(m.acknowledged.Value() + m.failed.Value()));
}

TEST_F(outbox_test, without_urls_nothing_is_queued) {
  end_tree();
  settings.notify.deallocation_url = settings.notify.status_url = "";
  receiver->deallocation = receiver->status = false;
  start_tree();
  publish({miner("a")});
  const auto uuid = rent("a");
  look(ssh_state::closed);
  release("a", uuid);
  EXPECT_EQ(rows(), 0u);
  EXPECT_TRUE(receiver->log.empty());
  EXPECT_EQ(listed().total, 0u);
}

TEST_F(outbox_test, the_webhook_is_durable_with_the_change_and_its_uuid_is_sealed) {
  receiver->answer = silence;
  const auto uuid = rent("a");
  link->answer = [&](const miner_call& c) -> std::optional<miner_reply> {
    if (c.action == miner_action::deregister) {
      EXPECT_EQ(rows(), 1u);
    }
    return fleet["a"](c);
  };
  release("a", uuid);
  const auto row = store->scan(storage::column::outbox, "", "", SIZE_MAX).value().at(0);
  EXPECT_EQ(row.value.find(uuid), std::string::npos);
  EXPECT_NE(row.value.find("sealed:v1:"), std::string::npos);
  ASSERT_EQ(listed().total, 1u);
  EXPECT_EQ(listed().items[0].uuid_end, uuid.substr(uuid.size() - 4));
  EXPECT_EQ(listed().items[0].id, row.key);
}

TEST_F(outbox_test, a_failed_webhook_is_sent_again_three_times_15_s_apart_and_then_more_slowly) {
  receiver->answer = refuse;
  std::vector<unix_ms> at;
  receiver->answer = [&](const webhook_post&) -> std::optional<webhook_reply> {
    at.push_back(now());
    return webhook_reply{false, "answered 500"};
  };
  release("a", rent("a"));
  advance(hours{2});
  std::vector<unix_ms> pauses;
  for (std::size_t i = 1; i < at.size(); ++i) pauses.push_back((at[i] - at[i - 1]) / 1000);
  ASSERT_GE(pauses.size(), 10u);
  pauses.resize(10);
  EXPECT_EQ(pauses, (std::vector<unix_ms>{15, 15, 30, 60, 120, 240, 480, 900, 900, 900}));
  for (const auto& p : receiver->log) {
    EXPECT_EQ(p.body, receiver->log[0].body);
    EXPECT_EQ(p.delivery_id, receiver->log[0].delivery_id);
  }
  EXPECT_NE(receiver->log[0].request_id, receiver->log[1].request_id);
  EXPECT_EQ(listed().items.at(0).last_error, "answered 500");
  receiver->answer = accept;
  advance(seconds{901});
  EXPECT_EQ(rows(), 0u);
  const auto tries = receiver->log.size();
  advance(hours{1});
  EXPECT_EQ(receiver->log.size(), tries);
}

TEST_F(outbox_test, in_order_per_allocation_and_allocations_do_not_wait_for_each_other) {
  rent("a");
  const auto b = rent("b");
  receiver->answer = [](const webhook_post& p) -> std::optional<webhook_reply> {
    return webhook_reply{member(p, "hotkey") == "b", "answered 500"};
  };
  for (const auto s : {ssh_state::closed, ssh_state::open}) look(s);
  release("b", b);
  auto so_far = attempts();
  ASSERT_EQ(so_far.size(), 4u);
  std::sort(so_far.begin(), so_far.begin() + 2);  // of two allocations either may be the first
  EXPECT_EQ(so_far, (std::vector<std::string>{"OFFLINE a", "OFFLINE b", "ONLINE b", "DEALLOCATION b"}));
  receiver->answer = accept;
  advance(seconds{16});
  const auto all = attempts();
  ASSERT_EQ(all.size(), 6u);
  EXPECT_EQ(all[4], "OFFLINE a");
  EXPECT_EQ(all[5], "ONLINE a");
}

TEST_F(outbox_test, the_next_of_an_allocation_waits_for_the_answer_to_the_one_before) {
  rent("a");
  receiver->answer = silence;
  look(ssh_state::closed);
  look(ssh_state::open);
  advance(hours{1});
  EXPECT_EQ(attempts(), std::vector<std::string>{"OFFLINE a"});
  receiver->answer = accept;
  run();
  EXPECT_EQ(attempts(), (std::vector<std::string>{"OFFLINE a", "ONLINE a"}));
}

TEST_F(outbox_test, two_receivers_do_not_wait_for_each_other) {
  receiver->same = false;
  end_tree();
  start_tree();
  publish({miner("a")});
  const auto uuid = rent("a");
  receiver->answer = [](const webhook_post& p) -> std::optional<webhook_reply> {
    return webhook_reply{p.to == links::webhook_kind::deallocation, "answered 500"};
  };
  look(ssh_state::closed);
  release("a", uuid);
  EXPECT_EQ(attempts(), (std::vector<std::string>{"OFFLINE a", "DEALLOCATION a"}));
  EXPECT_EQ(rows(), 1u);
}

TEST_F(outbox_test, attempts_under_way_are_bounded) {
  end_tree();
  settings.notify.parallel = 2;
  receiver->answer = silence;
  start_tree();
  std::vector<miner_info> many;
  for (int i = 0; i < 5; ++i) many.push_back(miner("m" + std::to_string(i)));
  publish(many);
  for (const auto& m : many) release(m.hotkey, rent(m.hotkey));
  EXPECT_EQ(receiver->waiting.size(), 2u);
  receiver->answer = accept;
  run();
  EXPECT_EQ(receiver->log.size(), 5u);
  EXPECT_EQ(rows(), 0u);
}

TEST_F(outbox_test, a_restart_sends_what_was_not_acknowledged_in_order) {
  rent("a");
  receiver->answer = silence;
  look(ssh_state::closed);
  look(ssh_state::open);
  EXPECT_EQ(rows(), 2u);
  end_tree();
  receiver->log.clear();
  receiver->answer = accept;
  start_tree();
  EXPECT_EQ(attempts(), (std::vector<std::string>{"OFFLINE a", "ONLINE a"}));
  EXPECT_EQ(rows(), 0u);
}

TEST_F(outbox_test, after_seven_days_it_is_dead_kept_over_a_restart_and_sent_again_on_demand) {
  wheel_resolution = std::chrono::minutes{5};
  end_tree();
  start_tree();
  publish({miner("a")});
  receiver->answer = refuse;
  const auto uuid = rent("a");
  release("a", uuid);
  advance(hours{24 * 7 - 1});
  EXPECT_EQ(listed(false).total, 1u);
  advance(hours{2});
  EXPECT_EQ(listed(false).total, 0u);
  ASSERT_EQ(listed(true).total, 1u);
  const auto tries = receiver->log.size();
  advance(hours{24});
  EXPECT_EQ(receiver->log.size(), tries);
  end_tree();
  start_tree();
  EXPECT_EQ(receiver->log.size(), tries);
  const auto dead = listed(true);
  ASSERT_EQ(dead.total, 1u);
  EXPECT_EQ(dead.items[0].last_error, "answered 500");
  EXPECT_EQ(dead.items[0].next_at, 0);

  auto unknown = ask_later<resent_notifications>(env->outbox, resend_notifications{"nothing"});
  run();
  EXPECT_EQ(unknown.code(), errc::not_found);
  receiver->answer = accept;
  auto resent = ask_later<resent_notifications>(env->outbox, resend_notifications{dead.items[0].id});
  run();
  ASSERT_TRUE(resent.ok());
  EXPECT_EQ(resent.value().count, 1u);
  EXPECT_EQ(receiver->log.size(), tries + 1);
  EXPECT_EQ(member(receiver->log.back(), "uuid"), uuid);
  EXPECT_EQ(rows(), 0u);
  EXPECT_EQ(listed().total, 0u);
}

TEST_F(outbox_test, too_many_dead_ones_and_too_many_waiting_ones_push_the_oldest_out) {
  end_tree();
  settings.notify.queue = 2;
  settings.notify.keep_dead = 1;
  settings.notify.parallel = 1;
  receiver->answer = silence;
  start_tree();
  std::vector<miner_info> many;
  for (int i = 0; i < 5; ++i) many.push_back(miner("m" + std::to_string(i)));
  publish(many);
  for (const auto& m : many) release(m.hotkey, rent(m.hotkey));
  EXPECT_EQ(listed(false).total, 2u);
  ASSERT_EQ(listed(true).total, 1u);
  EXPECT_EQ(listed(true).items[0].hotkey, "m3");  // m0 is under way, m1 and m2 are dropped, m4 waits
  EXPECT_EQ(rows(), 3u);
}

TEST_F(outbox_test, a_url_that_is_no_longer_set_makes_its_webhooks_dead_until_it_is_back) {
  receiver->answer = silence;
  release("a", rent("a"));
  end_tree();
  receiver->deallocation = false;
  start_tree();
  ASSERT_EQ(listed(true).total, 1u);
  EXPECT_EQ(listed(true).items[0].last_error, "no URL is set");
  auto none = ask_later<resent_notifications>(env->outbox, resend_notifications{});
  run();
  EXPECT_EQ(none.value().count, 0u);
  end_tree();
  receiver->deallocation = true;
  receiver->answer = accept;
  start_tree();
  auto all = ask_later<resent_notifications>(env->outbox, resend_notifications{});
  run();
  EXPECT_EQ(all.value().count, 1u);
  EXPECT_EQ(rows(), 0u);
}

TEST_F(outbox_test, heartbeats_are_not_durable_and_give_way_to_what_is) {
  end_tree();
  settings.notify.status_every_check = true;
  settings.jobs.allocation_check_misses = 10;
  start_tree();
  publish({miner("a")});
  rent("a");
  look(ssh_state::open);
  look(ssh_state::open);
  EXPECT_EQ(attempts(), (std::vector<std::string>{"ONLINE a", "ONLINE a"}));
  receiver->answer = silence;
  look(ssh_state::open);    // under way
  look(ssh_state::open);    // waits
  look(ssh_state::closed);  // durable: the one that waits is dropped
  look(ssh_state::closed);  // a heartbeat behind something durable: dropped
  EXPECT_EQ(rows(), 1u);
  receiver->answer = accept;
  run();
  EXPECT_EQ(attempts(), (std::vector<std::string>{"ONLINE a", "ONLINE a", "ONLINE a", "OFFLINE a"}));
  receiver->answer = refuse;
  look(ssh_state::closed);
  advance(hours{1});
  EXPECT_EQ(receiver->log.size(), 5u);  // a heartbeat that failed is not sent again
}

TEST_F(outbox_test, a_test_is_sent_beside_the_queue_and_says_what_became_of_it) {
  test_notify t;
  t.hook.event = "ONLINE";
  t.hook.hotkey = "h";
  t.hook.uuid = "u";
  auto good = ask_later<notify_outcome>(env->outbox, t);
  run();
  EXPECT_TRUE(good.value().acknowledged);
  receiver->answer = refuse;
  auto bad = ask_later<notify_outcome>(env->outbox, t);
  run();
  EXPECT_FALSE(bad.value().acknowledged);
  EXPECT_EQ(bad.value().detail, "answered 500");
  receiver->status = false;
  auto none = ask_later<notify_outcome>(env->outbox, t);
  run();
  EXPECT_EQ(none.value().detail, "No URL is set: notify.status-url");
  EXPECT_EQ(receiver->log.size(), 2u);
  EXPECT_EQ(rows(), 0u);
}

TEST_F(outbox_test, a_commit_whose_outcome_is_unknown_leaves_the_change_and_its_webhook_or_neither) {
  for (const auto how : {storage::commit_fault::unknown, storage::commit_fault::lost}) {
    end_tree();
    receiver->log.clear();
    std::shared_ptr<storage::store> disk = storage::make_memory_store();
    store = std::make_shared<storage::faulty_store>(disk);
    fleet.clear();
    start_tree();
    publish({miner("a")});
    const auto uuid = rent("a");
    store->fail_commit(1, how);
    EXPECT_FALSE(ask<done>(deallocate{"a", uuid, true, {}}).ok());
    EXPECT_TRUE(receiver->log.empty());
    end_tree();
    store = std::make_shared<storage::faulty_store>(disk);
    start_tree();
    publish({miner("a")});
    const bool durable = how == storage::commit_fault::unknown;
    EXPECT_EQ(receiver->log.size(), durable ? 1u : 0u);
    EXPECT_EQ(stored().size(), durable ? 0u : 1u);
  }
}

}  // namespace
}  // namespace lode::testing
