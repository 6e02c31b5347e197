#pragma once
// SS58 addresses (format 42) and bittensor hotkey files.

#include <string>
#include <string_view>

#include "crypto/sr25519.hpp"

namespace lode::crypto {

std::string ss58_encode(const public_key& key);
/// key_invalid for another length, alphabet, format or checksum.
result<public_key> ss58_decode(std::string_view address);

/// A hotkey that can sign: its key and its address.
struct hotkey {
  sr25519_key key;
  std::string address;
};

/// Reads a bittensor hotkey file (JSON: secretSeed, else privateKey) and checks that the derived key is the one the file
/// names. Encrypted files and files with nothing but a phrase are key_invalid and say what to do. The error text never
/// holds a part of the secret.
result<hotkey> load_hotkey(const std::string& path);

/// Writes a new hotkey file (mode 0600, fails when `path` exists) as bittensor would and returns the hotkey.
result<hotkey> create_hotkey(const std::string& path);

}  // namespace lode::crypto
