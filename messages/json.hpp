#pragma once
// JSON codec of the value types, on top of their field tables (fields.hpp). Parsing checks every field and reports all
// that fail; writing appends text without a tree in between. Pure, any thread.
//
// Types: device_requirement, docker_requirement, allocate_spec_body, allocation, resource, resource_query,
// specs_document, miner_specs, miner_info, allocation_record (its secrets in the clear: see record_codec.hpp),
// field_error, std::vector<std::string>.

#include "messages/json_fwd.hpp"
#include "messages/requests.hpp"
#include "messages/types.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lode {

struct json_limits {
  std::size_t depth = 32;
  std::size_t bytes = 1024 * 1024;
};

/// The text as a value in `out`, or what is wrong with it: "JSON decode error" with the byte offset as index. Of
/// duplicate keys the last wins. An empty text is an error: callers with an optional body look before.
std::optional<field_error> parse_body(std::string_view text, boost::json::value& out, const json_limits& limits = {});

/// The value as a T, or unset after appending every failing field to `errors`. Unknown members are ignored, missing
/// ones keep their default. `where` names the value itself when it has the wrong shape.
template <class T>
std::optional<T> parse(const boost::json::value& v, std::vector<field_error>& errors, std::string_view where = "body");

/// Appends the value as compact JSON. Unset optionals are null.
template <class T>
void write_json(std::string& out, const T& value);

/// A tree, where one is needed.
template <class T>
boost::json::value to_json(const T& value);

/// Appends a JSON string, quoted and escaped; bytes that are not UTF-8 become U+FFFD.
void write_json_string(std::string& out, std::string_view text);
void write_json_number(std::string& out, std::int64_t value);
/// Shortest text that reads back the same, with ".0" where it is whole; null when not finite.
void write_json_number(std::string& out, double value);
/// Appends a list of anything with write_json.
template <class T>
void write_json_list(std::string& out, const std::vector<T>& items) {
  out.push_back('[');
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out.push_back(',');
    write_json(out, items[i]);
  }
  out.push_back(']');
}

/// Specs as published by a miner; unset when anything in them is missing, malformed or negative.
std::optional<miner_specs> parse_specs(const boost::json::value& v);
std::optional<miner_specs> parse_specs_text(std::string_view text);

}  // namespace lode
