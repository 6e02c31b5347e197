#include "http/server/message.hpp"

namespace lode::http {

std::string_view to_string(verb v) noexcept {
  switch (v) {
    case verb::get:
      return "GET";
    case verb::head:
      return "HEAD";
    case verb::post:
      return "POST";
    case verb::put:
      return "PUT";
    case verb::patch:
      return "PATCH";
    case verb::del:
      return "DELETE";
    case verb::options:
      return "OPTIONS";
    case verb::other:
      break;
  }
  return "other";
}

std::optional<std::string_view> request::query_value(std::string_view name) const {
  // (clang 14 cannot compile libstdc++'s std::views::reverse.)
  for (auto entry = query.rbegin(); entry != query.rend(); ++entry)
    if (entry->first == name) return entry->second;
  return std::nullopt;
}

std::optional<std::string_view> request::header(std::string_view lower_case_name) const {
  for (const auto& [key, value] : headers)
    if (key == lower_case_name) return value;
  return std::nullopt;
}

}  // namespace lode::http
