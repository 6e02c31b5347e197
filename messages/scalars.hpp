#pragma once
// Scalars of requests as text (query string) and the texts of validation errors, in the words that existing clients
// know (pydantic 2). Each parse_* returns an empty text on success, else the error's text; `out` is then unchanged.

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
inline constexpr std::string_view json = "JSON decode error";
}  // namespace words

/// "4", " 4 ", "+4", "4.0"; not "4.5", "", "1e3". Beyond 64 bits: words::int_size.
std::string_view parse_int(std::string_view text, std::int64_t& out) noexcept;
/// Decimal with or without exponent, blanks around it; infinities and NaN are words::finite.
std::string_view parse_float(std::string_view text, double& out) noexcept;
/// true false 1 0 yes no on off t f y n, in any case.
std::string_view parse_bool(std::string_view text, bool& out) noexcept;

/// What a field's value must satisfy beside its type. All bounds are inclusive.
struct constraint {
  std::optional<std::int64_t> ge;
  std::optional<std::int64_t> le;
  bool required = false;
  bool secret = false;  ///< sealed in the store
};
/// Empty when the value is within the bounds, else "Input should be greater than or equal to 0" and the like.
std::string out_of_bounds(const constraint& c, std::int64_t value);
std::string out_of_bounds(const constraint& c, double value);

}  // namespace lode
