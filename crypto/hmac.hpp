#pragma once
// What signs webhooks, and where such secrets are read from.

#include "messages/error.hpp"

#include <string>
#include <string_view>

namespace lode::crypto {

/// HMAC-SHA256 of `data` under `key` (of any length), as lower-case hex. Pure; any thread.
std::string hmac_sha256_hex(std::string_view key, std::string_view data);

/// The contents of a small file of one secret, without the newline at its end. config_invalid, naming the file and
/// never what is in it: it does not open, is not a regular file, is empty, longer than 4 KiB, or open to others.
result<std::string> read_secret_file(const std::string& path);

}  // namespace lode::crypto
