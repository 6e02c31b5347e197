#pragma once
// What makes a value valid beside its type, and the texts of validation errors in the words that existing clients know
// (pydantic 2). Pure, any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lode {

namespace words {
inline constexpr std::string_view required = "Field required";
inline constexpr std::string_view int_text = "Input should be a valid integer, unable to parse string as an integer";
inline constexpr std::string_view int_fraction = "Input should be a valid integer, got a number with a fractional part";
inline constexpr std::string_view int_type = "Input should be a valid integer";
inline constexpr std::string_view int_size = "Unable to parse input string as an integer, exceeded maximum size";
inline constexpr std::string_view string_type = "Input should be a valid string";
inline constexpr std::string_view number_text = "Input should be a valid number, unable to parse string as a number";
inline constexpr std::string_view number_type = "Input should be a valid number";
inline constexpr std::string_view finite = "Input should be a finite number";
inline constexpr std::string_view bool_text = "Input should be a valid boolean, unable to interpret input";
inline constexpr std::string_view bool_type = "Input should be a valid boolean";
inline constexpr std::string_view list_type = "Input should be a valid list";
inline constexpr std::string_view object_type = "Input should be a valid dictionary or object to extract fields from";
inline constexpr std::string_view enum_value = "Input should be one of the known names";
inline constexpr std::string_view json = "JSON decode error";
}  // namespace words

/// Bounds of a field, both inclusive, and how it is treated.
struct constraint {
  std::optional<std::int64_t> ge = std::nullopt;
  std::optional<std::int64_t> le = std::nullopt;
  bool required = false;
  bool secret = false;  ///< sealed in the store
};
/// Empty when within the bounds, else "Input should be greater than or equal to 0" and the like.
std::string out_of_bounds(const constraint& c, std::int64_t value);
std::string out_of_bounds(const constraint& c, double value);

/// Scalars as text. Empty on success, else the error's text; `out` is then unchanged.
/// Integers: "4", " 4 ", "+4", "4.0"; not "4.5", "" or "1e3"; beyond 64 bits is words::int_size.
std::string_view int_from_text(std::string_view text, std::int64_t& out) noexcept;
/// Decimal with or without exponent, blanks around it; infinities and NaN are words::finite.
std::string_view float_from_text(std::string_view text, double& out) noexcept;
/// true false 1 0 yes no on off t f y n, in any case.
std::string_view bool_from_text(std::string_view text, bool& out) noexcept;
/// The integer that a JSON number with a point or exponent stands for.
std::string_view int_from_float(double value, std::int64_t& out) noexcept;

/// 48 characters of the base58 alphabet that begin with 5: the form of an SS58 address of format 42. The checksum is
/// not looked at.
bool looks_like_ss58(std::string_view text) noexcept;
/// An IPv4 or IPv6 address in digits.
bool is_literal_ip(std::string_view text);

}  // namespace lode
