#include "crypto/crypto.hpp"

#include "crypto/sha3.hpp"
#include "fixtures.hpp"

#include <boost/uuid/string_generator.hpp>
#include <boost/uuid/uuid.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>

namespace lode::crypto {
namespace {

using namespace std::string_literals;
using test::as_bytes;

TEST(hex, round_trips_and_takes_prefix_and_both_cases) {
  EXPECT_EQ(to_hex(as_bytes("\x00\x7f\xff"s)), "007fff");
  EXPECT_EQ(to_hex({}), "");
  EXPECT_EQ(from_hex("0x007fFF").value(), "\x00\x7f\xff"s);
  EXPECT_EQ(from_hex("007fff").value(), "\x00\x7f\xff"s);
  EXPECT_EQ(from_hex("").value(), "");
}

TEST(hex, refuses_everything_else) {
  for (const auto text : {"0", "0x0", "0g", "00 11", "0x0x00", "0X00", "00\n", " 00"}) {
    const auto bytes = from_hex(text);
    ASSERT_FALSE(bytes) << text;
    EXPECT_EQ(bytes.error().code, errc::key_invalid);
  }
}

TEST(base64, round_trips) {
  EXPECT_EQ(to_base64(""), "");
  EXPECT_EQ(to_base64("f"), "Zg==");
  EXPECT_EQ(to_base64("fo"), "Zm8=");
  EXPECT_EQ(to_base64("foo"), "Zm9v");
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  EXPECT_EQ(from_base64(to_base64(all)).value(), all);
  EXPECT_EQ(from_base64("").value(), "");
}

TEST(base64, refuses_everything_else) {
  for (const auto text :
       {"Zg", "Zg=", "Zg===", "Zh==", "Zg==Zg==", "Zm9v\n", "Zm9 ", "Zm-v", "Z===", "====", "\xef\xef/\xef"}) {
    const auto bytes = from_base64(text);
    ASSERT_FALSE(bytes) << text;
    EXPECT_EQ(bytes.error().code, errc::key_invalid);
  }
}

TEST(constant_time_equal, compares) {
  EXPECT_TRUE(constant_time_equal("", ""));
  EXPECT_TRUE(constant_time_equal("abc", "abc"));
  EXPECT_FALSE(constant_time_equal("abc", "abd"));
  EXPECT_FALSE(constant_time_equal("abc", "ab"));
  EXPECT_FALSE(constant_time_equal("abc", ""));
}

TEST(uuid_v4, is_of_version_4_in_lower_case_and_never_twice) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto text = uuid_v4();
    ASSERT_EQ(text.size(), 36U);
    const auto id = boost::uuids::string_generator()(text);
    ASSERT_EQ(id.version(), boost::uuids::uuid::version_random_number_based);
    ASSERT_EQ(id.variant(), boost::uuids::uuid::variant_rfc_4122);
    ASSERT_EQ(text.find_first_of("ABCDEF"), std::string::npos);
    seen.insert(text);
  }
  EXPECT_EQ(seen.size(), 1000U);
}

TEST(random_bytes, has_the_length_asked_for_and_differs) {
  EXPECT_EQ(random_bytes(0), "");
  EXPECT_EQ(random_bytes(32).size(), 32U);
  EXPECT_NE(random_bytes(32), random_bytes(32));
}

TEST(random_password, uses_the_whole_alphabet_and_nothing_else) {
  const auto password = random_password(10000);
  const std::set<char> used(password.begin(), password.end());
  EXPECT_EQ(used.size(), 62U);
  for (const char c : used) EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c))) << c;
  EXPECT_EQ(random_password(12).size(), 12U);
  EXPECT_NE(random_password(12), random_password(12));
}

TEST(wipe, overwrites_the_memory_and_empties) {
  std::string secret(64, 's');
  wipe(secret);
  EXPECT_TRUE(secret.empty());
  ASSERT_GE(secret.capacity(), 64U) << "the memory was given back, so it cannot be looked at";
  const auto* memory = secret.data();
  EXPECT_EQ(std::count(memory, memory + 64, '\0'), 64);
}

TEST(sha3, gives_the_hashes_of_fips_202) {
  EXPECT_EQ(sha3_256_hex(""), "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a");
  EXPECT_EQ(sha3_256_hex("abc"), "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532");
}

}  // namespace
}  // namespace lode::crypto
