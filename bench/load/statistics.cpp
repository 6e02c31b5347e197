#include "bench/load/statistics.hpp"

#include <algorithm>

namespace lode::bench {

statistics::statistics(std::size_t kind_count) : kinds(kind_count), times_(kind_count) {}

void statistics::add(std::size_t kind, std::string_view outcome, bool measured, nanoseconds response,
                     nanoseconds service) {
  kind_statistics& k = kinds[kind];
  auto counted = k.outcomes.find(outcome);
  if (counted == k.outcomes.end()) counted = k.outcomes.emplace(std::string{outcome}, 0).first;
  ++counted->second;
  if (!measured) return;
  auto times = k.response.find(outcome);
  if (times == k.response.end()) times = k.response.try_emplace(std::string{outcome}).first;
  times->second.add(response);
  if (outcome == "ok") k.service.add(service);
}

void statistics::add_unsent(std::size_t kind, bool measured, nanoseconds waited) {
  add(kind, "unsent", measured, waited, {});
}

second_of& statistics::at(std::size_t second) {
  if (seconds.size() <= second) {
    seconds.resize(second + 1);
    for (auto& s : seconds) s.kinds.resize(kinds.size());
  }
  return seconds[second];
}

void statistics::offered(std::size_t second) { ++at(second).offered; }

void statistics::not_sent(std::size_t second) {
  ++at(second).errors;
  ++at(second).unsent;
}

void statistics::replied(std::size_t second, std::size_t kind, bool ok, nanoseconds response) {
  if (second > current_) {
    close_second();
    current_ = second;
  }
  second_of& s = at(second);
  if (!ok) {
    ++s.errors;
    return;
  }
  ++s.ok;
  ++s.kinds[kind].ok;
  times_[kind].add(response);
}

void statistics::snapshot(std::size_t second, std::size_t in_flight, std::size_t waiting) {
  at(second).in_flight = in_flight;
  at(second).waiting = waiting;
}

void statistics::close_second() {
  for (std::size_t k = 0; k < times_.size(); ++k) {
    if (times_[k].count() == 0) continue;
    at(current_).kinds[k].times = times_[k].filled();
    times_[k].clear();
  }
}

void statistics::merge(const statistics& other) {
  pairs += other.pairs;
  in_doubt += other.in_doubt;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    kind_statistics& k = kinds[i];
    const kind_statistics& o = other.kinds[i];
    for (const auto& [outcome, count] : o.outcomes) k.outcomes[outcome] += count;
    for (const auto& [outcome, times] : o.response) k.response[outcome].merge(times);
    k.service.merge(o.service);
    k.wait.merge(o.wait);
    k.completed += o.completed;
  }
  for (std::size_t i = 0; i < other.seconds.size(); ++i) {
    second_of& s = at(i);
    const second_of& o = other.seconds[i];
    s.offered += o.offered;
    s.ok += o.ok;
    s.errors += o.errors;
    s.unsent += o.unsent;
    s.in_flight += o.in_flight;
    s.waiting += o.waiting;
    for (std::size_t k = 0; k < kinds.size(); ++k) {
      s.kinds[k].ok += o.kinds[k].ok;
      // Several entries of one bucket are fine: whoever reads them adds them up.
      s.kinds[k].times.insert(s.kinds[k].times.end(), o.kinds[k].times.begin(), o.kinds[k].times.end());
    }
  }
}

histogram together(const std::vector<second_of::kind>& kinds) {
  histogram all;
  for (const auto& k : kinds) all.merge(k.times, nanoseconds::max());
  return all;
}

}  // namespace lode::bench
