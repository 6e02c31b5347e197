#include "crypto/merlin.hpp"

#include "fixtures.hpp"

#include <gtest/gtest.h>

#include <array>

namespace lode::crypto {
namespace {

using test::as_bytes;

std::string head_of(const keccak_state& state, std::size_t n) { return to_hex(std::span(state).first(n)); }

TEST(keccak, permutes_the_zero_state) {
  keccak_state state{};
  keccak_f1600(state);
  EXPECT_EQ(head_of(state, 16), "e7dde140798f25f18a47c033f9ccd584");
  // The second permutation of the reference test, which also depends on every lane that the first one wrote.
  keccak_f1600(state);
  EXPECT_EQ(head_of(state, 16), "3ccb6ef94d955c2d6db55770d02c336a");
}

TEST(keccak, makes_the_first_strobe_state) {
  keccak_state state{0x01, 0xa8, 0x01, 0x00, 0x01, 0x60};
  constexpr std::string_view version = "STROBEv1.0.2";
  std::copy(version.begin(), version.end(), state.begin() + 6);
  keccak_f1600(state);
  EXPECT_EQ(head_of(state, 32), "9c6d168ff8fd55da2aa73c2355653563dc0c475c551526f6733bea22f16cb57c");
}

TEST(transcript, gives_the_reference_challenge) {
  transcript t("test protocol");
  t.append("some label", "some data");
  std::array<std::uint8_t, 32> challenge{};
  t.challenge("challenge", challenge);
  EXPECT_EQ(to_hex(challenge), "d5a21972d0d5fe320c0d263fac7fffb8145aa640af6e9bca177c03c7efcf0615");
}

TEST(transcript, gives_the_challenge_of_a_signature) {
  transcript t("SigningContext");
  t.append("", "substrate");
  t.append("sign-bytes", "bittensor proto test");
  t.append("proto-name", "Schnorr-sig");
  t.append("sign:pk", as_bytes(test::unhex(test::alice_public)));
  t.append("sign:R", as_bytes(test::unhex("240f0f28ff9de2a2f16ff03f9702cb3e2ec93dfb8f60df7f0c4a79f8d69fd025")));
  std::array<std::uint8_t, 64> challenge{};
  t.challenge("sign:c", challenge);
  EXPECT_EQ(to_hex(challenge),
            "6c1b632a12ec70d86e1d0d2b57bdd38a16b01e7eff3b2ab24a22a6dabbdcc192"
            "b4af988486b14bd5c35a27de9dad6ea92c91bbf651da48123ecde35b59bdf2c7");
}

std::string challenge_of(std::string_view first, std::string_view second) {
  transcript t("framing");
  t.append(first, second);
  std::array<std::uint8_t, 32> challenge{};
  t.challenge("c", challenge);
  return to_hex(challenge);
}

TEST(transcript, tells_apart_where_a_label_ends) {
  EXPECT_NE(challenge_of("ab", "c"), challenge_of("a", "bc"));
  EXPECT_NE(challenge_of("", "abc"), challenge_of("abc", ""));
}

// Absorbing in one piece or in several is the same operation, also across the 166 bytes of one block.
TEST(strobe128, continues_an_operation) {
  const std::string long_text(500, 'x');
  strobe128 whole("test");
  whole.ad(as_bytes(long_text), false);
  strobe128 pieces("test");
  pieces.ad(as_bytes(long_text.substr(0, 165)), false);
  pieces.ad(as_bytes(long_text.substr(165, 2)), true);
  pieces.ad(as_bytes(long_text.substr(167)), true);
  std::array<std::uint8_t, 200> a{};
  std::array<std::uint8_t, 200> b{};
  whole.prf(a, false);
  pieces.prf(std::span(b).first(100), false);
  pieces.prf(std::span(b).subspan(100), true);
  EXPECT_EQ(to_hex(a), to_hex(b));
}

TEST(transcript, witness_depends_on_all_and_changes_nothing) {
  transcript t("w");
  t.append("m", "message");
  const std::array<std::uint8_t, 32> secret{1};
  const std::array<std::uint8_t, 32> other{2};
  const auto witness = [&t](const auto& s, const auto& r) {
    std::array<std::uint8_t, 64> out{};
    t.witness("signing", s, r, out);
    return to_hex(out);
  };
  const auto first = witness(secret, secret);
  EXPECT_EQ(first, witness(secret, secret));
  EXPECT_NE(first, witness(other, secret));
  EXPECT_NE(first, witness(secret, other));
  t.append("m", "more");
  EXPECT_NE(first, witness(secret, secret));
}

}  // namespace
}  // namespace lode::crypto
