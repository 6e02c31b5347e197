#include "crypto/hotkey.hpp"
#include "fixtures.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace lode::crypto {
namespace {

using test::array_of;

struct pair {
  std::string_view hex;
  std::string_view address;
};
constexpr std::array<pair, 3> pairs{{{test::alice_public, test::alice_address},
                                     {test::bob_public, test::bob_address},
                                     {"46ebddef8cd9bb167dc30878d7113b7e168e6f0646beffd77d69d39bad76b47a",
                                      "5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV"}}};

TEST(ss58, encodes_and_decodes_known_accounts) {
  for (const auto& [hex, address] : pairs) {
    EXPECT_EQ(ss58_encode(array_of<public_key>(hex)), address);
    const auto key = ss58_decode(address);
    ASSERT_TRUE(key) << key.error().to_string();
    EXPECT_EQ(to_hex(*key), hex);
  }
}

TEST(ss58, round_trips_extreme_and_random_keys) {
  public_key key{};
  EXPECT_EQ(ss58_decode(ss58_encode(key)).value(), key);
  key.fill(0xff);
  EXPECT_EQ(ss58_decode(ss58_encode(key)).value(), key);
  for (int i = 0; i < 200; ++i) {
    const auto bytes = random_bytes(32);
    std::copy_n(test::as_bytes(bytes).begin(), 32, key.begin());
    const auto address = ss58_encode(key);
    ASSERT_EQ(address.size(), 48U);
    ASSERT_EQ(address[0], '5');
    ASSERT_EQ(ss58_decode(address).value(), key);
  }
}

TEST(ss58, refuses_an_address_with_any_character_changed) {
  const std::string address(test::alice_address);
  for (std::size_t i = 0; i < address.size(); ++i) {
    auto changed = address;
    changed[i] = changed[i] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(ss58_decode(changed)) << changed;
  }
}

TEST(ss58, says_what_is_wrong) {
  const auto why = [](std::string_view address) {
    const auto key = ss58_decode(address);
    if (key) return std::string("it was accepted");
    EXPECT_EQ(key.error().code, errc::key_invalid);
    return key.error().detail;
  };
  const std::string alice(test::alice_address);
  EXPECT_THAT(why(""), ::testing::HasSubstr("48 characters"));
  EXPECT_THAT(why(alice.substr(1)), ::testing::HasSubstr("48 characters"));
  EXPECT_THAT(why(alice + "1"), ::testing::HasSubstr("48 characters"));
  EXPECT_THAT(why("0" + alice.substr(1)), ::testing::HasSubstr("base58"));
  EXPECT_THAT(why(alice.substr(0, 47) + " "), ::testing::HasSubstr("base58"));
  EXPECT_THAT(why(std::string(48, 'z')), ::testing::HasSubstr("35 bytes"));
  EXPECT_THAT(why(alice.substr(0, 47) + (alice[47] == '1' ? "2" : "1")), ::testing::HasSubstr("checksum"));
  EXPECT_THAT(why(std::string(48, '1')), ::testing::HasSubstr("format 42"));
}

// Alice under other networks' formats (Kusama 2, Polkadot 0): right checksum, wrong format or length.
TEST(ss58, refuses_other_formats) {
  EXPECT_FALSE(ss58_decode("HNZata7iMYWmk5RvZRTiAsSDhV8366zq2YGb3tLH5Upf74F"));
  EXPECT_FALSE(ss58_decode("15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5"));
}

}  // namespace
}  // namespace lode::crypto
