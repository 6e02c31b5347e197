#pragma once
// Whether one run was slower than another beyond what its own seconds differ among each other.

#include "bench/load/saved_report.hpp"

#include <string>
#include <vector>

namespace lode::bench {

enum class verdict {
  same,  ///< within the noise, or too small to matter
  better,
  worse,
};

struct comparison {
  std::string metric;  ///< "allocate p99 ms"
  double before = 0, after = 0;
  double change = 0;           ///< share: 0.1 is ten percent more
  double least = 0, most = 0;  ///< what the change is with 99 % confidence
  verdict is = verdict::same;
};

struct compare_options {
  double threshold = 0.05;  ///< share of change that matters
  bool anyway = false;      ///< also of different loads
};

/// Fewer whole seconds than this say nothing of their noise.
constexpr std::size_t fewest_seconds = 5;

/// The rule, for --help.
extern const char* const compare_rule;

/// The error, config_invalid, says why they cannot be compared: another load, too short.
result<std::vector<comparison>> compare(const saved_run& before, const saved_run& after, const compare_options& o);

std::string comparison_text(const std::vector<comparison>& all);
std::string comparison_json(const std::vector<comparison>& all);

}  // namespace lode::bench
