// The same random operations on a memory store, a RocksDB store and a model written from store.hpp alone; everything
// that can be observed must be equal, also after the RocksDB store was closed and opened again.

#include "storage/memory_store.hpp"
#include "support.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <random>

namespace lode::storage {
void PrintTo(const entry& e, std::ostream* out) { *out << e.key << "@" << e.mod_revision << "=" << e.value; }
void PrintTo(const change& c, std::ostream* out) {
  *out << c.at << ":" << static_cast<int>(c.in) << "/" << c.key << "=" << (c.erased ? "(erased)" : c.value);
}
}  // namespace lode::storage

namespace lode::storage::test {
namespace {

/// One request at a time on plain maps.
class model {
 public:
  std::vector<result<revision>> commit(std::span<const commit_request> group) {
    std::vector<result<revision>> results;
    for (const commit_request& request : group) results.push_back(commit(request));
    return results;
  }

  const std::map<std::string, entry>& table(column c) { return tables_[c]; }
  const std::vector<change>& changes() const { return changes_; }
  revision head() const { return head_; }

 private:
  result<revision> commit(const commit_request& request) {
    for (const mutation& m : request.writes.mutations())
      if (m.key.empty() && m.what != mutation::kind::append) return error{errc::bad_request};
    for (const precondition& p : request.preconditions) {
      const auto found = tables_[p.in].find(p.key);
      if ((found == tables_[p.in].end() ? 0 : found->second.mod_revision) != p.at) return error{errc::conflict};
    }
    ++head_;
    int appended = 0;
    for (const mutation& m : request.writes.mutations()) {
      std::string key = m.key;
      if (m.what == mutation::kind::append) {
        std::string digits = std::to_string(head_);
        key += std::string(20 - digits.size(), '0') + digits;
        if (appended > 0) key += fmt::format("-{:0>6}", appended);
        ++appended;
      }
      if (m.what == mutation::kind::erase) {
        tables_[m.in].erase(key);
        changes_.push_back({head_, m.in, key, "", true});
      } else {
        tables_[m.in][key] = {key, m.value, head_};
        changes_.push_back({head_, m.in, key, m.value, false});
      }
    }
    return head_;
  }

  std::map<column, std::map<std::string, entry>> tables_;
  std::vector<change> changes_;
  revision head_ = 0;
};

class differential_test : public testing::TestWithParam<unsigned> {
 protected:
  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }
  column any_column() { return column_families[below(column_families.size())].id; }
  std::string any_key() {
    if (below(200) == 0) return "";
    std::string key(1 + below(3), 'a');
    for (char& c : key) c = "ab/\xff"[below(4)];
    return key;
  }
  std::string any_value() { return std::string(below(40), static_cast<char>('a' + below(26))); }

  commit_request any_request() {
    commit_request request;
    for (unsigned n = below(5); n > 0; --n) {
      const unsigned what = below(10);
      if (what < 5)
        request.writes.put(any_column(), any_key(), any_value());
      else if (what < 8)
        request.writes.erase(any_column(), any_key());
      else
        request.writes.append(any_column(), any_value(), below(2) == 0 ? "" : any_key());
    }
    for (unsigned n = below(3); n > 0; --n) {
      const column c = any_column();
      const std::string key = any_key();
      const auto found = model_.table(c).find(key);
      const revision now = found == model_.table(c).end() ? 0 : found->second.mod_revision;
      request.preconditions.push_back({c, key, below(4) == 0 ? below(20) : now});
    }
    return request;
  }

  void commit_some() {
    std::vector<commit_request> group(1 + below(6));
    for (auto& request : group) request = any_request();
    const auto expected = model_.commit(group);
    for (store* s : {memory_.get(), rocksdb_.get()}) {
      const auto done = s->commit(group);
      ASSERT_TRUE(done) << done.error().to_string();
      ASSERT_EQ(done->size(), expected.size());
      for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_EQ((*done)[i].has_value(), expected[i].has_value());
        if (expected[i])
          EXPECT_EQ(*(*done)[i], *expected[i]);
        else
          EXPECT_EQ((*done)[i].error().code, expected[i].error().code);
        (expected[i] ? committed_ : refused_) += 1;
      }
    }
  }

