#include "http/server/access.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>

namespace lode::http {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(request_id, takes_a_sane_one_as_it_is) {
  EXPECT_EQ(take_request_id("a-Z_0.9"), "a-Z_0.9");
  EXPECT_EQ(take_request_id(std::string(128, 'x')), std::string(128, 'x'));
}

TEST(request_id, replaces_what_could_harm_a_log_or_a_header) {
  const std::regex uuid{"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"};
  for (const std::string& bad : {std::string{}, std::string(129, 'x'), std::string{"a b"}, std::string{"a\r\nb"},
                                 std::string{"ü"}, std::string{"a\0b", 3}, std::string{"a/b"}, std::string{"a,b"}})
    EXPECT_TRUE(std::regex_match(take_request_id(bad), uuid)) << bad;
}

TEST(request_id, fresh_ones_differ) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(fresh_request_id());
  EXPECT_EQ(seen.size(), 1000U);
}

TEST(percent_decode, decodes_and_keeps_bad_escapes) {
  EXPECT_EQ(percent_decode("a%20b%2Fc%2f", false), "a b/c/");
  EXPECT_EQ(percent_decode("100%", false), "100%");
  EXPECT_EQ(percent_decode("%2", false), "%2");
  EXPECT_EQ(percent_decode("%zz%4", false), "%zz%4");
  EXPECT_EQ(percent_decode("%%41", false), "%A");
  EXPECT_EQ(percent_decode("%00", false), std::string(1, '\0'));
  EXPECT_EQ(percent_decode("a+b", false), "a+b");
  EXPECT_EQ(percent_decode("a+b%2B", true), "a b+");
}

TEST(parse_query, keeps_order_and_repetition) {
  EXPECT_THAT(parse_query("a=1&b=&a=2&c"), ElementsAre(Pair("a", "1"), Pair("b", ""), Pair("a", "2"), Pair("c", "")));
  EXPECT_THAT(parse_query(""), IsEmpty());
  EXPECT_THAT(parse_query("&&"), IsEmpty());
  EXPECT_THAT(parse_query("ssh_key=ssh-ed25519+AAAA%2B%3D+me%40host&x==1"),
              ElementsAre(Pair("ssh_key", "ssh-ed25519 AAAA+= me@host"), Pair("x", "=1")));
}

struct target {
  bool good = false;
  std::string path = "unchanged";
  std::vector<std::pair<std::string, std::string>> query{{"un", "changed"}};
};

target split(std::string_view text) {
  target t;
  t.good = split_target(text, t.path, t.query);
  return t;
}

TEST(split_target, takes_the_forms_of_rfc_9112) {
  EXPECT_EQ(split("/").path, "/");
  EXPECT_EQ(split("/a/b").path, "/a/b");
  EXPECT_EQ(split("/a/b/").path, "/a/b");
  EXPECT_EQ(split("/a/b//").path, "/a/b/");
  EXPECT_EQ(split("/a%20b/?x=1").path, "/a b");
  EXPECT_THAT(split("/a?x=1?2").query, ElementsAre(Pair("x", "1?2")));
  EXPECT_THAT(split("/a?x=1#f").query, ElementsAre(Pair("x", "1")));
  EXPECT_THAT(split("/a").query, IsEmpty());
  EXPECT_EQ(split("http://host:1/a/b?c=d").path, "/a/b");
  EXPECT_THAT(split("http://host:1/a/b?c=d").query, ElementsAre(Pair("c", "d")));
  EXPECT_EQ(split("http://host").path, "/");
  EXPECT_EQ(split("http://host?c=d").path, "/");
  EXPECT_EQ(split("*").path, "*");
}

TEST(split_target, refuses_others_and_changes_nothing) {
  for (const char* bad : {"", "a/b", "host:443", "://x", "?a=b", "#"}) {
    const target t = split(bad);
    EXPECT_FALSE(t.good) << bad;
    EXPECT_EQ(t.path, "unchanged") << bad;
    EXPECT_EQ(t.query.size(), 1U) << bad;
  }
}

}  // namespace
}  // namespace lode::http
