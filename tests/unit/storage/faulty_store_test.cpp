#include "storage/faulty_store.hpp"

#include "storage/memory_store.hpp"
#include "support.hpp"

namespace lode::storage::test {
namespace {

class faulty_store_test : public testing::Test {
 protected:
  result<revision> put(store& s, const std::string& value) {
    batch writes;
    writes.put(column::meta, "k", value);
    return commit_one(s, std::move(writes));
  }

  std::shared_ptr<store> inner_ = make_memory_store();
};

TEST_F(faulty_store_test, passes_through_until_told) {
  faulty_store s{inner_};
  int seen = 0;
  const auto watch = s.watch(1, [&](const change&) { ++seen; });
  ASSERT_TRUE(watch);
  EXPECT_EQ(put(s, "1").value(), 1U);
  EXPECT_EQ(value_of(s, column::meta, "k"), "1");
  EXPECT_EQ(s.scan(column::meta, "", {}, SIZE_MAX)->size(), 1U);
  EXPECT_EQ(s.head(), 1U);
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(s.checkpoint("/nowhere").error().code, errc::not_implemented);
}

TEST_F(faulty_store_test, a_lost_commit_is_not_there_and_the_store_stops) {
  faulty_store s{inner_};
  ASSERT_TRUE(put(s, "1"));
  s.fail_commit(2, commit_fault::lost);
  ASSERT_TRUE(put(s, "2"));
  EXPECT_EQ(put(s, "3").error().code, errc::store_io);
  EXPECT_EQ(put(s, "4").error().code, errc::store_io);
  EXPECT_EQ(s.commits(), 4U);
  EXPECT_EQ(value_of(s, column::meta, "k"), "2");

  faulty_store reopened{inner_};
  EXPECT_EQ(put(reopened, "5").value(), 3U);
}

TEST_F(faulty_store_test, an_unknown_commit_is_there_all_the_same) {
  faulty_store s{inner_};
  s.fail_commit(1, commit_fault::unknown);
  EXPECT_EQ(put(s, "1").error().code, errc::store_io);
  EXPECT_EQ(put(s, "2").error().code, errc::store_io);
  EXPECT_EQ(value_of(*inner_, column::meta, "k"), "1");
  EXPECT_EQ(inner_->head(), 1U);
}

}  // namespace
}  // namespace lode::storage::test
