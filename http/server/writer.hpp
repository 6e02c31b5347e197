#pragma once
// A response as bytes, built by hand: one string, one write, no serialiser.

#include "http/server/message.hpp"

#include <ctime>
#include <string>
#include <string_view>

namespace lode::http {

/// The date header's value, formatted once a second. One per server; not thread-safe.
class date_line {
 public:
  /// "Wed, 25 Nov 2026 02:00:00 GMT" for now; valid until the next call.
  std::string_view now();
  /// The same for a given time; for tests.
  std::string_view at(std::time_t t);

 private:
  std::time_t of_ = -1;
  std::string text_;
};

struct response_frame {
  std::string_view request_id;
  std::string_view date;
  bool keep_alive = true;
  bool http10 = false;
  bool head_only = false;  ///< answer to HEAD: the length of the body, but no body
};

/// Appends the whole response to `out`. Header values lose control characters (so no value can end its line); headers
/// whose name is not a token, and those that frame the message (connection, content-length, transfer-encoding) or are
/// written anyway (date, x-request-id), are left out. 1xx, 204 and 304 get no body.
void append_response(std::string& out, const response& r, const response_frame& frame);

}  // namespace lode::http
