#include "bench/load/holdings.hpp"

#include <fmt/format.h>

namespace lode::bench {

std::string holdings::granted(unsigned worker, std::string_view hotkey, std::string_view uuid) {
  auto at = of_.find(hotkey);
  if (at == of_.end()) at = of_.emplace(hotkey, holding{}).first;
  holding& h = at->second;
  std::string wrong;
  if (h.now == state::held) {
    wrong = fmt::format("miner {} was given to worker {} while worker {} holds it", hotkey, worker, h.worker);
  } else if (h.uuid == uuid) {
    wrong = fmt::format("miner {} was given to worker {} with the uuid_key of the allocation before", hotkey, worker);
  }
  h.worker = worker;
  h.now = state::held;
  h.uuid = uuid;
  ++open_;
  return wrong;
}

void holdings::releasing(unsigned worker, std::string_view hotkey) {
  const auto at = of_.find(hotkey);
  if (at != of_.end() && at->second.worker == worker && at->second.now == state::held)
    at->second.now = state::releasing;
}

void holdings::released(unsigned worker, std::string_view hotkey) {
  if (open_ > 0) --open_;
  const auto at = of_.find(hotkey);
  if (at != of_.end() && at->second.worker == worker && at->second.now == state::releasing)
    at->second.now = state::free;
}

}  // namespace lode::bench
