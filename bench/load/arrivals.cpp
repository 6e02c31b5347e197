#include "bench/load/arrivals.hpp"

namespace lode::bench {

arrivals::arrivals(const level_curve& curve, arrival_process process, std::uint64_t seed, unsigned part, unsigned parts)
    : curve_(curve), process_(process), parts_(parts), amount_(0), dice_(seed + part) {
  // The first of an even process comes half a gap after the start. A Poisson process may be split into independent
  // ones.
  if (process_ == arrival_process::constant) amount_ = part + 0.5 - parts_;
}

std::optional<double> arrivals::next() {
  amount_ += process_ == arrival_process::constant ? parts_ : gap_(dice_) * parts_;
  return curve_.time_of(amount_);
}

}  // namespace lode::bench
