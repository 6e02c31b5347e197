#pragma once
// The key pair of an allocation, and the ciphertext under it that carries the SSH access of a container.
// RSA: 2048 bits, OAEP with SHA-256 and MGF1-SHA-256, no label. X25519: libsodium sealed box.

#include "messages/error.hpp"
#include "messages/types.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace lode::crypto {

struct key_pair {
  key_kind kind = key_kind::rsa2048;
  std::string public_pem;   ///< SubjectPublicKeyInfo
  std::string private_pem;  ///< PKCS#8; secret
};

/// Takes 30 to 300 ms for RSA, microseconds for X25519.
result<key_pair> make_key_pair(key_kind kind);

/// The kind of a public key in PEM; key_invalid for anything but RSA of 2048 bits and more, and X25519.
result<key_kind> kind_of_public_key(std::string_view public_pem);

/// Base64 of `plain` encrypted to `public_pem`. RSA takes at most 190 bytes.
result<std::string> encrypt_to(std::string_view public_pem, std::string_view plain);

/// The inverse, for either kind of key. key_invalid when it does not decrypt. The public key of the pair, where it is
/// at hand, spares computing it, which is half the work of an X25519 key; the wrong one does not decrypt.
result<std::string> decrypt_with(std::string_view private_pem, std::string_view base64_ciphertext,
                                 std::string_view public_pem = {});

/// encrypt_to() with one ephemeral X25519 key for all texts, which is half the work. Only for simulations: it must not
/// encrypt two texts to the same key, and who holds its key can read them all.
class box_maker {
 public:
  box_maker();
  ~box_maker();
  box_maker(const box_maker&) = delete;
  box_maker& operator=(const box_maker&) = delete;
  [[nodiscard]] result<std::string> encrypt_to(std::string_view public_pem, std::string_view plain) const;

 private:
  struct ephemeral;
  std::unique_ptr<ephemeral> key_;
};

}  // namespace lode::crypto
