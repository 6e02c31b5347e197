#include "bench/load/checks.hpp"

#include <fmt/format.h>

#include <utility>

namespace lode::bench {
namespace {

constexpr std::size_t violations_kept = 20;

}  // namespace

std::string describe(const holding& h) {
  return fmt::format("operation {} ({}, asked at {:.3f} s, answered at {:.3f} s)", h.op, h.request, h.asked,
                     h.answered);
}

checks::number checks::number_of(std::string_view uuid) noexcept {
  number n;
  for (const char c : uuid) {
    if (c == '-') continue;
    const auto digit = static_cast<std::uint64_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    n.high = (n.high << 4) | (n.low >> 60);
    n.low = (n.low << 4) | (digit & 0xf);
  }
  return n;
}

void checks::add_violation(std::string text) {
  ++violation_count_;
  if (violations_.size() < violations_kept) violations_.push_back(std::move(text));
}

void checks::violation(std::string text) {
  const std::lock_guard lock{mutex_};
  add_violation(std::move(text));
}

void checks::granted(holding h) {
  const std::lock_guard lock{mutex_};
  ++grants_;
  const bool fresh = uuids_.insert(number_of(h.uuid)).second;
  const auto at = miners_.find(h.hotkey);
  if (at != miners_.end() && at->second.now == state::held) {
    add_violation(
        fmt::format("miner {} was given to {} while {} holds it", h.hotkey, describe(h), describe(at->second.last)));
  } else if (!fresh) {
    const bool same_miner = at != miners_.end() && number_of(at->second.last.uuid) == number_of(h.uuid);
    add_violation(fmt::format("{} was given miner {} with the uuid_key of {}", describe(h), h.hotkey,
                              same_miner ? describe(at->second.last) : "an earlier allocation"));
  }
  if (at == miners_.end()) {
    std::string hotkey = h.hotkey;
    miners_.emplace(std::move(hotkey), miner{std::move(h), state::held});
    return;
  }
  if (at->second.now != state::free) overtaken_.emplace(at->second.last.op, std::move(at->second.last));
  at->second = miner{std::move(h), state::held};
}

void checks::releasing(std::string_view hotkey, std::uint64_t op) {
  const std::lock_guard lock{mutex_};
  const auto at = miners_.find(hotkey);
  if (at != miners_.end() && at->second.last.op == op && at->second.now == state::held)
    at->second.now = state::releasing;
}

void checks::released(std::string_view hotkey, std::uint64_t op) {
  const std::lock_guard lock{mutex_};
  overtaken_.erase(op);
  const auto at = miners_.find(hotkey);
  if (at != miners_.end() && at->second.last.op == op) at->second.now = state::free;
}

std::vector<holding> checks::held() const {
  const std::lock_guard lock{mutex_};
  std::vector<holding> all;
  for (const auto& [hotkey, m] : miners_)
    if (m.now == state::held) all.push_back(m.last);
  return all;
}

bool checks::still_held(const holding& h) const {
  const std::lock_guard lock{mutex_};
  const auto at = miners_.find(h.hotkey);
  return at != miners_.end() && at->second.last.op == h.op && at->second.now == state::held;
}

bool checks::is_held(std::string_view hotkey) const {
  const std::lock_guard lock{mutex_};
  const auto at = miners_.find(hotkey);
  return at != miners_.end() && at->second.now == state::held;
}

std::optional<holding> checks::given_back(std::string_view hotkey, std::string_view uuid) const {
  const std::lock_guard lock{mutex_};
  const auto at = miners_.find(hotkey);
  if (at == miners_.end() || at->second.now != state::free || at->second.last.uuid != uuid) return std::nullopt;
  return at->second.last;
}

std::vector<holding> checks::open() const {
  const std::lock_guard lock{mutex_};
  std::vector<holding> all;
  for (const auto& [hotkey, m] : miners_)
    if (m.now != state::free) all.push_back(m.last);
  for (const auto& [op, h] : overtaken_) all.push_back(h);
  return all;
}

std::uint64_t checks::grants() const {
  const std::lock_guard lock{mutex_};
  return grants_;
}

std::vector<std::string> checks::violations() const {
  const std::lock_guard lock{mutex_};
  return violations_;
}

std::uint64_t checks::violation_count() const {
  const std::lock_guard lock{mutex_};
  return violation_count_;
}

}  // namespace lode::bench
