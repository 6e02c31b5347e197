#pragma once
// X25519 keys in PEM, read and written by hand: RFC 8410 gives them one fixed DER form each, and OpenSSL's decoders
// take a hundred times as long as the cryptography itself.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lode::crypto {

using x25519_key = std::array<unsigned char, 32>;

/// The key in a PEM "PUBLIC KEY" (SubjectPublicKeyInfo) of X25519; nullopt for anything else, unusual line lengths
/// included: let OpenSSL read those.
std::optional<x25519_key> x25519_public_from_pem(std::string_view pem);
/// The key in a PEM "PRIVATE KEY" (PKCS#8) of X25519; nullopt as above. Wipe it after use.
std::optional<x25519_key> x25519_private_from_pem(std::string_view pem);

std::string x25519_public_to_pem(const x25519_key& key);
std::string x25519_private_to_pem(const x25519_key& key);

}  // namespace lode::crypto
