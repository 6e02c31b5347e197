#include "miner/nonce_table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lode::miner {

std::int64_t nonce_table::window_start(std::int64_t now_ns, std::int64_t timeout_ns) const {
  return now_ns - limits_.allowed_delta_ns - std::clamp<std::int64_t>(timeout_ns, 0, limits_.longest_timeout_ns);
}

result<void> nonce_table::check(const std::string& pair, std::int64_t nonce, std::int64_t timeout_ns,
                                std::int64_t now_ns) const {
  if (const auto known = last_.find(pair); known != last_.end() && nonce <= known->second) {
    return error{errc::unauthorized, "Nonce is too old, a newer one was last processed"};
  }
  const auto start = std::max(window_start(now_ns, timeout_ns), last_.contains(pair) ? INT64_MIN : started_ns_);
  if (nonce <= start) {
    return error{errc::unauthorized,
                 fmt::format("Nonce is too old: acceptable delta is {:.2f} seconds but request was {:.2f} seconds old",
                             static_cast<double>(now_ns - start) / 1e9,
                             (static_cast<double>(now_ns) - static_cast<double>(nonce)) / 1e9)};
  }
  if (nonce > now_ns + limits_.ahead_ns) return error{errc::unauthorized, "Nonce is too far in the future"};
  return {};
}

// A nonce at or below the widest window's start is refused without the table's help.
void nonce_table::forget_old(std::int64_t now_ns) {
  const auto start = window_start(now_ns, limits_.longest_timeout_ns);
  while (!by_age_.empty() && by_age_.top().nonce <= start) {
    const auto entry = last_.find(by_age_.top().pair);
    if (entry != last_.end()) {
      if (entry->second <= start) {
        last_.erase(entry);
      } else {
        by_age_.push(aged{entry->second, entry->first});
      }
    }
    by_age_.pop();
  }
}

result<void> nonce_table::remember(const std::string& pair, std::int64_t nonce, std::int64_t now_ns) {
  forget_old(now_ns);
  if (const auto known = last_.find(pair); known != last_.end()) {
    // Its place in by_age_ keeps the older nonce and is moved when that comes up.
    known->second = std::max(known->second, nonce);
    return {};
  }
  if (last_.size() >= limits_.entries) return error{errc::overloaded, "too many callers"};
  last_.emplace(pair, nonce);
  by_age_.push(aged{nonce, pair});
  return {};
}

}  // namespace lode::miner
