#include "crypto/sr25519.hpp"

#include "crypto/hotkey.hpp"
#include "fixtures.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

namespace lode::crypto {
namespace {

using test::alice_mini;
using test::array_of;
using test::as_bytes;
using test::key_of;
using test::unhex;

TEST(sr25519_key, expands_mini_secrets) {
  EXPECT_EQ(to_hex(key_of(alice_mini).pub()), test::alice_public);
  EXPECT_EQ(to_hex(key_of(to_hex(as_bytes("12345678901234567890123456789012"))).pub()),
            "741c08a06f41c596608f6774259bd9043304adfa5d3eea62760bd9be97634d63");
  EXPECT_EQ(to_hex(key_of("fac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e").pub()),
            "46ebddef8cd9bb167dc30878d7113b7e168e6f0646beffd77d69d39bad76b47a");
}

TEST(sr25519_key, refuses_a_mini_secret_of_another_length) {
  for (const std::size_t n : {0U, 31U, 33U, 64U}) {
    const std::string bytes(n, 'a');
    const auto key = sr25519_key::from_mini_secret(as_bytes(bytes));
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, errc::key_invalid);
  }
}

std::string secret_hex(std::string_view scalar, std::string_view nonce) {
  return std::string(scalar) + std::string(nonce);
}

// Both writings of an expanded secret make the same key: same signature from the same randomness.
TEST(sr25519_key, reads_both_forms_of_an_expanded_secret) {
  const auto pub = array_of<public_key>(test::alice_public);
  const auto expected = key_of(alice_mini).sign("m", std::array<std::uint8_t, 32>{});
  for (const auto scalar : {test::alice_scalar, test::alice_scalar_times_8}) {
    const auto secret = unhex(secret_hex(scalar, test::alice_nonce));
    const auto key = sr25519_key::from_secret(as_bytes(secret), pub);
    ASSERT_TRUE(key) << scalar;
    EXPECT_EQ(key->pub(), pub);
    EXPECT_EQ(key->sign("m", std::array<std::uint8_t, 32>{}), expected) << scalar;
  }
}

TEST(sr25519_key, refuses_an_expanded_secret_of_another_key) {
  const auto secret = unhex(secret_hex(test::alice_scalar, test::alice_nonce));
  EXPECT_FALSE(sr25519_key::from_secret(as_bytes(secret), array_of<public_key>(test::bob_public)));
  EXPECT_FALSE(sr25519_key::from_secret(as_bytes(secret).first(63), array_of<public_key>(test::alice_public)));
  const auto zero = std::string(64, '\0');
  EXPECT_FALSE(sr25519_key::from_secret(as_bytes(zero), public_key{}));
  const auto not_canonical = unhex(secret_hex(std::string(64, 'f'), test::alice_nonce));
  EXPECT_FALSE(sr25519_key::from_secret(as_bytes(not_canonical), array_of<public_key>(test::alice_public)));
}

TEST(sr25519_key, generates_different_keys) {
  const auto a = sr25519_key::generate();
  const auto b = sr25519_key::generate();
  EXPECT_NE(a.pub(), b.pub());
  EXPECT_TRUE(sr25519_verify(a.pub(), "m", a.sign("m")));
  EXPECT_FALSE(sr25519_verify(b.pub(), "m", a.sign("m")));
}

struct vector {
  std::string address;
  std::string message;
  std::string signature_hex;
  bool ours;  ///< produced by Alice from 32 zero bytes of randomness
};

const std::vector<vector>& vectors() {
  static const std::vector<vector> all{
      {"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
       "I hereby verify that I control 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
       "b83881d3bd7302981ee1c504fe5b7b394682927131fc0846fd616bb40fa14d02"
       "640fd2aca785b4cb57904765c2e4e75f59a7dd30154c209964369912091f6981",
       false},
      {"5Gv8YYFu8H1btvmrJy9FjjAWfb99wrhV3uhPFoNEr918utyR", "test message\n",
       "22f91b41ba12f8663ddce26bfc90dbfe6a51683fd3782ad679ab2a5fdbe7d44c"
       "2a119f22c74eea22555e5483eb7f42b828f189a38379d59c3b607d2461f0858e",
       false},
      {"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", "bittensor proto test",
       "240f0f28ff9de2a2f16ff03f9702cb3e2ec93dfb8f60df7f0c4a79f8d69fd025"
       "36e34199af67d0af4e74f2559e22d1113b25141b63cb9c2aa72bc2114d54908e",
       true},
      {"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
       "1700000000000000000.5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY."
       "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty.5ecbd69c-1cec-11ee-b0dc-e29ce36fec1a."
       "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a",
       "585a54cc53bd66d4a0b3a60f64a655677d54a2e7fe12be22577a20d8ab70c008"
       "c1c59649cd265eae7c2a074b9a90a83e7bd70a40e2fe67e5a02aa261a04cea8a",
       true},
      {"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
       unhex("d8d4454bb7b05e3b104ffa005ffe4256d63877b78a08c236984bff909d8fb245"),
       "c64997bf76250671f13bdc628862c3c44439edf860f66739d815af90aec49465"
       "cdba370ae153cef327a160bf692a5d7c950acdb62e6ce30365e19c4883ce0485",
       true}};
  return all;
}

TEST(sr25519, produces_the_reference_signatures) {
  const auto alice = key_of(alice_mini);
  for (const auto& v : vectors()) {
    if (!v.ours) continue;
    EXPECT_EQ(to_hex(alice.sign(v.message, std::array<std::uint8_t, 32>{})), v.signature_hex) << v.message;
  }
}

TEST(sr25519, verifies_the_reference_signatures_and_none_next_to_them) {
  for (const auto& v : vectors()) {
    const auto pub = ss58_decode(v.address).value();
    const auto sig = array_of<signature>(v.signature_hex);
    EXPECT_TRUE(sr25519_verify(pub, v.message, sig)) << v.message;

    for (std::size_t i = 0; i < v.message.size(); ++i) {
      auto message = v.message;
      message[i] = static_cast<char>(message[i] ^ 1);
      EXPECT_FALSE(sr25519_verify(pub, message, sig)) << "message byte " << i;
    }
    EXPECT_FALSE(sr25519_verify(pub, v.message + " ", sig));
    auto unmarked = sig;
    unmarked[63] &= 0x7f;
    EXPECT_FALSE(sr25519_verify(pub, v.message, unmarked));
  }
}

TEST(sr25519, any_flipped_byte_of_a_signature_or_a_key_fails) {
  std::mt19937 random(20240607);  // NOLINT(cert-msc51-cpp): the same cases in every run
  for (int round = 0; round < 4; ++round) {
    std::string message(random() % 300, '\0');
    for (auto& c : message) c = static_cast<char>(random());
    const auto key = sr25519_key::generate();
    const auto sig = key.sign(message);
    ASSERT_TRUE(sr25519_verify(key.pub(), message, sig));
    for (std::size_t i = 0; i < sig.size(); ++i) {
      auto changed = sig;
      changed[i] ^= static_cast<std::uint8_t>(1U << (random() % 8));
      EXPECT_FALSE(sr25519_verify(key.pub(), message, changed)) << "signature byte " << i;
    }
    for (std::size_t i = 0; i < key.pub().size(); ++i) {
      auto changed = key.pub();
      changed[i] ^= static_cast<std::uint8_t>(1U << (random() % 8));
      EXPECT_FALSE(sr25519_verify(changed, message, sig)) << "key byte " << i;
    }
  }
}

TEST(sr25519, signs_messages_of_every_length_around_a_block) {
  const auto alice = key_of(alice_mini);
  for (std::size_t n = 0; n < 400; n += 7) {
    const std::string message(n, 'a');
    EXPECT_TRUE(sr25519_verify(alice.pub(), message, alice.sign(message))) << n;
  }
}

TEST(sr25519, fresh_randomness_gives_a_fresh_signature) {
  const auto alice = key_of(alice_mini);
  EXPECT_NE(alice.sign("m"), alice.sign("m"));
}

// s + L is the same scalar; a verifier that reduced it would accept two signatures for one message.
TEST(sr25519, refuses_a_scalar_that_is_not_canonical) {
  constexpr std::array<std::uint8_t, 32> order{0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                                               0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                                               0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
  const auto alice = key_of(alice_mini);
  auto sig = alice.sign("m");
  unsigned carry = 0;
  sig[63] &= 0x7f;
  for (std::size_t i = 0; i < 32; ++i) {
    carry += unsigned{sig[32 + i]} + order[i];
    sig[32 + i] = static_cast<std::uint8_t>(carry);
    carry >>= 8;
  }
  ASSERT_LT(sig[63], 0x80);
  sig[63] |= 0x80;
  EXPECT_FALSE(sr25519_verify(alice.pub(), "m", sig));
}

TEST(sr25519, refuses_what_is_no_signature_or_no_key) {
  const auto alice = key_of(alice_mini);
  const auto sig = alice.sign("m");
  EXPECT_FALSE(sr25519_verify(alice.pub(), "m", std::span(sig).first(63)));
  EXPECT_FALSE(sr25519_verify(alice.pub(), "m", {}));
  std::vector<std::uint8_t> longer(sig.begin(), sig.end());
  longer.push_back(0);
  EXPECT_FALSE(sr25519_verify(alice.pub(), "m", longer));
  EXPECT_FALSE(sr25519_verify(public_key{}, "m", sig));
  public_key no_point;
  no_point.fill(0xff);
  EXPECT_FALSE(sr25519_verify(no_point, "m", sig));
  signature zero{};
  zero[63] = 0x80;
  EXPECT_FALSE(sr25519_verify(alice.pub(), "m", zero));
  EXPECT_FALSE(sr25519_verify(public_key{}, "m", zero));
}

}  // namespace
}  // namespace lode::crypto
