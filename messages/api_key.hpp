#pragma once
// Who may do what: roles, and API keys as they are stored. Pure; any thread.

#include "messages/error.hpp"
#include "messages/types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lode {

/// What a caller's API key must be good for, when keys are in use. Each includes those before it.
enum class role : std::uint8_t { none, read, rent, admin };
std::string_view to_string(role r) noexcept;
/// Of a role that a key can have: "read", "rent", "admin".
std::optional<role> role_from(std::string_view text) noexcept;

/// An API key as it is stored under its id. The key itself is shown once, when it is made, and kept nowhere.
struct api_key {
  std::string id;    ///< 12 hexadecimal digits; part of the key, no secret
  std::string name;  ///< whose it is; no two keys in use need differ in it
  role grants = role::read;
  std::string hash;  ///< SHA-256 of the whole key, in hexadecimal
  unix_ms created_at = 0;
  std::string created_by;    ///< request_context::caller; empty: nobody was asked who they are
  unix_ms last_used_at = 0;  ///< to the minute; 0: never
  friend bool operator==(const api_key&, const api_key&) = default;
};

/// `{"v":1,"name","role","hash","created_at","created_by","last_used_at"}`. The id is the store's key. Pure.
std::string encode(const api_key& k);
/// store_damaged for other text, store_newer for another version. Pure.
result<api_key> decode_api_key(std::string id, std::string_view text);

/// 1 to 64 characters of A-Z a-z 0-9 . _ @ + -, so that it is the same text in a log, a table and a shell.
bool is_key_name(std::string_view name) noexcept;

/// A key that was just made.
struct added_key {
  api_key key;
  std::string text;  ///< secret; the key itself
};
}  // namespace lode
