#include "cli/url.hpp"

#include <algorithm>
#include <cctype>

namespace lode::cli {
namespace {

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5) return false;
  unsigned value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value >= 1 && value <= 65535;
}

bool is_host(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_' || c == ':';
  });
}

std::string lower(std::string_view text) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

failure no_address(std::string_view text) {
  return {ending::usage, "'" + std::string{text} + "' is no address of a server",
          "expected http://HOST:PORT or https://HOST[:PORT], such as http://127.0.0.1:8903"};
}

}  // namespace

bool server_url::is_loopback() const { return host == "localhost" || host == "::1" || host.starts_with("127."); }

std::string server_url::authority() const {
  std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (tls ? "443" : "80")) out += ":" + port;
  return out;
}

std::string server_url::text() const { return (tls ? "https://" : "http://") + authority() + prefix; }

outcome<server_url> parse_server_url(std::string_view text) {
  server_url out;
  auto rest = text;
  bool scheme = true;
  if (const auto head = lower(rest.substr(0, 8)); head.starts_with("https://")) {
    out.tls = true;
    rest.remove_prefix(8);
  } else if (head.starts_with("http://")) {
    rest.remove_prefix(7);
  } else if (rest.find("://") == std::string_view::npos) {
    scheme = false;
  } else {
    return no_address(text);
  }
  const auto slash = rest.find('/');
  auto authority = rest.substr(0, slash);
  if (slash != std::string_view::npos) out.prefix = rest.substr(slash);
  while (out.prefix.ends_with('/')) out.prefix.pop_back();
  const bool odd = std::any_of(out.prefix.begin(), out.prefix.end(),
                               [](unsigned char c) { return c <= ' ' || c >= 127 || c == '?' || c == '#'; });
  if (odd) return no_address(text);
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == std::string_view::npos) return no_address(text);
    out.host = lower(authority.substr(1, end - 1));
    authority.remove_prefix(end + 1);
    if (!authority.empty() && !authority.starts_with(':')) return no_address(text);
    if (!authority.empty()) out.port = authority.substr(1);
  } else {
    const auto colon = authority.find(':');
    out.host = lower(authority.substr(0, colon));
    if (out.host.find(':') != std::string::npos) return no_address(text);
    if (colon != std::string_view::npos) out.port = authority.substr(colon + 1);
  }
  if (!scheme) out.tls = !out.is_loopback();
  if (out.port.empty()) out.port = out.tls ? "443" : "80";
  if (!is_host(out.host) || !is_port(out.port)) return no_address(text);
  return out;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    const bool plain = (u >= '0' && u <= '9') || (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += digits[u >> 4U];
      out += digits[u & 15U];
    }
  }
  return out;
}

std::string target_of(std::string_view path, const parameters& query) {
  std::string out{path};
  char before = '?';
  for (const auto& [name, value] : query) {
    out += before;
    out += percent_encoded(name) + "=" + percent_encoded(value);
    before = '&';
  }
  return out;
}

}  // namespace lode::cli
