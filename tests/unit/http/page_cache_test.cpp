// Replies to listings that are kept until something changes.

#include "http/page_cache.hpp"

#include <gtest/gtest.h>

namespace lode::http {
namespace {

request asking(std::string target, std::string body = {}) {
  request r;
  r.target = std::move(target);
  r.body = std::move(body);
  return r;
}

struct page_cache_test : ::testing::Test {
  std::shared_ptr<listing_clock> clock = std::make_shared<listing_clock>();
  page_cache cache{clock, {3, 100, 40}};
  void keep(const std::string& target, const std::string& body) {
    cache.keep(asking(target), cache.now(), response{200, body});
  }
};

TEST_F(page_cache_test, gives_back_what_was_answered_to_the_same_request) {
  keep("/list/x?page_number=1", "one");
  EXPECT_EQ(cache.find(asking("/list/x?page_number=1")), "one");
  EXPECT_EQ(cache.find(asking("/list/x?page_number=2")), "");
  EXPECT_EQ(cache.find(asking("/list/x?page_number=1", "{}")), "");
}

TEST_F(page_cache_test, the_same_bytes_of_another_type_are_another_request) {
  auto json = asking("/a", "{}");
  json.headers.emplace_back("content-type", "application/json; charset=utf-8");
  auto form = asking("/a", "{}");
  form.headers.emplace_back("content-type", "application/x-www-form-urlencoded");
  cache.keep(form, cache.now(), response{200, "all"});
  EXPECT_EQ(cache.size(), 0U);
  cache.keep(json, cache.now(), response{200, "one"});
  EXPECT_EQ(cache.find(json), "one");
  EXPECT_EQ(cache.find(form), "");
}

TEST_F(page_cache_test, forgets_everything_once_something_changed) {
  keep("/a", "one");
  keep("/b", "two");
  clock->changed();
  EXPECT_EQ(cache.find(asking("/a")), "");
  EXPECT_EQ(cache.find(asking("/b")), "");
  EXPECT_EQ(cache.bytes(), 0U);
}

TEST_F(page_cache_test, does_not_keep_what_was_overtaken_by_a_change) {
  const auto asked_at = cache.now();
  clock->changed();
  cache.keep(asking("/a"), asked_at, response{200, "old"});
  EXPECT_EQ(cache.find(asking("/a")), "");
}

TEST_F(page_cache_test, keeps_successes_only_and_nothing_too_long) {
  cache.keep(asking("/a"), cache.now(), response{404, "none"});
  cache.keep(asking("/b"), cache.now(), response{200, std::string(41, 'x')});
  EXPECT_EQ(cache.size(), 0U);
}

TEST_F(page_cache_test, the_one_not_used_for_longest_gives_way) {
  keep("/a", "1");
  keep("/b", "2");
  keep("/c", "3");
  EXPECT_EQ(cache.find(asking("/a")), "1");
  keep("/d", "4");
  EXPECT_EQ(cache.find(asking("/b")), "");
  EXPECT_EQ(cache.find(asking("/a")), "1");
  EXPECT_EQ(cache.find(asking("/d")), "4");
  EXPECT_EQ(cache.size(), 3U);
}

TEST_F(page_cache_test, is_bounded_in_bytes) {
  keep("/a", std::string(40, '1'));
  keep("/b", std::string(40, '2'));
  keep("/c", std::string(40, '3'));
  EXPECT_EQ(cache.find(asking("/a")), "");
  EXPECT_EQ(cache.find(asking("/c")), std::string(40, '3'));
  EXPECT_LE(cache.bytes(), 100U);
}

TEST_F(page_cache_test, keeps_nothing_without_a_clock) {
  page_cache none{nullptr, {}};
  none.keep(asking("/a"), none.now(), response{200, "one"});
  EXPECT_EQ(none.find(asking("/a")), "");
}

}  // namespace
}  // namespace lode::http
