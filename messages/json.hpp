#pragma once
// JSON codec and validation on top of the field tables (fields.hpp). Validation reports ALL failing fields at once in
// the words of pydantic v2, which clients of the contract know. Pure; any thread.

#include "messages/error.hpp"
#include "messages/requests.hpp"
#include "messages/types.hpp"

#include <boost/json/fwd.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lode {

/// Parses a request body. The last of duplicate keys wins, depth is at most 32. On failure appends one field error with
/// the byte offset and "JSON decode error" and returns nullopt.
std::optional<boost::json::value> parse_body(std::string_view text, std::vector<field_error>& errors);

/// The value as a T, or nullopt with at least one field error appended. A value that is not an object is the error
/// `body`: "Input should be a valid dictionary or object to extract fields from". Unknown fields are ignored.
/// Instantiated for device_requirement, docker_requirement, allocate_spec_body, allocation, resource, resource_query,
/// specs_document, miner_info.
template <class T>
std::optional<T> parse(const boost::json::value& v, std::vector<field_error>& errors);

/// parse() into `out`: what is absent or fails keeps its value there, so that more can be said of the rest.
template <class T>
void parse_into(const boost::json::value& v, T& out, std::vector<field_error>& errors);

/// One scalar, from a JSON value or from the text of a query parameter, with the contract's coercions; `name` is the
/// field.
std::optional<std::int64_t> parse_int(const boost::json::value& v, std::string_view name,
                                      std::vector<field_error>& errors);
std::optional<std::int64_t> parse_int(std::string_view text, std::string_view name, std::vector<field_error>& errors);
/// Numbers of up to two decimals are read exactly; others may be one unit in the last place off (Boost.JSON).
std::optional<double> parse_float(const boost::json::value& v, std::string_view name, std::vector<field_error>& errors);
std::optional<double> parse_float(std::string_view text, std::string_view name, std::vector<field_error>& errors);
std::optional<bool> parse_bool(const boost::json::value& v, std::string_view name, std::vector<field_error>& errors);
std::optional<bool> parse_bool(std::string_view text, std::string_view name, std::vector<field_error>& errors);
std::optional<std::string> parse_string(const boost::json::value& v, std::string_view name,
                                        std::vector<field_error>& errors);
/// A list of strings; a failing element is named by its index.
std::optional<std::vector<std::string>> parse_string_list(const boost::json::value& v, std::string_view name,
                                                          std::vector<field_error>& errors);

/// Appends the JSON of a value without building a tree. Instantiated for every type that parse knows, miner_specs,
/// field_error and std::vector<std::string>.
template <class T>
void write_json(std::string& out, const T& value);
/// Appends a JSON string with quotes and escapes; invalid UTF-8 becomes U+FFFD.
void write_json_string(std::string& out, std::string_view text);

/// A miner's specs, or nullopt when anything that the contract needs is missing or malformed.
std::optional<miner_specs> parse_specs(const boost::json::value& v);
std::optional<miner_specs> parse_specs_text(std::string_view json);

/// The miners file: {"miners":[{"hotkey","ip","port","version"?,"specs"?}]}. config_invalid names the place; malformed
/// specs only leave that miner's specs unset. Addresses' checksums are the caller's to check.
result<std::vector<miner_info>> parse_miners_file(std::string_view text);

}  // namespace lode
