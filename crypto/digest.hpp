#pragma once
// Digests. Pure; any thread.

#include <string>
#include <string_view>

namespace lode::crypto {

/// SHA-256 of `text` in lower-case hexadecimal.
std::string sha256_hex(std::string_view text);

}  // namespace lode::crypto
