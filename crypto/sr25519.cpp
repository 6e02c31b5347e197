#include "crypto/sr25519.hpp"

#include "crypto/merlin.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstddef>
#include <string>

namespace lode::crypto {

namespace {

using bytes32 = std::array<std::uint8_t, 32>;
using bytes64 = std::array<std::uint8_t, 64>;

// The order of the group, 2^252 + 27742317777372353535851937790883648493, little-endian.
constexpr bytes32 group_order{0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                              0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                              0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};

// schnorrkel marks its signatures with the top bit of the last byte, which a scalar never uses.
constexpr std::uint8_t schnorrkel_mark = 0x80;

// Constant time: the borrow of scalar - order.
bool is_canonical(const bytes32& scalar) noexcept {
  unsigned borrow = 0;
  for (std::size_t i = 0; i < scalar.size(); ++i) borrow = ((unsigned{scalar[i]} - group_order[i] - borrow) >> 8) & 1U;
  return borrow == 1;
}

void divide_by_cofactor(bytes32& scalar) noexcept {
  std::uint8_t carry = 0;
  for (auto byte = scalar.rbegin(); byte != scalar.rend(); ++byte) {
    const auto next = static_cast<std::uint8_t>(*byte << 5);
    *byte = static_cast<std::uint8_t>((*byte >> 3) | carry);
    carry = next;
  }
}

transcript signing_transcript(std::string_view message, const public_key& pub) noexcept {
  transcript t("SigningContext");
  t.append("", "substrate");
  t.append("sign-bytes", message);
  t.append("proto-name", "Schnorr-sig");
  t.append("sign:pk", pub);
  return t;
}

bytes32 challenge_scalar(transcript& t, std::span<const std::uint8_t> commitment) noexcept {
  t.append("sign:R", commitment);
  bytes64 wide{};
  t.challenge("sign:c", wide);
  bytes32 scalar{};
  crypto_core_ristretto255_scalar_reduce(scalar.data(), wide.data());
  return scalar;
}

}  // namespace

sr25519_key::~sr25519_key() {
  sodium_memzero(scalar_.data(), scalar_.size());
  sodium_memzero(nonce_.data(), nonce_.size());
}

result<sr25519_key> sr25519_key::from_mini_secret(std::span<const std::uint8_t> mini) {
  if (mini.size() != crypto_core_ristretto255_SCALARBYTES)
    return error(errc::key_invalid, "a mini secret has 32 bytes");
  bytes64 expanded{};
  crypto_hash_sha512(expanded.data(), mini.data(), mini.size());
  expanded[0] &= 0xf8;
  expanded[31] &= 0x3f;
  expanded[31] |= 0x40;
  sr25519_key key;
  std::copy_n(expanded.begin(), 32, key.scalar_.begin());
  std::copy_n(expanded.begin() + 32, 32, key.nonce_.begin());
  sodium_memzero(expanded.data(), expanded.size());
  divide_by_cofactor(key.scalar_);
  if (crypto_scalarmult_ristretto255_base(key.public_.data(), key.scalar_.data()) != 0)
    return error(errc::key_invalid, "the secret gives no public key");
  return key;
}

result<sr25519_key> sr25519_key::from_secret(std::span<const std::uint8_t> secret, const public_key& expected) {
  if (secret.size() != 64) return error(errc::key_invalid, "an expanded secret has 64 bytes");
  sr25519_key key;
  std::copy_n(secret.begin(), 32, key.scalar_.begin());
  std::copy_n(secret.begin() + 32, 32, key.nonce_.begin());
  const auto gives_expected = [&key, &expected] {
    return is_canonical(key.scalar_) &&
           crypto_scalarmult_ristretto255_base(key.public_.data(), key.scalar_.data()) == 0 && key.public_ == expected;
  };
  if (gives_expected()) return key;
  if ((key.scalar_[0] & 7) == 0) {
    divide_by_cofactor(key.scalar_);
    if (gives_expected()) return key;
  }
  return error(errc::key_invalid, "the secret does not belong to the public key");
}

sr25519_key sr25519_key::generate() {
  bytes32 mini{};
  randombytes_buf(mini.data(), mini.size());
  auto key = from_mini_secret(mini);
  sodium_memzero(mini.data(), mini.size());
  return *key;  // any 32 bytes are a mini secret
}

signature sr25519_key::sign(std::string_view message,
                            std::optional<std::array<std::uint8_t, 32>> fixed_randomness) const {
  auto t = signing_transcript(message, public_);

  bytes32 random{};
  if (fixed_randomness)
    random = *fixed_randomness;
  else
    randombytes_buf(random.data(), random.size());
  bytes64 wide{};
  t.witness("signing", nonce_, random, wide);
  bytes32 witness{};
  crypto_core_ristretto255_scalar_reduce(witness.data(), wide.data());

  // A witness of zero (2^-252) makes this call return an error, but also the identity, which is then the right answer.
  bytes32 commitment{};
  static_cast<void>(crypto_scalarmult_ristretto255_base(commitment.data(), witness.data()));
  const auto k = challenge_scalar(t, commitment);
  bytes32 s{};
  crypto_core_ristretto255_scalar_mul(s.data(), k.data(), scalar_.data());
  crypto_core_ristretto255_scalar_add(s.data(), s.data(), witness.data());

  sodium_memzero(random.data(), random.size());
  sodium_memzero(wide.data(), wide.size());
  sodium_memzero(witness.data(), witness.size());

  signature sig{};
  std::copy(s.begin(), s.end(), std::copy(commitment.begin(), commitment.end(), sig.begin()));
  sig[63] |= schnorrkel_mark;
  return sig;
}

bool sr25519_verify(const public_key& pub, std::string_view message, std::span<const std::uint8_t> sig) {
  if (sig.size() != std::tuple_size_v<signature> || (sig[63] & schnorrkel_mark) == 0) return false;
  const auto commitment = sig.first(32);
  bytes32 s{};
  std::copy_n(sig.begin() + 32, 32, s.begin());
  s[31] &= static_cast<std::uint8_t>(~schnorrkel_mark);
  if (!is_canonical(s)) return false;

  auto t = signing_transcript(message, pub);
  const auto k = challenge_scalar(t, commitment);
  bytes32 sb{};
  bytes32 ka{};
  bytes32 expected{};
  // Each fails for an identity or an encoding that is no point; no honest signature comes to that.
  if (crypto_scalarmult_ristretto255_base(sb.data(), s.data()) != 0 ||
      crypto_scalarmult_ristretto255(ka.data(), k.data(), pub.data()) != 0 ||
      crypto_core_ristretto255_sub(expected.data(), sb.data(), ka.data()) != 0)
    return false;
  return sodium_memcmp(expected.data(), commitment.data(), expected.size()) == 0;
}

}  // namespace lode::crypto
