#pragma once
// Small things every user of crypto/ needs. All functions of this folder are pure or use only the operating system's
// random generator; any thread may call them. init() first, once a process.

#include "messages/error.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lode::crypto {

/// Initialises libsodium. Idempotent, any thread. An error means that there is no usable random generator.
result<void> init();

/// Equal, in time that depends on the lengths only.
bool constant_time_equal(std::string_view a, std::string_view b) noexcept;

/// A random (version 4) UUID in lower-case text.
std::string uuid_v4();

/// `n` random bytes.
std::string random_bytes(std::size_t n);

/// `n` characters drawn evenly from A-Z a-z 0-9.
std::string random_password(std::size_t n);

std::string to_hex(std::span<const std::uint8_t> bytes);
/// Accepts an optional 0x prefix and both cases; anything else is key_invalid.
result<std::string> from_hex(std::string_view text);

std::string to_base64(std::string_view bytes);
/// Standard alphabet with padding; anything else is key_invalid.
result<std::string> from_base64(std::string_view text);

/// Overwrites the contents so that the optimiser cannot remove it.
void wipe(std::string& secret) noexcept;

/// True for exactly one well-formed OpenSSH public key line: type, base64 blob that names the same type, an optional
/// comment of printable characters without quotes. No options field, no newline.
bool is_openssh_public_key(std::string_view line) noexcept;

}  // namespace lode::crypto
