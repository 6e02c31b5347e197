#include "crypto/crypto.hpp"

#include <boost/uuid/uuid.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <sodium.h>

#include <algorithm>

namespace lode::crypto {

result<void> init() {
  if (sodium_init() < 0) return error(errc::internal, "libsodium found no usable random generator");
  return {};
}

bool constant_time_equal(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && (a.empty() || sodium_memcmp(a.data(), b.data(), a.size()) == 0);
}

std::string uuid_v4() {
  boost::uuids::uuid id{};
  randombytes_buf(id.data, sizeof(id.data));
  id.data[6] = static_cast<std::uint8_t>((id.data[6] & 0x0f) | 0x40);
  id.data[8] = static_cast<std::uint8_t>((id.data[8] & 0x3f) | 0x80);
  return boost::uuids::to_string(id);
}

std::string random_bytes(std::size_t n) {
  std::string bytes(n, '\0');
  randombytes_buf(bytes.data(), bytes.size());
  return bytes;
}

std::string random_password(std::size_t n) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::string password(n, '\0');
  for (auto& c : password) c = alphabet[randombytes_uniform(alphabet.size())];
  return password;
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
  std::string text(2 * bytes.size() + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), bytes.data(), bytes.size());
  text.pop_back();
  return text;
}

result<std::string> from_hex(std::string_view text) {
  if (text.starts_with("0x")) text.remove_prefix(2);
  std::string bytes(text.size() / 2, '\0');
  std::size_t length = 0;
  if (text.size() % 2 != 0 || sodium_hex2bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(),
                                             text.size(), nullptr, &length, nullptr) != 0) {
    wipe(bytes);
    return error(errc::key_invalid, "not hexadecimal");
  }
  return bytes;
}

std::string to_base64(std::string_view bytes) {
  std::string text(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();
  return text;
}

result<std::string> from_base64(std::string_view text) {
  // libsodium 1.0.18 takes some bytes above 0x7f for digits.
  const auto is_ascii = [](char c) { return static_cast<std::uint8_t>(c) < 0x80; };
  std::string bytes(text.size() / 4 * 3, '\0');
  std::size_t length = 0;
  if (text.size() % 4 != 0 || !std::all_of(text.begin(), text.end(), is_ascii) ||
      sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(), text.size(), nullptr,
                        &length, nullptr, sodium_base64_VARIANT_ORIGINAL) != 0)
    return error(errc::key_invalid, "not base64");
  bytes.resize(length);
  return bytes;
}

void wipe(std::string& secret) noexcept {
  sodium_memzero(secret.data(), secret.size());
  secret.clear();
}

}  // namespace lode::crypto
