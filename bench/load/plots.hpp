#pragma once
// The plots of a saved report.

#include "bench/load/saved_report.hpp"

#include <string>
#include <utility>
#include <vector>

namespace lode::bench {

/// File names with their SVG: latency.svg (percentiles), throughput.svg (by second, with errors and times), and
/// saturation.svg where the load changed in the run.
std::vector<std::pair<std::string, std::string>> plots_of(const saved_run& r);
/// saturation.svg.
std::vector<std::pair<std::string, std::string>> plots_of(const saved_sweep& s);
/// Of either kind. The error is config_invalid.
result<std::vector<std::pair<std::string, std::string>>> plots_of_report(std::string_view text);

}  // namespace lode::bench
