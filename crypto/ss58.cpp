// SS58: base58 of a format byte, the key, and two bytes of a BLAKE2b checksum.

#include "crypto/hotkey.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace lode::crypto {

namespace {

constexpr std::string_view alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
constexpr std::uint8_t format = 42;  // "generic Substrate", the only one that bittensor accepts
constexpr std::size_t body_bytes = 1 + 32;
constexpr std::size_t raw_bytes = body_bytes + 2;
constexpr std::size_t address_chars = 48;

using raw_address = std::array<std::uint8_t, raw_bytes>;

void put_checksum(raw_address& raw) noexcept {
  constexpr std::string_view prefix = "SS58PRE";
  std::array<std::uint8_t, prefix.size() + body_bytes> input{};
  std::copy_n(raw.begin(), body_bytes, std::copy(prefix.begin(), prefix.end(), input.begin()));
  std::array<std::uint8_t, 64> digest{};
  crypto_generichash_blake2b(digest.data(), digest.size(), input.data(), input.size(), nullptr, 0);
  raw[body_bytes] = digest[0];
  raw[body_bytes + 1] = digest[1];
}

}  // namespace

std::string ss58_encode(const public_key& key) {
  raw_address raw{format};
  std::copy(key.begin(), key.end(), raw.begin() + 1);
  put_checksum(raw);

  // 42 as the first of 35 bytes makes every address exactly 48 characters, so each position is filled.
  std::string address(address_chars, alphabet[0]);
  for (auto c = address.rbegin(); c != address.rend(); ++c) {
    unsigned remainder = 0;
    for (auto& byte : raw) {
      const auto value = remainder << 8 | byte;
      byte = static_cast<std::uint8_t>(value / 58);
      remainder = value % 58;
    }
    *c = alphabet[remainder];
  }
  return address;
}

result<public_key> ss58_decode(std::string_view address) {
  if (address.size() != address_chars) return error(errc::key_invalid, "an SS58 address has 48 characters");
  raw_address raw{};
  for (const char c : address) {
    const auto digit = alphabet.find(c);
    if (digit == std::string_view::npos) return error(errc::key_invalid, "an SS58 address is base58");
    auto carry = static_cast<unsigned>(digit);
    for (auto byte = raw.rbegin(); byte != raw.rend(); ++byte) {
      carry += 58U * *byte;
      *byte = static_cast<std::uint8_t>(carry);
      carry >>= 8;
    }
    if (carry != 0) return error(errc::key_invalid, "an SS58 address has 35 bytes");
  }
  if (raw[0] != format) return error(errc::key_invalid, "the SS58 address is not of format 42");
  auto expected = raw;
  put_checksum(expected);
  if (raw != expected) return error(errc::key_invalid, "the checksum of the SS58 address is wrong");
  public_key key{};
  std::copy_n(raw.begin() + 1, key.size(), key.begin());
  return key;
}

}  // namespace lode::crypto
