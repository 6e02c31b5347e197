#pragma once
// Addresses of servers, and text in the query of a request. Pure.

#include "cli/failure.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lode::cli {

/// The parts of a server's address, http://HOST[:PORT][/PREFIX] or https://…
struct server_url {
  bool tls = false;
  std::string host;    ///< of an IPv6 address without its brackets
  std::string port;    ///< 80 and 443 where none is given
  std::string prefix;  ///< put before every path; without a trailing slash

  /// For the host header: with brackets, and the port where it is not the scheme's own.
  [[nodiscard]] std::string authority() const;
  /// The address in one form: two addresses of one server give the same text.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool is_loopback() const;
  friend bool operator==(const server_url&, const server_url&) = default;
};

/// A missing scheme is http for loopback addresses and https for all others. usage when it is no address.
outcome<server_url> parse_server_url(std::string_view text);

using parameters = std::vector<std::pair<std::string, std::string>>;

/// All but A-Z a-z 0-9 - . _ ~ as %XX.
std::string percent_encoded(std::string_view text);
/// "path?a=1&b=2", or the path alone.
std::string target_of(std::string_view path, const parameters& query);

}  // namespace lode::cli
