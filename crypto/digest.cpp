#include "crypto/digest.hpp"

#include "crypto/crypto.hpp"

#include <sodium.h>

#include <array>

namespace lode::crypto {

std::string sha256_hex(std::string_view text) {
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size());
  return to_hex(digest);
}

}  // namespace lode::crypto
