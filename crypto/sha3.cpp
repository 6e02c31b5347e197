#include "crypto/sha3.hpp"

#include "crypto/crypto.hpp"

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <new>

namespace lode::crypto {

std::string sha3_256_hex(std::string_view bytes) {
  std::array<std::uint8_t, 32> digest{};
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha3_256(), nullptr) != 1)
    throw std::bad_alloc();
  return to_hex(digest);
}

}  // namespace lode::crypto
