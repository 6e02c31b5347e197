#pragma once
// What a run came to, as text: for a person, for a program, as a line of progress.

#include "bench/load/load.hpp"
#include "bench/load/machine.hpp"

#include <string>

namespace lode::bench {

/// A run with what it was a run of.
struct run_report {
  figures f;
  scenario what;
  std::string url;
  bool insecure = false;
  unsigned threads = 1;
  double cpu_share = 0;  ///< what the generator itself took of one processor, 1 is all of it
  std::string began;     ///< RFC 3339
  machine_facts machine;
};

/// Some outcome of a request is one that the scenario does not allow.
bool has_errors(const run_report& r);

/// One line without its end.
std::string progress_line(const scenario& what, const progress& now, double replies_per_second);

/// A table and some lines.
std::string report_text(const run_report& r);

/// One JSON object on one line, for scripts: name, mode, concurrency, seconds, pairs and pairs_per_second, requests and
/// requests_per_second, offered_per_second; by kind of request count, per_second, p50_ms, p95_ms, p99_ms, max_ms; then
/// errors ("allocate 503": 3), unsent, in_doubt, left_behind, generator_cpu, violation, failure.
std::string summary_json(const run_report& r);

/// The whole report, schema "lode-bench.run/1" (bench/README.md). Holds no secret.
std::string report_json(const run_report& r);

}  // namespace lode::bench
