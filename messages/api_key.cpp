#include "messages/api_key.hpp"

#include "messages/json.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <array>

namespace lode {
namespace {

constexpr std::int64_t version = 1;
constexpr std::array<std::string_view, 4> roles{"none", "read", "rent", "admin"};

}  // namespace

std::string_view to_string(role r) noexcept { return roles.at(static_cast<std::size_t>(r)); }

std::optional<role> role_from(std::string_view text) noexcept {
  for (const auto r : {role::read, role::rent, role::admin})
    if (to_string(r) == text) return r;
  return std::nullopt;
}

bool is_key_name(std::string_view name) noexcept {
  constexpr std::size_t longest = 64;
  return !name.empty() && name.size() <= longest && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"._@+-"}.find(c) != std::string_view::npos;
  });
}

std::string encode(const api_key& k) {
  std::string out{R"({"v":)"};
  const auto text = [&out](std::string_view name, std::string_view value) {
    out.append(name);
    write_json_string(out, value);
  };
  out.append(std::to_string(version));
  text(R"(,"name":)", k.name);
  text(R"(,"role":)", to_string(k.grants));
  text(R"(,"hash":)", k.hash);
  out.append(R"(,"created_at":)").append(std::to_string(k.created_at));
  text(R"(,"created_by":)", k.created_by);
  out.append(R"(,"last_used_at":)").append(std::to_string(k.last_used_at)).push_back('}');
  return out;
}

result<api_key> decode_api_key(std::string id, std::string_view text) {
  const error damaged{errc::store_damaged, "API key " + id + " does not read"};
  boost::system::error_code ec;
  const auto root = boost::json::parse(text, ec);
  const auto* object = ec ? nullptr : root.if_object();
  if (!object) return damaged;
  const auto number = [object](std::string_view name, unix_ms& out) {
    const auto* m = object->if_contains(name);
    if (m && m->is_int64()) out = m->get_int64();
    return m && m->is_int64();
  };
  const auto string = [object](std::string_view name, std::string& out) {
    const auto* m = object->if_contains(name);
    if (m && m->is_string()) out = m->get_string();
    return m && m->is_string();
  };
  unix_ms v = 0;
  if (!number("v", v) || v < 1) return damaged;
  if (v > version) return error{errc::store_newer, "API key " + id + " is of a newer version"};
  api_key k;
  std::string granted;
  const bool whole = string("name", k.name) && string("role", granted) && string("hash", k.hash) &&
                     number("created_at", k.created_at) && string("created_by", k.created_by) &&
                     number("last_used_at", k.last_used_at);
  const auto grants = role_from(granted);
  if (!whole || !grants || k.hash.size() != 64) return damaged;
  k.grants = *grants;
  k.id = std::move(id);
  return k;
}

}  // namespace lode
