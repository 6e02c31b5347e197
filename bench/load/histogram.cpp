#include "bench/load/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace lode::bench {

// A value of k significant bits keeps its first seven: the first chooses, with k, a group of 64 buckets, the other six
// the bucket in it. Values below 128 are their own bucket.
std::size_t histogram::bucket_of(std::uint64_t ns) noexcept {
  const auto bits = static_cast<unsigned>(std::bit_width(ns));
  if (bits <= sub_bits + 1) return ns;
  const unsigned shift = bits - (sub_bits + 1);
  return (std::size_t{shift} << sub_bits) + static_cast<std::size_t>(ns >> shift);
}

std::uint64_t histogram::last_in(std::size_t bucket) noexcept {
  if (bucket < (std::size_t{2} << sub_bits)) return bucket;
  const std::size_t shift = (bucket >> sub_bits) - 1;
  const std::uint64_t first_bits = bucket - (shift << sub_bits);
  return ((first_bits + 1) << shift) - 1;
}

void histogram::add(std::chrono::nanoseconds t, std::uint64_t times) noexcept {
  const auto ns = static_cast<std::uint64_t>(std::max<std::chrono::nanoseconds::rep>(t.count(), 0));
  counts_[bucket_of(ns)] += times;
  count_ += times;
  sum_ += static_cast<double>(ns) * static_cast<double>(times);
  max_ = std::max(max_, ns);
}

void histogram::merge(const histogram& other) noexcept {
  for (std::size_t i = 0; i < buckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

void histogram::merge(const filled_buckets& some, std::chrono::nanoseconds longest) noexcept {
  for (const auto& [last, times] : some) {
    // A bucket's last time may be beyond what a duration holds.
    const auto most = static_cast<std::uint64_t>(std::max<std::chrono::nanoseconds::rep>(longest.count(), 0));
    add(std::chrono::nanoseconds{static_cast<std::chrono::nanoseconds::rep>(std::min(last, most))}, times);
  }
}

void histogram::clear() noexcept {
  counts_.fill(0);
  count_ = 0;
  max_ = 0;
  sum_ = 0;
}

std::chrono::nanoseconds histogram::mean() const noexcept {
  if (count_ == 0) return {};
  return std::chrono::nanoseconds{static_cast<std::chrono::nanoseconds::rep>(sum_ / static_cast<double>(count_))};
}

std::chrono::nanoseconds histogram::percentile(double p) const noexcept {
  if (count_ == 0) return {};
  const double share = std::clamp(p, 0.0, 1.0);
  const auto wanted =
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets; ++i) {
    seen += counts_[i];
    if (seen >= wanted) return std::chrono::nanoseconds{std::min(last_in(i), max_)};
  }
  return max();
}

filled_buckets histogram::filled() const {
  filled_buckets all;
  for (std::size_t i = 0; i < buckets; ++i)
    if (counts_[i] > 0) all.emplace_back(last_in(i), counts_[i]);
  return all;
}

}  // namespace lode::bench
