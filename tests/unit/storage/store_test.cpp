// What store.hpp promises, for both implementations.

#include "storage/memory_store.hpp"
#include "support.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <optional>
#include <thread>

namespace lode::storage::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct store_kind {
  const char* name;
  std::function<std::unique_ptr<store>(const std::string& path, std::size_t history, std::size_t bytes)> open;
};

const store_kind kinds[] = {
    {"memory",
     [](const std::string&, std::size_t history, std::size_t bytes) {
       memory_options options;
       options.history = history;
       options.history_bytes = bytes;
       return make_memory_store(options);
     }},
    {"rocksdb",
     [](const std::string& path, std::size_t history, std::size_t bytes) {
       rocksdb_options options;
       options.history = history;
       options.history_bytes = bytes;
       return must_open(path, options);
     }},
};

class store_test : public testing::TestWithParam<store_kind> {
 protected:
  void reopen(std::size_t history = watch_history, std::size_t bytes = watch_history_bytes) {
    store_.reset();
    store_ = GetParam().open(folder_ / ("store" + std::to_string(++opened_)), history, bytes);
  }
  void SetUp() override { reopen(); }

  std::vector<std::string> keys(column c, std::string_view prefix, std::string_view after = {},
                                std::size_t limit = SIZE_MAX) const {
    std::vector<std::string> found;
    const auto entries = store_->scan(c, prefix, after, limit);
    if (!entries) throw std::runtime_error(entries.error().to_string());
    for (const entry& e : *entries) found.push_back(e.key);
    return found;
  }

  temporary_folder folder_;
  std::unique_ptr<store> store_;

 private:
  int opened_ = 0;
};

INSTANTIATE_TEST_SUITE_P(stores, store_test, testing::ValuesIn(kinds),
                         [](const auto& info) { return std::string{info.param.name}; });

TEST_P(store_test, a_group_is_evaluated_in_order_and_a_conflict_hurts_nobody_else) {
  std::vector<commit_request> group(5);
  group[0].writes.put(column::allocations, "h", "first");
  group[0].preconditions = {{column::allocations, "h", 0}};
  group[1].writes.put(column::allocations, "h", "too late").append(column::events, "never");
  group[1].preconditions = {{column::allocations, "h", 0}};  // sees the write before it
  group[2].writes.put(column::allocations, "h", "second");
  group[2].preconditions = {{column::allocations, "h", 1}, {column::miners, "h", 0}};
  group[3].writes.erase(column::allocations, "h");
  group[3].preconditions = {{column::allocations, "h", 2}};
  group[4].writes.put(column::allocations, "h", "anew");
  group[4].preconditions = {{column::allocations, "h", 0}};  // sees the erase

  const auto done = store_->commit(group);
  ASSERT_TRUE(done);
  ASSERT_EQ(done->size(), 5U);
  EXPECT_EQ((*done)[0].value(), 1U);
  ASSERT_FALSE((*done)[1]);
  EXPECT_EQ((*done)[1].error().code, errc::conflict);
  EXPECT_EQ((*done)[2].value(), 2U);
  EXPECT_EQ((*done)[3].value(), 3U);
  EXPECT_EQ((*done)[4].value(), 4U);
  EXPECT_EQ(store_->head(), 4U);
  const auto found = store_->get(column::allocations, "h");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ(**found, (entry{"h", "anew", 4}));
  EXPECT_THAT(keys(column::events, ""), IsEmpty());
}

TEST_P(store_test, one_failed_precondition_of_several_is_enough) {
  must_put(*store_, column::miners, "a", "1");
  batch writes;
  writes.put(column::miners, "b", "2");
  const auto done = commit_one(*store_, writes, {{column::miners, "a", 1}, {column::miners, "a", 2}});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, errc::conflict);
  EXPECT_EQ(value_of(*store_, column::miners, "b"), "(none)");
  EXPECT_EQ(store_->head(), 1U);
}

TEST_P(store_test, empty_groups_and_empty_batches) {
  const auto nothing = store_->commit({});
  ASSERT_TRUE(nothing);
  EXPECT_TRUE(nothing->empty());
  EXPECT_EQ(store_->head(), 0U);
  EXPECT_EQ(commit_one(*store_, {}).value(), 1U);
  EXPECT_EQ(store_->head(), 1U);
}

