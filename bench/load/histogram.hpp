#pragma once
// Durations counted in buckets, so that a run of any length needs 30 KiB and no sorting.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace lode::bench {

/// What a histogram holds, without its empty buckets: the longest time of each bucket in ns, and how many are in it.
using filled_buckets = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

/// Buckets are exact below 128 ns and at most 1.6 % wide above, up to the longest time there is.
class histogram {
 public:
  /// How far a percentile may lie above the exact one, as a share of it.
  static constexpr double precision = 1.0 / 64;

  /// Negative times count as zero.
  void add(std::chrono::nanoseconds t, std::uint64_t times = 1) noexcept;
  /// Takes over what `other` has counted.
  void merge(const histogram& other) noexcept;
  /// Takes over what filled() gave; the longest time is then that of the last bucket, or `longest` where that is less.
  void merge(const filled_buckets& buckets, std::chrono::nanoseconds longest) noexcept;
  void clear() noexcept;

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::chrono::nanoseconds max() const noexcept { return std::chrono::nanoseconds{max_}; }
  [[nodiscard]] std::chrono::nanoseconds mean() const noexcept;
  /// The time that the share `p` (0 to 1) of those counted did not exceed, rounded up to its bucket's end but never
  /// above max(); zero when nothing was counted.
  [[nodiscard]] std::chrono::nanoseconds percentile(double p) const noexcept;
  /// Shortest first.
  [[nodiscard]] filled_buckets filled() const;

 private:
  static constexpr unsigned sub_bits = 6;
  static constexpr std::size_t buckets = (64 - sub_bits) << sub_bits;

  static std::size_t bucket_of(std::uint64_t ns) noexcept;
  static std::uint64_t last_in(std::size_t bucket) noexcept;

  std::array<std::uint64_t, buckets> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace lode::bench
