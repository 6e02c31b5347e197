#pragma once
// One HTTP/1.1 request over a Unix socket, with a deadline over all of it and a bound on the reply.

#include "http/server/message.hpp"
#include "messages/error.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lode::miner {

struct unix_request {
  http::verb method = http::verb::get;
  std::string target;
  std::string content_type;  ///< empty: no body is sent
  std::string body;
  std::chrono::milliseconds timeout{10000};
  std::size_t reply_bytes = 1024 * 1024;

  unix_request() = default;
};

struct unix_reply {
  unsigned status = 0;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  [[nodiscard]] std::string_view header(std::string_view lower_case_name) const;
};

/// Connects, sends, reads, closes. When the peer refuses early (it answers and resets while the body is being sent) the
/// answer is still read. engine_unreachable: no connection, or it broke before a whole answer. deadline_exceeded: the
/// peer may still act on the request.
http::task<result<unix_reply>> send_over_unix_socket(std::string socket, unix_request request);

/// Percent-encodes everything but unreserved characters.
std::string percent_encode(std::string_view text);

}  // namespace lode::miner
