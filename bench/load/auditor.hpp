#pragma once
// Compares what was acknowledged with what the server lists, and gives back what is left of a run. Over a connection of
// its own, which no figure counts.

#include "bench/load/engine.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lode::bench {

/// Thread: the one that runs the executor, which must also call close_overdue() now and then.
class auditor {
 public:
  auditor(const executor& ex, common_ground& ground);

  /// Hotkeys of miners that could be rented. Empty, with problem(), when there are none.
  task<std::vector<std::string>> find_miners();
  /// Every allocation that was acknowledged and not asked to end is listed, and none whose end was confirmed; else a
  /// violation is noted. Several looks are taken before: pages move while others rent. False when the listing could not
  /// be read, with problem().
  task<bool> check_listing();
  /// Asks for the end of everything that is left of this run: what `seen` knows of, and what the listing shows under
  /// the run's tag. Allocations that `in_doubt` requests may still make are waited for, up to `until`.
  task<void> clean_up(std::uint64_t in_doubt, clock::time_point until);

  void close_overdue(clock::time_point now) { peer_.close_if_overdue(now); }
  /// Ends what is under way, soon.
  void abandon();

  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
  /// Times that check_listing() came to a verdict.
  [[nodiscard]] std::uint64_t looks() const noexcept { return looks_; }
  /// Allocations whose reply was lost, given back by clean_up().
  [[nodiscard]] std::uint64_t recovered() const noexcept { return recovered_; }

 private:
  task<bool> list(std::vector<listed_allocation>& all);
  task<bool> give_back(const granted_miner& m);
  task<void> wait(std::chrono::milliseconds t);
  [[nodiscard]] std::uint64_t ours(const listed_allocation& a) const;

  executor ex_;
  common_ground& ground_;
  connection peer_;
  bool abandoned_ = false;
  std::string problem_;
  std::uint64_t looks_ = 0;
  std::uint64_t recovered_ = 0;
};

}  // namespace lode::bench
