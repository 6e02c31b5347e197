#include "messages/validation.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cmath>

namespace lode {
namespace {

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view blanks = " \t\n\r\f\v";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// Takes a leading plus, which from_chars does not; "+-4" stays wrong.
std::string_view without_plus(std::string_view text) noexcept {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-' && text[1] != '+') text.remove_prefix(1);
  return text;
}

template <class V>
std::string bound_text(const constraint& c, V value) {
  // Comparing as V would round large bounds of doubles; the bounds in use are far below 2^53.
  if (c.ge && value < static_cast<V>(*c.ge)) return "Input should be greater than or equal to " + std::to_string(*c.ge);
  if (c.le && value > static_cast<V>(*c.le)) return "Input should be less than or equal to " + std::to_string(*c.le);
  return {};
}

bool equal_ignoring_case(std::string_view a, std::string_view lower) noexcept {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(),
                    [](char x, char y) { return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + 32) : x) == y; });
}

}  // namespace

std::string out_of_bounds(const constraint& c, std::int64_t value) { return bound_text(c, value); }
std::string out_of_bounds(const constraint& c, double value) { return bound_text(c, value); }

std::string_view int_from_text(std::string_view text, std::int64_t& out) noexcept {
  text = without_plus(trimmed(text));
  if (const auto point = text.find('.'); point != std::string_view::npos && point > 0) {
    const auto fraction = text.substr(point + 1);
    if (fraction.empty() || fraction.find_first_not_of('0') != std::string_view::npos) return words::int_text;
    text = text.substr(0, point);
  }
  std::int64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec == std::errc::invalid_argument || end != text.data() + text.size()) return words::int_text;
  if (ec == std::errc::result_out_of_range) return words::int_size;
  out = value;
  return {};
}

std::string_view float_from_text(std::string_view text, double& out) noexcept {
  text = without_plus(trimmed(text));
  double value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec == std::errc::invalid_argument || end != text.data() + text.size()) return words::number_text;
  if (ec == std::errc::result_out_of_range || !std::isfinite(value)) return words::finite;
  out = value;
  return {};
}

std::string_view bool_from_text(std::string_view text, bool& out) noexcept {
  for (const std::string_view yes : {"true", "1", "yes", "on", "t", "y"})
    if (equal_ignoring_case(text, yes)) return out = true, std::string_view{};
  for (const std::string_view no : {"false", "0", "no", "off", "f", "n"})
    if (equal_ignoring_case(text, no)) return out = false, std::string_view{};
  return words::bool_text;
}

std::string_view int_from_float(double value, std::int64_t& out) noexcept {
  if (!std::isfinite(value)) return words::finite;
  if (std::trunc(value) != value) return words::int_fraction;
  if (value < -0x1p63 || value >= 0x1p63) return words::int_size;
  out = static_cast<std::int64_t>(value);
  return {};
}

bool looks_like_ss58(std::string_view text) noexcept {
  constexpr std::string_view base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  return text.size() == 48 && text[0] == '5' && text.find_first_not_of(base58) == std::string_view::npos;
}

bool is_literal_ip(std::string_view text) {
  const std::string terminated{text};
  if (terminated.find('\0') != std::string::npos) return false;
  in6_addr address{};
  return inet_pton(AF_INET, terminated.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, terminated.c_str(), &address) == 1;
}

}  // namespace lode
