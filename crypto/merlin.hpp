#pragma once
// Merlin transcripts over STROBE-128, the part of them that schnorrkel uses. By hand: no library in Debian has them.
// Neither class may be used by two threads at a time. Both wipe their state when destroyed, for it may hold a key.

#include "crypto/keccak.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace lode::crypto {

/// The STROBE duplex at 128 bits of security (166 bytes of rate), version 1.0.2, without its transport operations.
/// `more` continues the operation before it, which must have been of the same kind.
class strobe128 {
 public:
  explicit strobe128(std::string_view protocol) noexcept;
  strobe128(const strobe128&) = default;
  strobe128& operator=(const strobe128&) = default;
  ~strobe128();

  /// Absorbs framing: labels and lengths.
  void meta_ad(std::span<const std::uint8_t> data, bool more) noexcept;
  /// Absorbs data that both sides know.
  void ad(std::span<const std::uint8_t> data, bool more) noexcept;
  /// Overwrites state with a secret, so that what came before cannot be computed from what follows.
  void key(std::span<const std::uint8_t> secret, bool more) noexcept;
  /// Fills `out` with bytes that depend on everything absorbed so far.
  void prf(std::span<std::uint8_t> out, bool more) noexcept;

 private:
  void begin(std::uint8_t flags, bool more) noexcept;
  void absorb(std::span<const std::uint8_t> data) noexcept;
  void advance() noexcept;
  void run_f() noexcept;

  keccak_state state_{};
  std::uint8_t pos_ = 0;
  std::uint8_t pos_begin_ = 0;
};

/// A Merlin transcript: labelled messages in, challenges out.
class transcript {
 public:
  explicit transcript(std::string_view label) noexcept;

  /// Commits to `message` under `label`; both may be empty. A message must be shorter than 4 GiB.
  void append(std::string_view label, std::span<const std::uint8_t> message) noexcept;
  void append(std::string_view label, std::string_view message) noexcept;
  /// Fills `out` with a challenge that depends on everything appended so far, and commits to having drawn it.
  void challenge(std::string_view label, std::span<std::uint8_t> out) noexcept;
  /// Fills `out` with bytes that only a holder of `secret` can compute, fresh for each `random` and for each
  /// transcript. Does not change the transcript.
  void witness(std::string_view label, std::span<const std::uint8_t> secret, std::span<const std::uint8_t> random,
               std::span<std::uint8_t> out) const noexcept;

 private:
  strobe128 strobe_;
};

}  // namespace lode::crypto
