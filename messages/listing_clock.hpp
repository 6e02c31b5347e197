#pragma once
// listing_clock: tells whoever keeps what a listing answered whether it is still so.

#include <atomic>
#include <cstdint>

namespace lode {

/// Counts the changes of what the listings of the registry show. The registry is its only writer and counts a change
/// before anybody is told of it: who reads the same number before it asked and now holds an answer that is still true,
/// also for clients that were told of a change meanwhile. Any thread.
class listing_clock {
 public:
  [[nodiscard]] std::uint64_t now() const noexcept { return changes_.load(std::memory_order_acquire); }
  void changed() noexcept { changes_.fetch_add(1, std::memory_order_acq_rel); }

 private:
  std::atomic<std::uint64_t> changes_{1};
};

}  // namespace lode
