#pragma once
// Calls of the REST API, and what its errors mean to a user.

#include "cli/wire.hpp"

#include <boost/json/fwd.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lode::cli {

/// A reply with its envelope opened.
struct answer {
  unsigned status = 0;
  std::string message;
  boost::json::value data;
  std::string raw_data;  ///< the text of `data` as the server wrote it; empty without one
  std::string retry_after;
  std::string date;
  std::string certificate_end;
};

/// The text of a member of the JSON object `text`, exactly as it stands there; empty when there is none.
std::string_view raw_member(std::string_view text, std::string_view name);

/// The elements of the JSON array `text`, each exactly as it stands there.
std::vector<std::string_view> raw_elements(std::string_view text);
/// A JSON array of these.
std::string raw_array(const std::vector<std::string_view>& elements);

/// The answer of a success, or a failure that names `doing` ("release"), what the server said, and what to do.
outcome<answer> open_reply(const http_reply& reply, std::string_view doing);

failure failure_of(const wire_error& e, const server_url& url, std::string_view doing);

/// True for failures after which the same call may be sent again: no connection, overload, no answer.
bool may_come_right(const failure& f);

/// Seconds that a retry-after asks for, within 1 to 30; `otherwise` where it says nothing.
milliseconds pause_before_retry(std::string_view retry_after, milliseconds otherwise);

/// Members of JSON, for what is shown: numbers and booleans as text, null and missing as "".
std::string text_in(const boost::json::value& v, std::string_view member);
std::string text_of_value(const boost::json::value& v);

}  // namespace lode::cli
