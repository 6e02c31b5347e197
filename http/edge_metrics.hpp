#pragma once
// What the edge counts: requests by the row of the table that took them, what the server turned away, allocations as
// clients heard of them. Everything is made at the start; a request costs a few atomic operations.

#include "http/server/server.hpp"
#include "messages/error.hpp"
#include "telemetry/registry.hpp"

#include <array>
#include <chrono>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

namespace lode::http {

class edge_metrics {
 public:
  /// `into` outlives this.
  explicit edge_metrics(telemetry::registry& into);

  /// Adds a row; its index, for request::route.
  int add_route(std::string_view method, std::string_view path);

  /// A request was answered, or, with status 0, ended without an answer, which counts as 500.
  void answered(const request& req, unsigned status, std::chrono::steady_clock::duration took);

  /// What a client who asked for an allocation was told; errc::none when it has one. `by` is "spec" or "hotkey".
  void allocation_answered(std::string_view by, errc outcome);

  /// Reads the server's own counters before each text().
  void watch(const server_stats& stats);

 private:
  using classes = std::array<telemetry::counter*, 5>;  // 1xx to 5xx
  struct route {
    classes requests{};
    telemetry::histogram* seconds = nullptr;
  };
  struct answers {
    telemetry::counter* acknowledged = nullptr;
    std::map<errc, telemetry::counter*> failed;
    telemetry::counter* failed_otherwise = nullptr;
  };
  route make_route(std::string_view method, std::string_view path);
  answers make_answers(const std::string& by);

  telemetry::registry& into_;
  std::vector<route> routes_;
  route unmatched_;
  answers by_spec_, by_hotkey_;
};

}  // namespace lode::http
