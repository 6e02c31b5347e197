#pragma once
// Figures as text: for a person, for a program, and as a line of progress.

#include "bench/load/load.hpp"

#include <string>

namespace lode::bench {

/// Pairs or requests per second of the measured time; zero when nothing was measured.
double per_second(const figures& f);
/// One line without its end: what was done so far, at which rate.
std::string progress_line(const load_options& o, const figures& f);
/// Some lines. `cpu_share` is what the generator itself took of one processor, 1 is all of it.
std::string report(const load_options& o, const figures& f, double cpu_share);
/// One JSON object on one line: name, concurrency, seconds, pairs and pairs_per_second (or requests, ...), for each
/// kind of request count, p50_ms, p95_ms, p99_ms, max_ms, then errors, in_doubt, left_behind, generator_cpu, violation,
/// failure.
std::string report_json(const load_options& o, const figures& f, double cpu_share);

}  // namespace lode::bench
