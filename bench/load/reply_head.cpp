// The head of an HTTP/1.1 reply.
#include "bench/load/connection.hpp"

#include <charconv>

namespace lode::bench {
namespace {

constexpr std::size_t head_limit = std::size_t{16} * 1024;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view text, std::string_view lower_case) {
  if (text.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (lower(text[i]) != lower_case[i]) return false;
  return true;
}

std::string_view trimmed(std::string_view s) {
  const auto first = s.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return s.substr(first, s.find_last_not_of(" \t") - first + 1);
}

template <class Int>
bool read_number(std::string_view s, Int& out) {
  const auto [end, failed] = std::from_chars(s.data(), s.data() + s.size(), out);
  return failed == std::errc{} && end == s.data() + s.size();
}

}  // namespace

boost::system::result<std::optional<reply_head>, exchange_error> parse_reply_head(std::string_view text) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    if (text.size() > head_limit) return exchange_error::nonsense;
    return std::optional<reply_head>{};
  }
  reply_head head;
  head.head_bytes = end + 4;
  std::string_view rest = text.substr(0, end + 2);
  std::size_t eol = rest.find("\r\n");
  const std::string_view line = rest.substr(0, eol);
  constexpr std::string_view version = "HTTP/1.1 ";
  if (!line.starts_with(version) || line.size() < version.size() + 3 ||
      !read_number(line.substr(version.size(), 3), head.status) || head.status < 200 || head.status > 599) {
    return exchange_error::nonsense;
  }
  bool has_length = head.status == 204 || head.status == 304;
  for (rest.remove_prefix(eol + 2); !rest.empty(); rest.remove_prefix(eol + 2)) {
    eol = rest.find("\r\n");
    const std::string_view field = rest.substr(0, eol);
    const std::size_t colon = field.find(':');
    if (colon == std::string_view::npos) return exchange_error::nonsense;
    const std::string_view name = field.substr(0, colon);
    const std::string_view value = trimmed(field.substr(colon + 1));
    if (same_name(name, "content-length")) {
      if (!read_number(value, head.body_bytes)) return exchange_error::nonsense;
      has_length = true;
    } else if (same_name(name, "transfer-encoding")) {
      head.sized = false;
    } else if (same_name(name, "connection") && same_name(value, "close")) {
      head.keep_alive = false;
    }
  }
  if (!has_length) head.sized = false;
  return std::optional<reply_head>{head};
}

}  // namespace lode::bench
