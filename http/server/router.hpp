#pragma once
// From (method, path) to a handler. Filled once at start, then read by any number of io threads.

#include "http/server/message.hpp"
#include "http/server/server.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lode::http {

class router {
 public:
  /// `on_error` makes the bodies of 404 ("Not Found") and 405 ("Method Not Allowed", with `allow`).
  explicit router(error_body on_error);

  /// `path` is exact, decoded and without a trailing slash (but "/"); requests may carry one. A GET route answers HEAD
  /// too unless HEAD has its own. A second handler for the same method and path replaces the first.
  void add(verb method, std::string path, handler h);

  /// Answers the paths that no route has, instead of 404. Optional.
  void set_fallback(handler h);

  /// The handler for the server: shares `r`, adds no coroutine of its own around the route's.
  static handler as_handler(std::shared_ptr<const router> r);

 private:
  struct hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const noexcept { return std::hash<std::string_view>{}(s); }
  };
  using methods = std::vector<std::pair<verb, handler>>;

  [[nodiscard]] task<response> route(request& req) const;
  [[nodiscard]] static std::string allowed(const methods& m);

  error_body on_error_;
  handler fallback_;
  std::unordered_map<std::string, methods, hash, std::equal_to<>> routes_;
};

}  // namespace lode::http
