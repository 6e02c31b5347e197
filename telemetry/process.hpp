#pragma once
// The process itself: memory, file descriptors, CPU time, threads, start.

#include "telemetry/registry.hpp"

#include <string>

namespace lode::telemetry {

/// Adds Prometheus' usual process_* metrics, read from /proc at each text(), and lode_build_info. Call once.
void watch_process(registry& r, const std::string& version);

}  // namespace lode::telemetry
