// API keys: durable before they hold, in force before the answer, never without an admin.

#include "actors/access.hpp"

#include "actors/ledger_rows.hpp"
#include "fixture.hpp"

namespace lode::testing {
namespace {

class access_test : public actor_test {
 protected:
  void SetUp() override {
    actor_test::SetUp();
    start_tree();
    start_access();
  }
  void TearDown() override {
    end_access();
    actor_test::TearDown();
  }
  void start_access() {
    auto keys = load_keys(*store);
    ASSERT_TRUE(keys) << keys.error().to_string();
    board = std::make_shared<crypto::key_board>();
    actor = sys.spawn(actors::access, access_options{env->ledger, *keys, board, env->now});
    run();
  }
  void end_access() {
    caf::anon_send_exit(actor, caf::exit_reason::kill);
    actor = nullptr;
    run();
  }
  pending<added_key> add(const std::string& name, role grants) {
    auto p = ask_later<added_key>(actor, add_key{name, grants, {}});
    run();
    return p;
  }
  pending<done> revoke(const std::string& id) {
    auto p = ask_later<done>(actor, revoke_key{id, {}});
    run();
    return p;
  }
  bool holds(const std::string& text) { return board->read()->find(text) != nullptr; }

  access_actor actor;
  std::shared_ptr<crypto::key_board> board;
};

TEST_F(access_test, a_key_holds_until_it_is_revoked_also_over_a_restart) {
  EXPECT_TRUE(board->read()->empty());
  auto admin = add("alice", role::admin);
  auto reader = add("bob", role::read);
  ASSERT_TRUE(admin.ok());
  ASSERT_TRUE(reader.ok());
  const auto text = reader.value().text;
  EXPECT_TRUE(holds(text));
  EXPECT_EQ(board->read()->find(text)->key.grants, role::read);
  end_access();
  start_access();
  EXPECT_TRUE(holds(text));
  EXPECT_TRUE(holds(admin.value().text));
  EXPECT_TRUE(revoke(reader.value().key.id).ok());
  EXPECT_FALSE(holds(text));
  EXPECT_EQ(revoke(reader.value().key.id).code(), errc::not_found);
  end_access();
  start_access();
  EXPECT_FALSE(holds(text));
  EXPECT_TRUE(holds(admin.value().text));
}

TEST_F(access_test, the_store_holds_the_hash_and_no_key) {
  auto admin = add("alice", role::admin);
  ASSERT_TRUE(admin.ok());
  const auto place = place_of(row_kind::api_key);
  const auto rows = store->scan(place.in, "", "", SIZE_MAX);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 1U);
  const auto secret = admin.value().text.substr(admin.value().text.find('_', 5) + 1);
  EXPECT_EQ(rows->front().value.find(secret), std::string::npos);
  EXPECT_NE(rows->front().value.find(admin.value().key.hash), std::string::npos);
  EXPECT_EQ(secret.size(), 43U);
  for (const auto& event : event_log()) EXPECT_EQ(event.find(secret), std::string::npos);
}

TEST_F(access_test, there_is_an_admin_first_and_to_the_last) {
  EXPECT_EQ(add("bob", role::rent).code(), errc::bad_request);
  EXPECT_TRUE(board->read()->empty());
  auto first = add("alice", role::admin);
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE(add("bob", role::rent).ok());
  EXPECT_EQ(revoke(first.value().key.id).code(), errc::bad_request);
  EXPECT_TRUE(holds(first.value().text));
  // Two at once: one of the two admins stays.
  auto second = add("carol", role::admin);
  ASSERT_TRUE(second.ok());
  auto one = ask_later<done>(actor, revoke_key{first.value().key.id, {}});
  auto two = ask_later<done>(actor, revoke_key{second.value().key.id, {}});
  run();
  EXPECT_NE(one.ok(), two.ok());
  EXPECT_NE(holds(first.value().text), holds(second.value().text));
}

TEST_F(access_test, names_are_checked_and_keys_are_bounded) {
  for (const std::string bad : {"", "a b", "a\n", "\xC3\xA4", std::string(65, 'x').c_str()})
    EXPECT_EQ(add(bad, role::admin).code(), errc::bad_request) << bad;
  EXPECT_TRUE(add("a.b_c@d+e-f", role::admin).ok());
  for (std::size_t i = 1; i < most_keys; ++i) ASSERT_TRUE(add("k", role::read).ok());
  EXPECT_EQ(add("one-more", role::read).code(), errc::bad_request);
}

TEST_F(access_test, what_could_not_be_written_does_not_hold) {
  auto admin = add("alice", role::admin);
  auto bob = add("bob", role::read);
  ASSERT_TRUE(bob.ok());
  store->fail_commit(1, storage::commit_fault::lost);
  EXPECT_EQ(revoke(bob.value().key.id).code(), errc::store_io);
  EXPECT_TRUE(holds(bob.value().text));
  EXPECT_EQ(add("carol", role::read).code(), errc::store_io);
}

TEST_F(access_test, the_last_use_is_kept_to_the_minute) {
  auto admin = add("alice", role::admin);
  ASSERT_TRUE(admin.ok());
  const auto held = board->read()->find(admin.value().text);
  ASSERT_TRUE(held);
  EXPECT_TRUE(held->used(now()));
  EXPECT_FALSE(held->used(now() + 59'999));
  EXPECT_TRUE(held->used(now() + 60'000));
  const auto at = now() + 60'000;
  caf::anon_send(actor, key_used{held->key.id, at});
  caf::anon_send(actor, key_used{"unknown", at});
  run();
  end_access();
  start_access();
  auto keys = ask_later<key_list>(actor, list_keys{});
  run();
  ASSERT_TRUE(keys.ok());
  ASSERT_EQ(keys.value().items.size(), 1U);
  EXPECT_EQ(keys.value().items[0].last_used_at, at);
  EXPECT_EQ(keys.value().items[0].created_at, admin.value().key.created_at);
}

TEST_F(access_test, an_admin_key_of_a_stopped_daemon_holds_at_its_start) {
  end_access();
  const auto made = add_admin_key(*store, "first", now());
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_EQ(add_admin_key(*store, "not a name", now()).error().code, errc::bad_request);
  start_access();
  ASSERT_TRUE(holds(made->text));
  EXPECT_EQ(board->read()->find(made->text)->key.grants, role::admin);
}

TEST_F(access_test, a_key_that_does_not_read_stops_the_start) {
  storage::commit_request damage;
  const auto place = place_of(row_kind::api_key);
  damage.writes.put(place.in, std::string{place.prefix} + "abc", R"({"v":1,"name":"x"})");
  ASSERT_TRUE(store->commit({&damage, 1}));
  EXPECT_EQ(load_keys(*store).error().code, errc::store_damaged);
  damage.writes.put(place.in, std::string{place.prefix} + "abc", R"({"v":2})");
  ASSERT_TRUE(store->commit({&damage, 1}));
  EXPECT_EQ(load_keys(*store).error().code, errc::store_newer);
}

}  // namespace
}  // namespace lode::testing
