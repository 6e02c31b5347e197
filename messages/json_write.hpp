#pragma once
// Writing by field tables; private to the .cpp files of this folder (others call write_json).

#include "messages/json.hpp"
#include "messages/record_fields.hpp"

#include <concepts>
#include <type_traits>

namespace lode::detail {

void write_number(std::string& out, std::int64_t value);
/// The shortest text that reads back as the same double; null for what is not finite.
void write_number(std::string& out, double value);

template <class V>
void write_value(std::string& out, const V& value);

/// `"name":value` of every field, with commas between and no braces.
template <described T>
void write_members(std::string& out, const T& value) {
  bool first = true;
  for_each_field<T>([&](const auto& f) {
    if (!first) out.push_back(',');
    first = false;
    out.push_back('"');
    out.append(f.name).append("\":");
    write_value(out, value.*(f.member));
  });
}

template <class V>
struct is_list : std::false_type {};
template <class V>
struct is_list<std::vector<V>> : std::true_type {};

template <class V>
void write_value(std::string& out, const V& value) {
  if constexpr (std::is_same_v<V, bool>) {
    out.append(value ? "true" : "false");
  } else if constexpr (std::integral<V>) {
    write_number(out, static_cast<std::int64_t>(value));
  } else if constexpr (std::floating_point<V>) {
    write_number(out, value);
  } else if constexpr (std::is_enum_v<V>) {
    write_json_string(out, to_string(value));
  } else if constexpr (std::is_same_v<V, miner_specs>) {
    write_value(out, document_of(value));  // one shape everywhere: that in which miners publish them
  } else if constexpr (described<V>) {
    out.push_back('{');
    write_members(out, value);
    out.push_back('}');
  } else if constexpr (is_list<V>::value) {
    out.push_back('[');
    for (const auto& item : value) {
      if (&item != value.data()) out.push_back(',');
      write_value(out, item);
    }
    out.push_back(']');
  } else if constexpr (requires { value.has_value(); }) {
    if (value)
      write_value(out, *value);
    else
      out.append("null");
  } else {
    write_json_string(out, value);
  }
}

}  // namespace lode::detail