TEST_P(store_test, an_empty_key_is_refused_alone) {
  std::vector<commit_request> group(2);
  group[0].writes.put(column::meta, "", "x");
  group[1].writes.put(column::meta, "k", "x");
  const auto done = store_->commit(group);
  ASSERT_TRUE(done);
  ASSERT_FALSE((*done)[0]);
  EXPECT_EQ((*done)[0].error().code, errc::bad_request);
  EXPECT_EQ((*done)[1].value(), 1U);
}

TEST_P(store_test, later_writes_of_a_batch_win) {
  batch writes;
  writes.put(column::meta, "k", "1").erase(column::meta, "k").put(column::meta, "k", "2").erase(column::meta, "none");
  ASSERT_TRUE(commit_one(*store_, writes));
  EXPECT_EQ(value_of(*store_, column::meta, "k"), "2");
}

TEST_P(store_test, appended_keys_sort_in_commit_order) {
  batch twelve;
  for (int i = 0; i < 12; ++i) twelve.append(column::events, "a" + std::to_string(i));
  ASSERT_TRUE(commit_one(*store_, twelve));
  batch other;
  other.append(column::events, "b").append(column::outbox, "c", "hook/");
  ASSERT_TRUE(commit_one(*store_, other));

  const auto events = store_->scan(column::events, "");
  ASSERT_TRUE(events);
  ASSERT_EQ(events->size(), 13U);
  EXPECT_EQ((*events)[0].key, "00000000000000000001");
  EXPECT_EQ((*events)[1].key, "00000000000000000001-000001");
  EXPECT_EQ((*events)[11].key, "00000000000000000001-000011");
  EXPECT_EQ((*events)[12].key, "00000000000000000002");
  for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ((*events)[i].value, "a" + std::to_string(i));
  EXPECT_THAT(keys(column::outbox, "hook/"), ElementsAre("hook/00000000000000000002-000001"));
}

TEST_P(store_test, scan_by_prefix_after_and_limit) {
  const std::string high{"\xff\xff", 2};
  for (const std::string& key : {std::string{"a"}, std::string{"a/1"}, std::string{"a/2"}, std::string{"a/3"},
                                 std::string{"a0"}, std::string{"b"}, high, high + "x"})
    must_put(*store_, column::keys, key, "v");
  EXPECT_THAT(keys(column::keys, "a/"), ElementsAre("a/1", "a/2", "a/3"));
  EXPECT_THAT(keys(column::keys, "a/", "a/1"), ElementsAre("a/2", "a/3"));
  EXPECT_THAT(keys(column::keys, "a/", "a/1", 1), ElementsAre("a/2"));
  EXPECT_THAT(keys(column::keys, "a/", "a/10"), ElementsAre("a/2", "a/3"));
  EXPECT_THAT(keys(column::keys, "a/", "a/3"), IsEmpty());
  EXPECT_THAT(keys(column::keys, "a/", "b"), IsEmpty());
  EXPECT_THAT(keys(column::keys, "a", "A"), ElementsAre("a", "a/1", "a/2", "a/3", "a0"));
  EXPECT_THAT(keys(column::keys, "a", "a", 2), ElementsAre("a/1", "a/2"));
  EXPECT_THAT(keys(column::keys, "", "", 0), IsEmpty());
  EXPECT_THAT(keys(column::keys, high), ElementsAre(high, high + "x"));
  EXPECT_THAT(keys(column::miners, ""), IsEmpty());
}

TEST_P(store_test, keys_and_values_are_any_bytes) {
  const std::string odd{"\0 \n\xff", 4};
  must_put(*store_, column::meta, odd, odd);
  must_put(*store_, column::meta, "empty", "");
  EXPECT_EQ(value_of(*store_, column::meta, odd), odd);
  EXPECT_EQ(value_of(*store_, column::meta, "empty"), "");
}

TEST_P(store_test, watch_delivers_the_past_then_the_present_once) {
  must_put(*store_, column::meta, "a", "1");
  must_put(*store_, column::meta, "b", "2");
  std::vector<change> seen;
  auto handle = store_->watch(2, [&](const change& c) { seen.push_back(c); });
  ASSERT_TRUE(handle);
  EXPECT_THAT(seen, ElementsAre(change{2, column::meta, "b", "2", false}));
  batch writes;
  writes.erase(column::meta, "a").append(column::events, "e");
  ASSERT_TRUE(commit_one(*store_, writes));
  EXPECT_THAT(seen, ElementsAre(change{2, column::meta, "b", "2", false}, change{3, column::meta, "a", "", true},
                                change{3, column::events, "00000000000000000003", "e", false}));
  handle->reset();
  must_put(*store_, column::meta, "c", "3");
  EXPECT_EQ(seen.size(), 3U);
}

