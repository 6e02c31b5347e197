#pragma once
// Reports as they were saved: what plots are made of and what is compared.

#include "bench/load/histogram.hpp"
#include "messages/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lode::bench {

struct saved_kind {
  std::string name;
  histogram response;  ///< of "ok", from when it was due
  histogram service;
  std::vector<double> ok, p50, p99;  ///< by second; times in ms
};

struct saved_phase {
  std::string what;
  double seconds = 0;
  bool even = true;  ///< the level stays the same
};

/// Schema lode-bench.run/1. Series are of whole seconds.
struct saved_run {
  std::string scenario;
  std::string load;  ///< mode, connections, deadline, mix, phases: what must be equal to compare, as JSON
  std::string commit;
  std::string began;
  std::string machine;
  std::string url;
  bool open = false;
  double seconds = 0;
  std::vector<saved_phase> phases;
  std::vector<saved_kind> kinds;
  std::vector<double> offered, ok, errors, p50, p99;
  std::uint64_t violations = 0;
  std::string failure;
};

/// One step of a sweep, or its run at half of the saturation.
struct sweep_step {
  double level = 0;     ///< arrivals a second, or workers
  double offered = 0;   ///< operations a second that were due
  double achieved = 0;  ///< first requests of operations answered as they should be, a second
  double p50_ms = 0, p99_ms = 0;
  double failed = 0;  ///< share of requests that were unsent or had an error
  bool saturated = false;
};

/// Schema lode-bench.sweep/1.
struct saved_sweep {
  std::string scenario, commit, began, machine, url;
  bool open = true;
  std::vector<sweep_step> steps;  ///< in the order of their levels
  double knee = 0;                ///< the highest level that was sustained; 0: none
  double saturation = 0;          ///< the most that was achieved, a second
  sweep_step half;                ///< at half of the saturation; its level is 0 when it was not measured
};

/// "lode-bench.run/1" or what else the text is; empty when it is no report.
std::string schema_of(std::string_view text);
/// The error is config_invalid.
result<saved_run> read_run(std::string_view text);
result<saved_sweep> read_sweep(std::string_view text);
std::string sweep_json(const saved_sweep& s);
/// A whole file. The error is config_invalid.
result<std::string> read_whole_file(const std::string& path);

}  // namespace lode::bench
