#pragma once
// Finds where a server saturates: step by step more load, then the knee between the last step that was sustained and
// the first that was not, then how even the times are at half of that.

#include "bench/load/saved_report.hpp"

#include <functional>
#include <vector>

namespace lode::bench {

struct sweep_options {
  bool open = true;            ///< levels are arrivals a second; else workers
  std::vector<double> levels;  ///< these and no others; empty: from `from` on, times `factor`
  double from = 50;
  double factor = 1.6;
  double most = 100'000;
  int bisections = 3;       ///< steps between the last sustained level and the first that was not
  double shortfall = 0.05;  ///< open: so much less than was due is saturation; closed: so little more than before is
  double failures = 0.01;   ///< share of requests unsent or with an error that is saturation, too
};

/// Measures one level; nothing ends the sweep (Ctrl-C, a violation).
using measure_level = std::function<bool(double level, sweep_step& into)>;

/// Fills steps, knee, saturation and half. Calls `measure` for each step in turn; `half` is measured last.
void sweep(const sweep_options& o, const measure_level& measure, saved_sweep& into);
std::string sweep_text(const saved_sweep& s);

}  // namespace lode::bench
