#include "bench/load/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace lode::bench {
namespace {

// Workers are whole; rates of more digits than this say nothing more.
double tidy(double level, bool open) { return open ? std::round(level * 10) / 10 : std::max(1.0, std::round(level)); }

class stepper {
 public:
  stepper(const sweep_options& o, const measure_level& measure, saved_sweep& into)
      : options_(o), measure_(measure), sweep_(into) {}

  /// False when the sweep is over.
  bool step(double level) {
    sweep_step s;
    s.level = tidy(level, options_.open);
    if (!measure_(s.level, s)) return false;
    s.saturated = saturated(s);
    sweep_.steps.push_back(s);
    last_saturated_ = s.saturated;
    return true;
  }
  [[nodiscard]] bool last_saturated() const { return last_saturated_; }

 private:
  [[nodiscard]] bool saturated(const sweep_step& s) const {
    if (s.failed > options_.failures) return true;
    if (options_.open) return s.achieved < s.offered * (1 - options_.shortfall);
    double before = 0;
    for (const auto& one : sweep_.steps)
      if (one.level < s.level) before = std::max(before, one.achieved);
    return s.achieved < before * (1 + options_.shortfall);
  }

  const sweep_options& options_;
  const measure_level& measure_;
  saved_sweep& sweep_;
  bool last_saturated_ = false;
};

/// The highest level that was sustained below the lowest that was not; zero when there is none.
double highest_sustained(const saved_sweep& s) {
  double lowest_saturated = 1e300;
  for (const auto& one : s.steps)
    if (one.saturated) lowest_saturated = std::min(lowest_saturated, one.level);
  double best = 0;
  for (const auto& one : s.steps)
    if (!one.saturated && one.level < lowest_saturated) best = std::max(best, one.level);
  return best;
}

double lowest_saturated(const saved_sweep& s) {
  double level = 0;
  for (const auto& one : s.steps)
    if (one.saturated && (level == 0 || one.level < level)) level = one.level;
  return level;
}

bool take_steps(const sweep_options& o, stepper& steps, saved_sweep& into) {
  if (!o.levels.empty()) {
    for (const double level : o.levels)
      if (!steps.step(level)) return false;
    return true;
  }
  double level = o.from;
  while (level <= o.most) {
    if (!steps.step(level)) return false;
    if (steps.last_saturated()) break;
    level *= o.factor;
  }
  for (int i = 0; i < o.bisections; ++i) {
    const double below = highest_sustained(into);
    const double above = lowest_saturated(into);
    if (below == 0 || above == 0) break;
    const double middle = tidy(std::sqrt(below * above), o.open);
    if (middle <= below || middle >= above) break;
    if (!steps.step(middle)) return false;
  }
  return true;
}

}  // namespace

void sweep(const sweep_options& o, const measure_level& measure, saved_sweep& into) {
  into.open = o.open;
  stepper steps{o, measure, into};
  const bool whole = take_steps(o, steps, into);
  std::stable_sort(into.steps.begin(), into.steps.end(),
                   [](const sweep_step& a, const sweep_step& b) { return a.level < b.level; });
  into.knee = highest_sustained(into);
  for (const auto& s : into.steps) into.saturation = std::max(into.saturation, s.achieved);
  if (!whole || into.saturation <= 0) return;
  sweep_step half;
  half.level = tidy(o.open ? into.saturation / 2 : std::max(1.0, into.knee / 2), o.open);
  if (measure(half.level, half)) into.half = half;
}

std::string sweep_text(const saved_sweep& s) {
  std::string text = fmt::format("{:>12} {:>12} {:>12} {:>10} {:>10} {:>8}\n", s.open ? "due/s" : "workers",
                                 s.open ? "were due/s" : "begun/s", "answered/s", "p50 ms", "p99 ms", "failed");
  auto out = std::back_inserter(text);
  for (const auto& one : s.steps)
    fmt::format_to(out, "{:>12g} {:>12.1f} {:>12.1f} {:>10.2f} {:>10.2f} {:>7.1f}%{}\n", one.level, one.offered,
                   one.achieved, one.p50_ms, one.p99_ms, one.failed * 100, one.saturated ? "  saturated" : "");
  if (s.knee > 0)
    fmt::format_to(out, "knee: {:g} {} were sustained; at most {:.1f}/s were answered\n", s.knee,
                   s.open ? "operations a second" : "workers", s.saturation);
  else
    fmt::format_to(out, "no level was sustained; at most {:.1f}/s were answered\n", s.saturation);
  if (s.half.level > 0)
    fmt::format_to(out, "at half of that ({:g}): p50 {:.2f} ms, p99 {:.2f} ms, p99 ÷ p50 = {:.1f}\n", s.half.level,
                   s.half.p50_ms, s.half.p99_ms, s.half.p50_ms > 0 ? s.half.p99_ms / s.half.p50_ms : 0);
  return text;
}

}  // namespace lode::bench
