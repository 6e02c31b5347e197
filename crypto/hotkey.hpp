#pragma once
// SS58 addresses (format 42) and bittensor hotkey files.

#include "crypto/sr25519.hpp"

#include <string>
#include <string_view>

namespace lode::crypto {

std::string ss58_encode(const public_key& key);
/// key_invalid for another length, alphabet, format or checksum.
result<public_key> ss58_decode(std::string_view address);

/// A hotkey that can sign: its key and its address.
struct hotkey {
  sr25519_key key;
  std::string address;
};

/// Reads the text of a bittensor hotkey file, which errors call `name`. As load_hotkey, which is built on it.
result<hotkey> parse_hotkey(std::string_view text, const std::string& name);

/// Reads a bittensor hotkey file (JSON: secretSeed, else privateKey) and checks that the derived key is the one the
/// file names. Encrypted files and files with nothing but a phrase are key_invalid and say what to do. The error text
/// never holds a part of the secret.
result<hotkey> load_hotkey(const std::string& path);

/// Writes a new hotkey file as bittensor would and returns the hotkey. Mode 0600; missing folders are made (0700). The
/// file appears whole or not at all; a `path` that exists is left alone and is a conflict. key_invalid when it cannot
/// be written.
result<hotkey> create_hotkey(const std::string& path);

}  // namespace lode::crypto
