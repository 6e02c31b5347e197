#pragma once
// When the requests of an open loop are due, whatever becomes of those before them.

#include "bench/load/levels.hpp"

#include <cstdint>
#include <optional>
#include <random>

namespace lode::bench {

enum class arrival_process {
  constant,  ///< evenly spaced where the rate is
  poisson,   ///< independent of each other, as many clients that know nothing of each other are
};

/// The share `part` of `parts` of all arrivals: together the parts are the process. The same seed gives the same times.
class arrivals {
 public:
  /// `curve` outlives it.
  arrivals(const level_curve& curve, arrival_process process, std::uint64_t seed, unsigned part, unsigned parts);

  /// The next one, in seconds of the curve and never before the last one; nothing when the curve is over.
  std::optional<double> next();

 private:
  const level_curve& curve_;
  arrival_process process_;
  double parts_;
  double amount_;
  std::mt19937_64 dice_;
  std::exponential_distribution<double> gap_{1.0};
};

}  // namespace lode::bench
