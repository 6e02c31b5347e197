#pragma once
// Reading by field tables; private to the .cpp files of this folder (others call parse).

#include "messages/json.hpp"
#include "messages/record_fields.hpp"

#include <boost/json.hpp>

#include <type_traits>

namespace lode::detail {

/// The text as a value; unset after setting `offset` to the place of the error.
std::optional<boost::json::value> parse_text(std::string_view text, std::size_t& offset);

/// Scalars with the coercions of the contract. Empty on success, else the error's text.
std::string_view read_scalar(const boost::json::value& v, std::int64_t& out) noexcept;
std::string_view read_scalar(const boost::json::value& v, double& out) noexcept;
std::string_view read_scalar(const boost::json::value& v, bool& out) noexcept;
std::string_view read_scalar(const boost::json::value& v, std::string& out);

/// The name, or the index, under which an error of this value is reported.
struct place {
  std::string_view name;
  std::optional<std::int64_t> index = std::nullopt;
};
inline void fail(std::vector<field_error>& errors, place at, std::string_view message) {
  errors.push_back(field_error{std::string{at.name}, at.index, std::string{message}});
}

inline bool from_name(std::string_view text, allocation_state& out) {
  const auto v = allocation_state_from(text);
  if (v) out = *v;
  return v.has_value();
}
inline bool from_name(std::string_view text, pending_action& out) {
  const auto v = pending_action_from(text);
  if (v) out = *v;
  return v.has_value();
}
inline bool from_name(std::string_view text, key_kind& out) {
  const auto v = key_kind_from(text);
  if (v) out = *v;
  return v.has_value();
}

inline bool from_name(std::string_view text, mark_kind& out) {
  const auto v = mark_kind_from(text);
  if (v) out = *v;
  return v.has_value();
}

template <class V>
struct is_optional : std::false_type {};
template <class V>
struct is_optional<std::optional<V>> : std::true_type {};

/// Sets `out` from `v`, or appends every error.
template <class V>
void read_value(const boost::json::value& v, V& out, const constraint& check, place at,
                std::vector<field_error>& errors) {
  if constexpr (std::is_same_v<V, std::optional<miner_specs>>) {
    // Specs are another's claim: when malformed they are as good as unknown, and no error of what holds them.
    std::vector<field_error> ignored;
    specs_document d;
    read_value(v, d, check, at, ignored);
    out = ignored.empty() ? specs_from(d) : std::nullopt;
  } else if constexpr (is_optional<V>::value) {
    if (v.is_null()) return out.reset();
    read_value(v, out.emplace(), check, at, errors);
  } else if constexpr (described<V>) {
    const auto* object = v.if_object();
    if (!object) return fail(errors, at, words::object_type);
    for_each_field<V>([&](const auto& f) {
      if (const auto* member = object->if_contains(f.name))
        read_value(*member, out.*(f.member), f.check, place{f.name}, errors);
      else if (f.check.required)
        fail(errors, place{f.name}, words::required);
    });
  } else if constexpr (std::is_enum_v<V>) {
    const auto* text = v.if_string();
    if (!text) return fail(errors, at, words::string_type);
    if (!from_name(*text, out)) fail(errors, at, words::enum_value);
  } else if constexpr (std::is_same_v<V, std::uint16_t>) {
    std::int64_t wide = 0;
    const constraint port{.ge = check.ge.value_or(0), .le = check.le.value_or(65535)};
    const std::size_t before = errors.size();
    read_value(v, wide, port, at, errors);
    if (errors.size() == before) out = static_cast<std::uint16_t>(wide);
  } else if constexpr (requires { read_scalar(v, out); }) {
    if (const auto text = read_scalar(v, out); !text.empty()) return fail(errors, at, text);
    if constexpr (requires { out_of_bounds(check, out); } && !std::is_same_v<V, bool>)
      if (const auto text = out_of_bounds(check, out); !text.empty()) fail(errors, at, text);
  } else {
    const auto* items = v.if_array();
    if (!items) return fail(errors, at, words::list_type);
    out.clear();
    out.reserve(items->size());
    std::int64_t index = 0;
    for (const auto& item : *items) read_value(item, out.emplace_back(), {}, place{{}, index++}, errors);
  }
}

}  // namespace lode::detail
