#pragma once
// What every request goes through before a handler sees it: the request's id, and the decoding of its target. Pure
// functions without sockets or Beast, so that tests and the fuzzer reach them directly. Any thread may call them.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lode::http {

/// True for 1 to 128 characters of A-Z a-z 0-9 . _ - : what may be echoed to a client and written to a log as it is.
bool is_sane_request_id(std::string_view id) noexcept;

/// `offered` when sane, else a fresh one.
std::string take_request_id(std::string_view offered);

/// A random (version 4) UUID. From a Mersenne twister per thread that the operating system seeded: unique, but
/// predictable to who sees many of them, so it names requests and never guards anything.
std::string fresh_request_id();

/// Decodes %XX. An escape that is not two hexadecimal digits is kept as it stands, as WHATWG's URL standard has it
/// ("100%" stays "100%"). With `plus_is_space`, '+' becomes a space, which is right for queries only.
std::string percent_decode(std::string_view text, bool plus_is_space);

/// The pairs of a query string (without its '?') in their order, decoded as application/x-www-form-urlencoded. Empty
/// pieces ("a=1&&b=2") are dropped; a piece without '=' is a name with an empty value.
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view text);

/// A request target taken apart. Takes the origin form ("/a/b?c=d"), the absolute form ("http://host/a?c=d", as sent to
/// proxies) and "*". The path is decoded and loses one trailing slash (but "/" stays); a fragment, which clients must
/// not send, is dropped. False, and nothing changed, for any other target.
bool split_target(std::string_view target, std::string& path, std::vector<std::pair<std::string, std::string>>& query);

}  // namespace lode::http
