#pragma once
// placement_index: the free, eligible miners in the order in which the policy would offer them. Pure data structure;
// the registry owns it.

#include "actors/placement_shelf.hpp"
#include "messages/types.hpp"

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
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

/// Miners are named by numbers, which should be dense: memory grows with the largest one that was ever offered.
class placement_index {
 public:
  using miner_number = std::uint32_t;

  placement_index(placement_policy policy, std::uint64_t seed) : policy_(policy), random_(seed) {}
  placement_index(const placement_index&) = delete;
  placement_index& operator=(const placement_index&) = delete;
  placement_index(placement_index&&) = delete;
  placement_index& operator=(placement_index&&) = delete;
  ~placement_index() = default;

  /// Offers the miner from now on; replaces what was offered before. Miners that did not answer last time come after
  /// all others. News of a miner that is offered already does not change what was drawn for it (ties, its place in a
  /// random order) nor, under spread, how long it has been idle. O(log n), amortised.
  void offer(miner_number miner, const miner_specs& specs, bool reachable);
  /// No longer offered. Not an error when it is not. O(log n), amortised.
  void withdraw(miner_number miner);
  /// The first miner that meets the requirement and is not in `tried`. Looks once at each shape of hardware on offer
  /// (name and number of GPUs, their memory, cores), then only at stretches of a shape's miners that may hold one.
  [[nodiscard]] std::optional<miner_number> pick(const device_requirement& need,
                                                 std::span<const miner_number> tried) const;
  /// All miners that meet the requirement, in the order in which pick() would give them if nothing changed. Ties and
  /// the policy random are drawn when a miner is offered, not when it is picked, so this is exact for every policy.
  /// O(n log n).
  [[nodiscard]] std::vector<miner_number> order(const device_requirement& need) const;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Shapes of hardware on offer.
  [[nodiscard]] std::size_t shapes() const noexcept { return shapes_.size(); }

 private:
  // Numbers are rounded, so that there are few shapes whatever miners report. In the order of best fit.
  struct shape_key {
    bool unreachable = false;
    std::uint16_t gpu_gb = 0, gpus = 0, cpus = 0;
    std::uint32_t name = 0;
    // NOLINTNEXTLINE(modernize-use-nullptr): it means what the compiler writes here
    friend auto operator<=>(const shape_key&, const shape_key&) = default;
  };
  // What a search looks at first, close together.
  struct shape {
    shape_key key;
    extent all;  // of its shelf
  };
  // Of a GPU; its number is its place in names_.
  struct gpu_name {
    std::string spelled;  // as miners do
    std::string lower_case;
    std::size_t miners = 0;  // 0: the number is free
  };

  void shelf_changed(std::size_t i);
  static shape_key key_of(const placement_rank& r) noexcept;
  [[nodiscard]] std::size_t find(const shape_key& key) const;
  std::uint32_t hold_name(const std::string& name);
  void release_name(std::uint32_t number);
  [[nodiscard]] std::vector<bool> names_with(const device_requirement& need) const;
  [[nodiscard]] bool earlier(miner_number a, miner_number b) const;

  placement_policy policy_;
  std::mt19937_64 random_;
  std::int64_t offers_ = 0;
  std::size_t size_ = 0;
  std::vector<placement_rank> ranks_;                      // by miner
  std::vector<shape> shapes_;                              // sorted; a shelf each
  std::vector<std::unique_ptr<placement_shelf>> shelves_;  // none is empty
  std::vector<gpu_name> names_;
  std::vector<std::uint32_t> free_names_;
  std::unordered_map<std::string, std::uint32_t> name_numbers_;  // by spelled
};

}  // namespace lode::actors
