#include "storage/schema.hpp"

#include <charconv>

namespace lode::storage {
namespace {

constexpr bool rows_in_enum_order() {
  for (std::size_t i = 0; i < column_families.size(); ++i)
    if (static_cast<std::size_t>(column_families[i].id) != i) return false;
  return true;
}
static_assert(rows_in_enum_order(), "describe() and the stores index the table by the enum");

}  // namespace

const column_family& describe(column id) noexcept { return column_families[static_cast<std::size_t>(id)]; }

const column_family* find_column(std::string_view name) noexcept {
  for (const column_family& row : column_families)
    if (row.name == name) return &row;
  return nullptr;
}

std::span<const migration> migrations() { return {}; }

std::string encode_value(revision mod_revision, std::string_view value) {
  std::string stored = std::to_string(mod_revision);
  stored.reserve(stored.size() + 1 + value.size());
  stored.push_back(' ');
  stored.append(value);
  return stored;
}

result<decoded_value> decode_value(std::string_view stored) {
  const std::size_t space = stored.substr(0, 21).find(' ');  // 20 digits hold any revision
  if (space == std::string_view::npos) return error{errc::store_damaged, "a stored value has no revision"};
  const auto number = decode_number(stored.substr(0, space));
  if (!number || *number == 0) return error{errc::store_damaged, "a stored value's revision is not a number"};
  return decoded_value{*number, stored.substr(space + 1)};
}

result<std::uint64_t> decode_number(std::string_view text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, number);
  if (failure != std::errc{} || stop != end) return error{errc::store_damaged, "a stored number does not parse"};
  return number;
}

}  // namespace lode::storage