  void get_some() {
    const column c = any_column();
    const std::string key = any_key();
    const auto found = model_.table(c).find(key);
    const std::optional<entry> expected =
        found == model_.table(c).end() ? std::nullopt : std::optional<entry>{found->second};
    for (const store* s : {memory_.get(), rocksdb_.get()}) {
      const auto got = s->get(c, key);
      ASSERT_TRUE(got) << got.error().to_string();
      EXPECT_EQ(*got, expected);
    }
  }

  void scan_some() {
    const column c = any_column();
    const std::string prefix = below(2) == 0 ? "" : any_key();
    const std::string after = below(2) == 0 ? "" : any_key();
    const std::size_t limit = below(2) == 0 ? SIZE_MAX : below(10);
    std::vector<entry> expected;
    for (const auto& [key, e] : model_.table(c))
      if (key.starts_with(prefix) && key > after && expected.size() < limit) expected.push_back(e);
    for (const store* s : {memory_.get(), rocksdb_.get()}) {
      const auto got = s->scan(c, prefix, after, limit);
      ASSERT_TRUE(got) << got.error().to_string();
      EXPECT_EQ(*got, expected) << "prefix " << prefix << " after " << after << " limit " << limit;
    }
  }

  /// Watches from a random revision on, as far as every store remembers.
  void watch_some() {
    const revision from = since_ + below(static_cast<unsigned>(model_.head() - since_) + 3);
    std::vector<change> expected;
    for (const change& c : model_.changes())
      if (c.at >= from) expected.push_back(c);
    for (store* s : {memory_.get(), rocksdb_.get()}) {
      std::vector<change> seen;
      const auto handle = s->watch(from, [&](const change& c) { seen.push_back(c); });
      ASSERT_TRUE(handle) << handle.error().to_string();
      EXPECT_EQ(seen, expected);
    }
  }

  void reopen() {
    watches_.clear();
    rocksdb_.reset();
    rocksdb_ = must_open(folder_ / "store");
    if (model_.head() > 0) {
      const auto old = rocksdb_->watch(model_.head(), [](const change&) {});
      ASSERT_FALSE(old);
      EXPECT_EQ(old.error().code, errc::compacted);
    }
    since_ = model_.head() + 1;
    live_from_ = model_.changes().size();
    for (std::size_t i = 0; i < 2; ++i) {
      live_[i].clear();
      auto handle = (i == 0 ? memory_ : rocksdb_)->watch(since_, [this, i](const change& c) { live_[i].push_back(c); });
      ASSERT_TRUE(handle);
      watches_.push_back(*std::move(handle));
    }
  }

  void compare_everything() {
    for (const store* s : {memory_.get(), rocksdb_.get()}) {
      EXPECT_EQ(s->head(), model_.head());
      for (const auto& row : column_families) {
        std::vector<entry> expected;
        for (const auto& [key, e] : model_.table(row.id)) expected.push_back(e);
        const auto all = s->scan(row.id, "");
        ASSERT_TRUE(all);
        EXPECT_EQ(*all, expected) << row.name;
      }
    }
    const std::vector<change> expected(model_.changes().begin() + static_cast<std::ptrdiff_t>(live_from_),
                                       model_.changes().end());
    EXPECT_EQ(live_[0], expected);
    EXPECT_EQ(live_[1], expected);
  }

  temporary_folder folder_;
  std::mt19937 random_{GetParam()};
  model model_;
  std::unique_ptr<store> memory_ = make_memory_store();
  std::unique_ptr<store> rocksdb_ = must_open(folder_ / "store");
  revision since_ = 1;                                  // the oldest revision that every history has
  std::size_t live_from_ = 0;                           // the first of the model's changes that live_ has
  std::vector<change> live_[2];                         // what standing watches saw
  std::vector<std::unique_ptr<watch_handle>> watches_;  // before the stores go
  int committed_ = 0;
  int refused_ = 0;
};

TEST_P(differential_test, the_stores_cannot_be_told_apart) {
  reopen();
  for (int i = 0; i < 3000 && !HasFailure(); ++i) {
    const unsigned what = below(100);
    if (what < 40)
      commit_some();
    else if (what < 60)
      get_some();
    else if (what < 80)
      scan_some();
    else
      watch_some();
    if (i % 500 == 499) {
      compare_everything();
      reopen();
      compare_everything();
    }
  }
  EXPECT_GT(committed_, 1000);
  EXPECT_GT(refused_, 100);
}

INSTANTIATE_TEST_SUITE_P(seeds, differential_test, testing::Values(1U, 2U, 3U));

}  // namespace
}  // namespace lode::storage::test
