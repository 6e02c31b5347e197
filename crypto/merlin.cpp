#include "crypto/merlin.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace lode::crypto {

namespace {

constexpr std::uint8_t rate = 166;

constexpr std::uint8_t flag_inbound = 1;
constexpr std::uint8_t flag_application = 2;
constexpr std::uint8_t flag_cipher = 4;
constexpr std::uint8_t flag_meta = 16;
constexpr std::uint8_t flag_key = 32;

constexpr std::uint8_t op_ad = flag_application;
constexpr std::uint8_t op_meta_ad = flag_meta | flag_application;
constexpr std::uint8_t op_prf = flag_inbound | flag_application | flag_cipher;
constexpr std::uint8_t op_key = flag_application | flag_cipher;

std::span<const std::uint8_t> bytes_of(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::array<std::uint8_t, 4> le32(std::size_t n) noexcept {
  return {static_cast<std::uint8_t>(n), static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n >> 16),
          static_cast<std::uint8_t>(n >> 24)};
}

}  // namespace

strobe128::strobe128(std::string_view protocol) noexcept {
  constexpr std::string_view version = "STROBEv1.0.2";
  constexpr std::array<std::uint8_t, 6> domain{1, rate + 2, 1, 0, 1, 12 * 8};
  std::copy(version.begin(), version.end(), std::copy(domain.begin(), domain.end(), state_.begin()));
  keccak_f1600(state_);
  meta_ad(bytes_of(protocol), false);
}

strobe128::~strobe128() { sodium_memzero(state_.data(), state_.size()); }

void strobe128::meta_ad(std::span<const std::uint8_t> data, bool more) noexcept {
  begin(op_meta_ad, more);
  absorb(data);
}

void strobe128::ad(std::span<const std::uint8_t> data, bool more) noexcept {
  begin(op_ad, more);
  absorb(data);
}

void strobe128::key(std::span<const std::uint8_t> secret, bool more) noexcept {
  begin(op_key, more);
  for (const auto byte : secret) {
    state_[pos_] = byte;
    advance();
  }
}

void strobe128::prf(std::span<std::uint8_t> out, bool more) noexcept {
  begin(op_prf, more);
  for (auto& byte : out) {
    byte = state_[pos_];
    state_[pos_] = 0;
    advance();
  }
}

void strobe128::begin(std::uint8_t flags, bool more) noexcept {
  if (more) return;
  const std::array<std::uint8_t, 2> header{pos_begin_, flags};
  pos_begin_ = static_cast<std::uint8_t>(pos_ + 1);
  absorb(header);
  if ((flags & (flag_cipher | flag_key)) != 0 && pos_ != 0) run_f();
}

void strobe128::absorb(std::span<const std::uint8_t> data) noexcept {
  for (const auto byte : data) {
    state_[pos_] ^= byte;
    advance();
  }
}

void strobe128::advance() noexcept {
  if (++pos_ == rate) run_f();
}

void strobe128::run_f() noexcept {
  state_[pos_] ^= pos_begin_;
  state_[pos_ + 1] ^= 0x04;
  state_[rate + 1] ^= 0x80;
  keccak_f1600(state_);
  pos_ = 0;
  pos_begin_ = 0;
}

transcript::transcript(std::string_view label) noexcept : strobe_("Merlin v1.0") { append("dom-sep", label); }

void transcript::append(std::string_view label, std::span<const std::uint8_t> message) noexcept {
  strobe_.meta_ad(bytes_of(label), false);
  strobe_.meta_ad(le32(message.size()), true);
  strobe_.ad(message, false);
}

void transcript::append(std::string_view label, std::string_view message) noexcept { append(label, bytes_of(message)); }

void transcript::challenge(std::string_view label, std::span<std::uint8_t> out) noexcept {
  strobe_.meta_ad(bytes_of(label), false);
  strobe_.meta_ad(le32(out.size()), true);
  strobe_.prf(out, false);
}

void transcript::witness(std::string_view label, std::span<const std::uint8_t> secret,
                         std::span<const std::uint8_t> random, std::span<std::uint8_t> out) const noexcept {
  auto fork = strobe_;
  fork.meta_ad(bytes_of(label), false);
  fork.meta_ad(le32(secret.size()), true);
  fork.key(secret, false);
  fork.meta_ad(bytes_of("rng"), false);
  fork.key(random, false);
  fork.meta_ad(le32(out.size()), false);
  fork.prf(out, false);
}

}  // namespace lode::crypto
