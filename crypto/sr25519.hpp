#pragma once
// sr25519 as Substrate and bittensor use it: schnorrkel signatures, signing context "substrate", Merlin transcripts
// over STROBE-128, ristretto255 from libsodium.

#include "messages/error.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace lode::crypto {

using public_key = std::array<std::uint8_t, 32>;
using signature = std::array<std::uint8_t, 64>;

/// A signing key. Wiped when destroyed. Copyable so that links and tests can hold one.
class sr25519_key {
 public:
  /// Expands a 32-byte mini secret in Ed25519 mode.
  static result<sr25519_key> from_mini_secret(std::span<const std::uint8_t> mini);
  /// A 64-byte secret, scalar then nonce; the scalar in canonical form or times 8, whichever gives `expected`.
  static result<sr25519_key> from_secret(std::span<const std::uint8_t> secret, const public_key& expected);
  static sr25519_key generate();

  sr25519_key(const sr25519_key&) = default;
  sr25519_key& operator=(const sr25519_key&) = default;
  ~sr25519_key();

  [[nodiscard]] const public_key& pub() const noexcept { return public_; }
  /// Signs with fresh randomness; `fixed_randomness` (32 bytes) is for test vectors only.
  [[nodiscard]] signature sign(std::string_view message,
                               std::optional<std::array<std::uint8_t, 32>> fixed_randomness = {}) const;

 private:
  sr25519_key() = default;
  std::array<std::uint8_t, 32> scalar_{};
  std::array<std::uint8_t, 32> nonce_{};
  public_key public_{};
};

/// True when `sig` over `message` was made by the holder of `pub`. Constant work for well-formed input.
bool sr25519_verify(const public_key& pub, std::string_view message, std::span<const std::uint8_t> sig);

}  // namespace lode::crypto
