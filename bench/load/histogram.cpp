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

void histogram::add(std::chrono::nanoseconds t) noexcept {
  const auto ns = static_cast<std::uint64_t>(std::max<std::chrono::nanoseconds::rep>(t.count(), 0));
  ++counts_[bucket_of(ns)];
  ++count_;
  max_ = std::max(max_, ns);
}

void histogram::merge(const histogram& other) noexcept {
  for (std::size_t i = 0; i < buckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
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

}  // namespace lode::bench
