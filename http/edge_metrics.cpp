#include "http/edge_metrics.hpp"

#include <algorithm>

namespace lode::http {
namespace {

constexpr std::array outcomes{
    errc::no_candidate,   errc::unknown_hotkey, errc::blacklisted,       errc::busy,
    errc::miner_refused,  errc::miner_failed,   errc::miner_unreachable, errc::miner_timed_out,
    errc::miner_nonsense, errc::overloaded,     errc::deadline_exceeded, errc::not_ready,
    errc::shutting_down,  errc::store_io,       errc::internal,          errc::forbidden};

void catch_up(telemetry::counter& c, const std::atomic<std::uint64_t>& total) {
  c.Increment(static_cast<double>(total.load(std::memory_order_relaxed)) - c.Value());
}

}  // namespace

edge_metrics::edge_metrics(telemetry::registry& into)
    : into_(into),
      unmatched_(make_route("any", "unmatched")),
      by_spec_(make_answers("spec")),
      by_hotkey_(make_answers("hotkey")) {}

edge_metrics::route edge_metrics::make_route(std::string_view method, std::string_view path) {
  const telemetry::labels where{{"method", std::string{method}}, {"path", std::string{path}}};
  route out;
  for (std::size_t i = 0; i < out.requests.size(); ++i) {
    auto labels = where;
    labels["status"] = std::string(1, static_cast<char>('1' + i)) + "xx";
    out.requests[i] = &into_.make_counter("lode_http_requests_total",
                                          "Requests that were handled, by the endpoint that took them.", labels);
  }
  out.seconds =
      &into_.make_histogram("lode_http_request_duration_seconds", "Time from the arrival of a request to its answer.",
                            telemetry::request_bounds(), where);
  return out;
}

edge_metrics::answers edge_metrics::make_answers(const std::string& by) {
  answers out;
  out.acknowledged = &into_.make_counter("lode_allocations_acknowledged_total",
                                         "Allocations that a client was told it has.", {{"by", by}});
  const auto failed = [&](std::string_view reason) {
    return &into_.make_counter("lode_allocations_failed_total", "Allocations that a client asked for and did not get.",
                               {{"by", by}, {"reason", std::string{reason}}});
  };
  for (const auto code : outcomes) out.failed.emplace(code, failed(to_string(code)));
  out.failed_otherwise = failed("other");
  return out;
}

int edge_metrics::add_route(std::string_view method, std::string_view path) {
  routes_.push_back(make_route(method, path));
  return static_cast<int>(routes_.size()) - 1;
}

void edge_metrics::answered(const request& req, unsigned status, std::chrono::steady_clock::duration took) {
  const auto& r = req.route < 0 ? unmatched_ : routes_[static_cast<std::size_t>(req.route)];
  const auto known = std::clamp(status == 0 ? 500U : status, 100U, 599U);
  r.requests[known / 100 - 1]->Increment();
  r.seconds->Observe(std::chrono::duration<double>(took).count());
}

void edge_metrics::allocation_answered(std::string_view by, errc outcome) {
  auto& a = by == "spec" ? by_spec_ : by_hotkey_;
  if (outcome == errc::none) return a.acknowledged->Increment();
  const auto found = a.failed.find(outcome);
  (found == a.failed.end() ? a.failed_otherwise : found->second)->Increment();
}

void edge_metrics::watch(const server_stats& stats) {
  auto& connections = into_.make_gauge("lode_http_connections", "Client connections that are open.");
  auto& in_flight = into_.make_gauge("lode_http_requests_in_flight", "Requests that are being handled.");
  auto& accepted = into_.make_counter("lode_http_connections_total", "Client connections that were accepted.");
  auto& errors = into_.make_counter("lode_http_accept_errors_total", "Connections that could not be accepted.");
  const auto rejected = [this](const char* reason) -> telemetry::counter& {
    return into_.make_counter("lode_http_rejected_total",
                              "Requests and connections that were turned away before an endpoint saw them.",
                              {{"reason", reason}});
  };
  auto& overload = rejected("overload");
  auto& handshake = rejected("handshake");
  auto& sockets = into_.make_gauge("lode_http_websockets", "WebSockets that are open.");
  auto& slow =
      into_.make_counter("lode_http_websockets_dropped_total", "WebSockets dropped because the client did not read.");
  auto& malformed = rejected("malformed");
  auto& timed_out = rejected("timeout");
  into_.before_text([&] {
    connections.Set(static_cast<double>(stats.open_connections.load(std::memory_order_relaxed)));
    in_flight.Set(static_cast<double>(stats.in_flight.load(std::memory_order_relaxed)));
    catch_up(accepted, stats.accepted);
    catch_up(errors, stats.accept_errors);
    catch_up(overload, stats.rejected_overload);
    catch_up(handshake, stats.failed_handshakes);
    catch_up(slow, stats.dropped_websockets);
    sockets.Set(static_cast<double>(stats.open_websockets.load(std::memory_order_relaxed)));
    catch_up(malformed, stats.malformed);
    catch_up(timed_out, stats.timed_out);
  });
}

}  // namespace lode::http
