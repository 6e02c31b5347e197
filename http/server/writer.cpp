#include "http/server/writer.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/status.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace lode::http {
namespace {

std::string_view reason_of(unsigned status) {
  const auto text = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
  if (text.starts_with("<")) return "Unknown";
  return {text.data(), text.size()};
}

bool is_token(std::string_view name) noexcept {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
  });
}

bool is_ours(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 5> ours{"connection", "content-length", "transfer-encoding", "date",
                                                        "x-request-id"};
  return std::any_of(ours.begin(), ours.end(), [&](std::string_view o) { return boost::beast::iequals(o, name); });
}

void append_value(std::string& out, std::string_view value) {
  for (const char c : value)
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) out.push_back(c);
}

void append_line(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  append_value(out, value);
  out.append("\r\n");
}

}  // namespace

std::string_view date_line::now() { return at(std::time(nullptr)); }

std::string_view date_line::at(std::time_t t) {
  if (t == of_) return text_;
  static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  gmtime_r(&t, &utc);
  // Not strftime: it follows the locale.
  text_ = fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", days[static_cast<std::size_t>(utc.tm_wday)],
                      utc.tm_mday, months[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour,
                      utc.tm_min, utc.tm_sec);
  of_ = t;
  return text_;
}

void append_response(std::string& out, const response& r, const response_frame& frame) {
  const bool bodiless = r.status < 200 || r.status == 204 || r.status == 304;
  out.reserve(out.size() + 256 + r.body.size());
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {:03} ", r.status);
  out.append(reason_of(r.status)).append("\r\n");
  append_line(out, "date", frame.date);
  append_line(out, "x-request-id", frame.request_id);
  if (!bodiless) {
    append_line(out, "content-type", r.content_type);
    fmt::format_to(std::back_inserter(out), "content-length: {}\r\n", r.body.size());
  }
  if (!frame.keep_alive)
    out.append("connection: close\r\n");
  else if (frame.http10)
    out.append("connection: keep-alive\r\n");
  for (const auto& [name, value] : r.headers)
    if (is_token(name) && !is_ours(name)) append_line(out, name, value);
  out.append("\r\n");
  if (!bodiless && !frame.head_only) out.append(r.body);
}

}  // namespace lode::http