TEST_P(store_test, watch_from_the_future_waits_for_it) {
  std::vector<revision> seen;
  const auto handle = store_->watch(3, [&](const change& c) { seen.push_back(c.at); });
  ASSERT_TRUE(handle);
  for (int i = 0; i < 4; ++i) must_put(*store_, column::meta, "k", "v");
  EXPECT_THAT(seen, ElementsAre(3, 4));
}

TEST_P(store_test, history_is_bounded_in_changes_and_drops_whole_revisions) {
  reopen(5);
  for (int i = 0; i < 2; ++i) must_put(*store_, column::meta, "k", "v");
  batch three;
  three.append(column::events, "1").append(column::events, "2").append(column::events, "3");
  ASSERT_TRUE(commit_one(*store_, three));
  EXPECT_TRUE(store_->watch(0, [](const change&) {}));  // all five
  must_put(*store_, column::meta, "k", "v");
  const auto old = store_->watch(1, [](const change&) {});
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().code, errc::compacted);
  EXPECT_TRUE(store_->watch(2, [](const change&) {}));
  for (int i = 0; i < 2; ++i) must_put(*store_, column::meta, "k", "v");
  EXPECT_FALSE(store_->watch(3, [](const change&) {}));  // none of the three is left when one had to go
  EXPECT_TRUE(store_->watch(4, [](const change&) {}));
}

TEST_P(store_test, history_is_bounded_in_bytes) {
  reopen(watch_history, 3000);
  for (int i = 0; i < 3; ++i) must_put(*store_, column::meta, "k", std::string(1200, 'v'));
  EXPECT_FALSE(store_->watch(1, [](const change&) {}));
  EXPECT_TRUE(store_->watch(3, [](const change&) {}));
}

TEST_P(store_test, a_handle_may_outlive_the_store) {
  int seen = 0;
  auto handle = store_->watch(1, [&](const change&) { ++seen; });
  ASSERT_TRUE(handle);
  must_put(*store_, column::meta, "k", "v");
  store_.reset();
  handle->reset();
  EXPECT_EQ(seen, 1);
}

TEST_P(store_test, readers_and_watchers_beside_the_writer) {
  constexpr revision commits = 400;
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::jthread> readers;
  readers.emplace_back([&] {  // both keys are written in one commit, so one scan sees them alike
    while (!stop) {
      const auto pair = store_->scan(column::miners, "");
      if (!pair || (!pair->empty() && pair->size() != 2)) ++wrong;
      if (pair && pair->size() == 2 && (*pair)[0].value != (*pair)[1].value) ++wrong;
    }
  });
  readers.emplace_back([&] {  // what head() says is there can be read, and never goes back
    revision last = 0;
    while (!stop) {
      const revision head = store_->head();
      if (head < last) ++wrong;
      last = head;
      const auto found = store_->get(column::miners, "a");
      if (!found || (head > 0 && (!*found || (*found)->mod_revision < head))) ++wrong;
    }
  });
  readers.emplace_back([&] {  // watches begin and end at any time; each sees consecutive revisions
    while (!stop) {
      revision next = 0;
      std::optional<bool> alive = true;
      const revision from = store_->head() + 1;
      auto handle = store_->watch(from, [&](const change& c) {
        if (!alive || (next != 0 && c.at != next && c.at + 1 != next) || c.at < from) ++wrong;
        next = c.at + 1;
      });
      if (!handle) ++wrong;
      handle->reset();
      alive.reset();
    }
  });
  for (revision i = 1; i <= commits; ++i) {
    batch writes;
    writes.put(column::miners, "a", std::to_string(i)).put(column::miners, "b", std::to_string(i));
    ASSERT_TRUE(commit_one(*store_, writes));
  }
  stop = true;
  readers.clear();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(store_->head(), commits);
}

}  // namespace
}  // namespace lode::storage::test
