#include "actors/placement_index.hpp"

#include <boost/algorithm/string/find.hpp>
#include <boost/algorithm/string/predicate.hpp>

namespace lode::actors {
namespace {
constexpr std::int64_t gib = 1024LL * 1024 * 1024;
}

std::optional<placement_policy> placement_policy_from(std::string_view name) noexcept {
  if (name == "best-fit") return placement_policy::best_fit;
  if (name == "spread") return placement_policy::spread;
  if (name == "random") return placement_policy::random;
  return std::nullopt;
}

bool meets(const miner_specs& specs, const device_requirement& need) {
  // Divided, not multiplied: a requirement may be as large as an int64.
  if (specs.cpu_count < need.cpu_count || specs.ram_available / gib < need.ram ||
      specs.disk_free / gib < need.hard_disk)
    return false;
  if (need.gpu_type.empty() || need.gpu_size == 0) return true;
  if (specs.gpu_count < std::max<std::int64_t>(need.gpu_count, 1) || specs.gpu_capacity_mib / 1000 < need.gpu_size)
    return false;
  return boost::iequals(need.gpu_type, "gpu") || boost::icontains(specs.gpu_name, need.gpu_type);
}

placement_index::rank placement_index::rank_of(const miner_specs& s, bool reachable) {
  const auto tie = random_();
  switch (policy_) {
    case placement_policy::best_fit:
      return {!reachable, s.gpu_capacity_mib, s.gpu_count, s.cpu_count, s.ram_available, s.disk_free, tie};
    case placement_policy::spread:
      return {!reachable, ++offers_, 0, 0, 0, 0, tie};
    case placement_policy::random:
      break;
  }
  return {!reachable, 0, 0, 0, 0, 0, tie};
}

void placement_index::offer(const std::string& hotkey, const miner_specs& specs, bool reachable) {
  const auto earlier = keys_.find(hotkey);
  const auto before = earlier == keys_.end() ? std::nullopt : std::optional{earlier->second};
  withdraw(hotkey);
  auto r = rank_of(specs, reachable);
  // News of a miner that is on offer is no use of it: it has been idle as long as before.
  if (before && policy_ == placement_policy::spread) std::get<1>(r) = std::get<1>(*before);
  while (order_.contains(r)) std::get<6>(r) = random_();
  order_.emplace(r, candidate{hotkey, specs});
  keys_.emplace(hotkey, r);
}

void placement_index::withdraw(const std::string& hotkey) {
  const auto found = keys_.find(hotkey);
  if (found == keys_.end()) return;
  order_.erase(found->second);
  keys_.erase(found);
}

std::optional<std::string> placement_index::pick(const device_requirement& need,
                                                 const std::set<std::string>& tried) const {
  for (const auto& [rank, c] : order_)
    if (meets(c.specs, need) && !tried.contains(c.hotkey)) return c.hotkey;
  return std::nullopt;
}

}  // namespace lode::actors
