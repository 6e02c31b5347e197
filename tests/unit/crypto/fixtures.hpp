#pragma once
// Keys that the whole Substrate world tests with, and small helpers.

#include "crypto/crypto.hpp"
#include "crypto/sr25519.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lode::crypto::test {

constexpr std::string_view alice_mini = "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a";
constexpr std::string_view alice_public = "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";
constexpr std::string_view alice_address = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
constexpr std::string_view alice_scalar = "33a6f3093f158a7109f679410bef1a0c54168145e0cecb4df006c1c2fffb1f09";
constexpr std::string_view alice_scalar_times_8 = "98319d4ff8a9508c4bb0cf0b5a78d760a0b2082c02775e6e82370816fedfff48";
constexpr std::string_view alice_nonce = "925a225d97aa00682d6a59b95b18780c10d7032336e88f3442b42361f4a66011";
constexpr std::string_view bob_public = "8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48";
constexpr std::string_view bob_address = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

inline std::string unhex(std::string_view text) {
  const auto bytes = from_hex(text);
  EXPECT_TRUE(bytes) << "a malformed vector: " << text;
  return bytes ? *bytes : std::string();
}

inline std::span<const std::uint8_t> as_bytes(std::string_view s) {
  return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()};
}

template <class Array>
Array array_of(std::string_view hex) {
  const auto bytes = unhex(hex);
  Array out{};
  EXPECT_EQ(bytes.size(), out.size());
  std::copy_n(as_bytes(bytes).begin(), std::min(bytes.size(), out.size()), out.begin());
  return out;
}

inline sr25519_key key_of(std::string_view mini_hex) {
  const auto mini = unhex(mini_hex);
  return sr25519_key::from_mini_secret(as_bytes(mini)).value();
}

}  // namespace lode::crypto::test
