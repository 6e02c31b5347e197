#pragma once
// A request and a response as handlers see them: no Beast in here, so that handlers compile fast.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lode::http {

class websocket_owner;  // websocket.hpp

using executor = boost::asio::io_context::executor_type;
template <class T>
using task = boost::asio::awaitable<T, executor>;

enum class verb : unsigned char { get, head, post, put, patch, del, options, other };
std::string_view to_string(verb v) noexcept;

/// One parsed request. Header names are lower case; of a repeated header the values are joined by ", ".
struct request {
  verb method = verb::get;
  std::string method_text;  ///< as sent, for logs
  std::string target;       ///< as sent
  std::string path;         ///< percent-decoded, without query, without a trailing slash (but "/" itself)
  std::vector<std::pair<std::string, std::string>> query;  ///< percent-decoded, '+' is a space, in order
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string peer_ip;             ///< of the connection; behind proxies the application may put the client's
  std::string caller;              ///< who may do this, once the edge knows: see request_context::caller
  std::string key_id;              ///< of the API key that was shown and holds; empty: none
  std::string client_certificate;  ///< who the client is by its verified certificate (tls_context.hpp); empty: none
  std::string request_id;          ///< from x-request-id when sane ([A-Za-z0-9._-]{1,128}), else a fresh UUID
  std::chrono::steady_clock::time_point arrived;
  int route = -1;  ///< which of its routes took the request, noted by the application; -1: none

  request() = default;
  /// The last value of a query parameter; nullopt when absent.
  [[nodiscard]] std::optional<std::string_view> query_value(std::string_view name) const;
  [[nodiscard]] std::optional<std::string_view> header(std::string_view lower_case_name) const;
};

struct response {
  unsigned status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;  ///< beside content-type, content-length, x-request-id
  /// Close the connection without writing a byte (how existing axons fail; used by stand-ins).
  bool abort = false;
  /// Set: the connection becomes a WebSocket of this owner (accept_websocket()), and nothing else here counts.
  std::shared_ptr<websocket_owner> upgrade;

  response() = default;
  response(unsigned s, std::string b) : status(s), body(std::move(b)) {}
};

/// Runs on the io thread of the connection; must not block. An exception becomes a 500 and a log line.
using handler = std::function<task<response>(request&)>;

}  // namespace lode::http
