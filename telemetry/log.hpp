#pragma once
// How much is logged, and what is lost of it.

#include "telemetry/registry.hpp"

namespace lode::telemetry {

/// Counts the records of spdlog's default logger by level, and those that standard error did not take. Call once,
/// before other threads log. The logger keeps `into` alive.
void watch_log(const registry_ptr& into);

}  // namespace lode::telemetry
