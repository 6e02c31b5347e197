#include "crypto/x25519_pem.hpp"

#include "crypto/crypto.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstring>

namespace lode::crypto {
namespace {

struct form {
  std::string_view label;
  std::string_view der_head;  // what stands before the 32 bytes of the key
};
constexpr form public_form{"PUBLIC KEY", {"\x30\x2a\x30\x05\x06\x03\x2b\x65\x6e\x03\x21\x00", 12}};
constexpr form private_form{"PRIVATE KEY", {"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x6e\x04\x22\x04\x20", 16}};

std::string begin_line(const form& f) { return "-----BEGIN " + std::string(f.label) + "-----\n"; }
std::string end_line(const form& f) { return "\n-----END " + std::string(f.label) + "-----"; }

std::optional<x25519_key> read(std::string_view pem, const form& f) {
  const auto begin = begin_line(f);
  const auto end = end_line(f);
  if (!pem.starts_with(begin)) return std::nullopt;
  pem.remove_prefix(begin.size());
  while (!pem.empty() && (pem.back() == '\n' || pem.back() == '\r')) pem.remove_suffix(1);
  if (!pem.ends_with(end)) return std::nullopt;
  pem.remove_suffix(end.size());
  std::array<unsigned char, 48> der{};
  std::size_t size = 0;
  const char* stop = nullptr;
  const bool decoded = sodium_base642bin(der.data(), der.size(), pem.data(), pem.size(), nullptr, &size, &stop,
                                         sodium_base64_VARIANT_ORIGINAL) == 0 &&
                       stop == pem.data() + pem.size();
  std::optional<x25519_key> key;
  if (decoded && size == f.der_head.size() + x25519_key{}.size() &&
      std::memcmp(der.data(), f.der_head.data(), f.der_head.size()) == 0) {
    key.emplace();
    std::copy_n(der.begin() + static_cast<std::ptrdiff_t>(f.der_head.size()), key->size(), key->begin());
  }
  sodium_memzero(der.data(), der.size());
  return key;
}

std::string write(const x25519_key& key, const form& f) {
  std::string der(f.der_head);
  der.append(reinterpret_cast<const char*>(key.data()), key.size());
  auto pem = begin_line(f) + to_base64(der) + end_line(f) + "\n";
  wipe(der);
  return pem;
}

}  // namespace

std::optional<x25519_key> x25519_public_from_pem(std::string_view pem) { return read(pem, public_form); }
std::optional<x25519_key> x25519_private_from_pem(std::string_view pem) { return read(pem, private_form); }
std::string x25519_public_to_pem(const x25519_key& key) { return write(key, public_form); }
std::string x25519_private_to_pem(const x25519_key& key) { return write(key, private_form); }

}  // namespace lode::crypto
