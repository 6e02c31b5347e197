#pragma once
// Flags that change a scenario.

#include "bench/load/load.hpp"
#include "bench/load/scenario.hpp"
#include "messages/error.hpp"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace lode::bench {

struct scenario_flags {
  std::string scenario = "pairs";
  std::string path, method, arrivals, connect;
  unsigned concurrency = 0, connections = 0;
  double rate = 0, seconds = 0, warmup = -1, hold_ms = -1, think_ms = -1, deadline = 0;
  std::uint64_t count = 0;
  std::int64_t seed = -1;
  double patience = 0;
  bool no_listing = false;
  std::vector<std::string> allow;
};

/// Those of every command that makes a load.
void add_scenario_flags(CLI::App& app, scenario_flags& a);
/// How much and how long: for one run.
void add_level_flags(CLI::App& app, scenario_flags& a);

/// The error is config_invalid.
result<scenario> scenario_of(const scenario_flags& a);
/// One phase of `level` arrivals a second, or workers, for 10 s.
void set_level(scenario& s, loop mode, double level);
/// Stretches or shortens the phases to so much together.
void set_seconds(scenario& s, double seconds);
/// Threads are no more than connections.
load_options options_of(const scenario_flags& a, const scenario& s, unsigned threads);

}  // namespace lode::bench
