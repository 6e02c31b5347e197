#include "http/server/access.hpp"

#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>

#include <algorithm>
#include <cctype>
#include <random>

namespace lode::http {
namespace {

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::mt19937 seeded_by_the_system() {
  std::random_device system;
  std::seed_seq seed{system(), system(), system(), system(), system(), system(), system(), system()};
  return std::mt19937{seed};
}

}  // namespace

bool is_sane_request_id(std::string_view id) noexcept {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

std::string take_request_id(std::string_view offered) {
  return is_sane_request_id(offered) ? std::string{offered} : fresh_request_id();
}

std::string fresh_request_id() {
  thread_local std::mt19937 twister = seeded_by_the_system();
  boost::uuids::basic_random_generator<std::mt19937> generate{twister};
  return to_string(generate());
}

std::string percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%' && i + 2 < text.size()) {
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high >= 0 && low >= 0) {
        out.push_back(static_cast<char>(high * 16 + low));
        i += 2;
        continue;
      }
    }
    out.push_back(c == '+' && plus_is_space ? ' ' : c);
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view piece = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (piece.empty()) continue;
    const std::size_t equals = piece.find('=');
    if (equals == std::string_view::npos)
      out.emplace_back(percent_decode(piece, true), std::string{});
    else
      out.emplace_back(percent_decode(piece.substr(0, equals), true), percent_decode(piece.substr(equals + 1), true));
  }
  return out;
}

bool split_target(std::string_view target, std::string& path, std::vector<std::pair<std::string, std::string>>& query) {
  if (target == "*") {
    path = "*";
    query.clear();
    return true;
  }
  target = target.substr(0, target.find('#'));
  if (!target.starts_with('/')) {
    const std::size_t scheme = target.find("://");
    const bool named = scheme != std::string_view::npos && scheme > 0 &&
                       std::all_of(target.begin(), target.begin() + static_cast<std::ptrdiff_t>(scheme), [](char c) {
                         return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '+' || c == '-' || c == '.';
                       });
    if (!named) return false;
    target.remove_prefix(scheme + 3);
    target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
  }
  const std::size_t mark = target.find('?');
  std::string decoded = percent_decode(target.substr(0, mark), false);
  if (decoded.size() > 1 && decoded.back() == '/') decoded.pop_back();
  if (decoded.empty()) decoded = "/";
  path = std::move(decoded);
  query = mark == std::string_view::npos ? decltype(parse_query({})){} : parse_query(target.substr(mark + 1));
  return true;
}

}  // namespace lode::http
