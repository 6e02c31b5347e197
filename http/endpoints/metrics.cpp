// GET /metrics

#include "http/endpoint.hpp"
#include "telemetry/registry.hpp"

namespace lode::http {

task<response> get_metrics(const endpoint_context& c, request& /*req*/) {
  response r{200, c.metrics->text()};
  r.content_type = telemetry::registry::content_type;
  co_return r;
}

}  // namespace lode::http
