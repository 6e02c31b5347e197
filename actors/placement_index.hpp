#pragma once
// placement_index: the free, eligible miners in the order in which the policy would offer them. Pure data structure;
// the registry owns it.

#include "messages/types.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace lode::actors {

enum class placement_policy : std::uint8_t {
  best_fit,  ///< the smallest miner that is enough; equal ones at random
  spread,    ///< the one that has been idle longest
  random,
};
/// nullopt for an unknown name ("best-fit", "spread", "random").
std::optional<placement_policy> placement_policy_from(std::string_view name) noexcept;

/// True when a miner with these specs meets the requirement (capacities as the contract counts them: gpu_size x 1000
/// MiB; GPU name by case-insensitive substring; gpu_type "" or gpu_size 0: no GPU condition; "gpu": any GPU).
bool meets(const miner_specs& specs, const device_requirement& need);
/// The conditions of meets() that do not hold, for people: "needs 2 GPUs, has 1". None: it is met.
std::vector<std::string> unmet(const miner_specs& specs, const device_requirement& need);

class placement_index {
 public:
  placement_index(placement_policy policy, std::uint64_t seed) : policy_(policy), random_(seed) {}

  /// Offers the miner from now on; replaces an earlier entry. Miners that did not answer last time come after all
  /// others. Under spread a miner that is offered already keeps its place in the queue.
  void offer(const std::string& hotkey, const miner_specs& specs, bool reachable);
  /// No longer offered. Not an error when it is not.
  void withdraw(const std::string& hotkey);
  /// The first miner that meets the requirement and is not in `tried`. O(candidates that fail the requirement).
  [[nodiscard]] std::optional<std::string> pick(const device_requirement& need,
                                                const std::set<std::string>& tried) const;
  /// All miners that meet the requirement, in the order in which pick() would give them if nothing changed. Ties and
  /// the policy random are drawn when a miner is offered, not when it is picked, so this is exact for every policy.
  /// O(candidates).
  [[nodiscard]] std::vector<std::string> order(const device_requirement& need) const;
  [[nodiscard]] std::size_t size() const noexcept { return keys_.size(); }

 private:
  // Unreachable last; then by size (best fit) or by the time of the offer (spread); then at random.
  using rank = std::tuple<bool, std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::uint64_t>;
  struct candidate {
    std::string hotkey;
    miner_specs specs;
  };
  rank rank_of(const miner_specs& specs, bool reachable);

  placement_policy policy_;
  std::mt19937_64 random_;
  std::int64_t offers_ = 0;
  std::map<rank, candidate> order_;
  std::unordered_map<std::string, rank> keys_;
};

}  // namespace lode::actors
