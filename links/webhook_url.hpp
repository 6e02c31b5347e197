#pragma once
// Where a webhook goes: the URL taken apart once. Internal to links/.

#include "messages/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace lode::links {

struct webhook_url {
  bool tls = false;
  std::string host;  ///< a name or a literal address, without brackets, in lower case
  std::uint16_t port = 0;
  std::string host_field;     ///< of the request
  std::string target;         ///< path and query, at least "/"
  std::string authorization;  ///< of the URL's user and password; empty without them

  /// Whether both reach the same server, which then should see events in one order.
  [[nodiscard]] bool same_server(const webhook_url& other) const noexcept {
    return tls == other.tls && port == other.port && host == other.host;
  }
};

/// config_invalid, which never repeats the text: a URL may hold a secret.
result<webhook_url> parse_webhook_url(std::string_view text);

}  // namespace lode::links
