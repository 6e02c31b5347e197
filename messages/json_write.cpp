#include "messages/json_write.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace lode {
namespace {

// Length of the well-formed UTF-8 sequence at the start of `s` (Unicode, table 3-7), 0 when there is none.
std::size_t utf8_length(std::string_view s) noexcept {
  const auto byte = [s](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return i < s.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return follows(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF)
    return follows(1, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF) && follows(2) ? 3 : 0;
  if (lead >= 0xF0 && lead <= 0xF4)
    return follows(1, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF) && follows(2) && follows(3) ? 4 : 0;
  return 0;
}

/// Whether the eight bytes at `at` are all copied as they are: no control, no quote, no backslash, nothing above 0x7f.
bool is_plain(const char* at) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t high = 0x8080808080808080;
  std::uint64_t x = 0;
  std::memcpy(&x, at, sizeof x);
  // The high bit of a byte of (y - ones) & ~y is set where the byte of y is 0 (and above such a byte perhaps too).
  const auto has_zero = [](std::uint64_t y) { return (y - ones) & ~y & high; };
  return ((x & high) | ((x - ones * 0x20) & ~x & high) | has_zero(x ^ (ones * '"')) | has_zero(x ^ (ones * '\\'))) == 0;
}

void write_escape(std::string& out, unsigned char c) {
  switch (c) {
    case '"':
      out.append("\\\"");
      return;
    case '\\':
      out.append("\\\\");
      return;
    case '\n':
      out.append("\\n");
      return;
    case '\r':
      out.append("\\r");
      return;
    case '\t':
      out.append("\\t");
      return;
    default:
      break;
  }
  constexpr std::string_view hex = "0123456789abcdef";
  out.append("\\u00").append(1, hex[c >> 4U]).append(1, hex[c & 15U]);
}

}  // namespace

void write_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  std::size_t run = 0;  // start of what is copied as it is
  for (std::size_t i = 0; i < text.size();) {
    while (i + sizeof(std::uint64_t) <= text.size() && is_plain(text.data() + i)) i += sizeof(std::uint64_t);
    if (i == text.size()) break;
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\' && c < 0x80) {
      ++i;
      continue;
    }
    if (const std::size_t n = c >= 0x80 ? utf8_length(text.substr(i)) : 0; n > 0) {
      i += n;
      continue;
    }
    out.append(text, run, i - run);
    if (c >= 0x80)
      out.append("\xEF\xBF\xBD");
    else
      write_escape(out, c);
    run = ++i;
  }
  out.append(text, run, std::string_view::npos);
  out.push_back('"');
}

namespace detail {

void write_number(std::string& out, std::int64_t value) {
  std::array<char, 24> text{};
  const auto [end, ec] = std::to_chars(text.data(), text.data() + text.size(), value);
  out.append(text.data(), end);
}

void write_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out.append("null");
    return;
  }
  // As Python's json writes them: plain digits in the everyday range, and clients whose language tells 24 from 24.0 get
  // the floating-point number that the contract promises.
  const double size = std::fabs(value);
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e16);
  std::array<char, 48> text{};
  const auto [end, ec] = std::to_chars(text.data(), text.data() + text.size(), value,
                                       plain ? std::chars_format::fixed : std::chars_format::scientific);
  const std::string_view written{text.data(), static_cast<std::size_t>(end - text.data())};
  out.append(written);
  if (plain && written.find('.') == std::string_view::npos) out.append(".0");
}

}  // namespace detail

template <class T>
void write_json(std::string& out, const T& value) {
  detail::write_value(out, value);
}
template <>
void write_json(std::string& out, const field_error& e) {
  out.append(R"({"field":)");
  if (e.index)
    detail::write_number(out, *e.index);
  else
    write_json_string(out, e.name);
  out.append(R"(,"message":)");
  write_json_string(out, e.message);
  out.push_back('}');
}

template void write_json(std::string&, const device_requirement&);
template void write_json(std::string&, const docker_requirement&);
template void write_json(std::string&, const allocate_spec_body&);
template void write_json(std::string&, const allocation&);
template void write_json(std::string&, const resource&);
template void write_json(std::string&, const resource_query&);
template void write_json(std::string&, const specs_document&);
template void write_json(std::string&, const miner_specs&);
template void write_json(std::string&, const miner_info&);
template void write_json(std::string&, const std::vector<std::string>&);

}  // namespace lode
