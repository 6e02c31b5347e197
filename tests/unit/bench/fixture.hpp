#pragma once
// Runs a load against a scripted server.

#include "bench/load/load.hpp"
#include "scripted_server.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <numeric>
#include <string>

namespace lode::bench {

inline scenario closed_loop(unsigned workers, double seconds, operation op = operation::pairs) {
  scenario s;
  s.name = "test";
  s.warmup = 0;
  phase p;
  p.from = workers;
  p.seconds = seconds;
  s.phases = {p};
  mix_entry e;
  e.op = op;
  e.name = to_string(op);
  if (op == operation::get || op == operation::list) e.path = "/x";
  s.mix = {e};
  s.deadline = std::chrono::seconds{10};
  return s;
}

inline scenario open_loop(double rate, double seconds, operation op = operation::pairs) {
  scenario s = closed_loop(1, seconds, op);
  s.mode = loop::open;
  s.phases[0].from = rate;
  return s;
}

inline load_options counting(std::uint64_t operations) {
  load_options o;
  o.count = operations;
  return o;
}

/// Runs it to its end. `tick` sees the load now and then.
inline figures run_against(const std::string& url, const scenario& s, const load_options& options = {},
                           const std::function<void(load&, const progress&)>& tick = {}) {
  target_options to;
  to.url = url;
  const auto where = reach(to);
  if (!where) {
    ADD_FAILURE() << where.error().detail;
    return {};
  }
  load_options quick = options;
  quick.late_allocations = std::chrono::milliseconds{500};
  load l{s, *where, quick};
  return l.run([&](const progress& now) {
    if (tick) tick(l, now);
  });
}

inline std::uint64_t outcomes_of(const figures& f, const std::string& kind, const std::string& outcome) {
  for (std::size_t i = 0; i < f.kinds.size(); ++i) {
    if (f.kinds[i] != kind) continue;
    const auto at = f.measured.kinds[i].outcomes.find(outcome);
    return at == f.measured.kinds[i].outcomes.end() ? 0 : at->second;
  }
  return 0;
}

inline const histogram& times_of(const figures& f, const std::string& kind, const std::string& outcome = "ok") {
  static const histogram none;
  for (std::size_t i = 0; i < f.kinds.size(); ++i) {
    if (f.kinds[i] != kind) continue;
    const auto at = f.measured.kinds[i].response.find(outcome);
    return at == f.measured.kinds[i].response.end() ? none : at->second;
  }
  return none;
}

inline std::string joined(const std::vector<std::string>& texts) {
  return std::accumulate(texts.begin(), texts.end(), std::string{},
                         [](std::string all, const std::string& one) { return std::move(all) + one + "\n"; });
}

}  // namespace lode::bench
