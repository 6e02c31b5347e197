#include "bench/load/levels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace lode::bench {

std::string describe(const phase& p) {
  switch (p.kind) {
    case phase_kind::constant:
      return fmt::format("constant {:g}", p.from);
    case phase_kind::ramp:
      return fmt::format("ramp {:g}..{:g}", p.from, p.to);
    case phase_kind::spike:
      return fmt::format("spike {:g} to {:g}", p.from, p.to);
    case phase_kind::pause:
      return "pause";
  }
  return {};
}

double level_curve::piece::amount(double x) const noexcept {
  return seconds > 0 ? from * x + (to - from) / (2 * seconds) * x * x : 0;
}

level_curve::level_curve(const std::vector<phase>& phases, double warmup) {
  if (!phases.empty() && warmup > 0) append(warmup, phases.front().from, phases.front().from, 0);
  for (std::size_t i = 0; i < phases.size(); ++i) {
    const phase& p = phases[i];
    switch (p.kind) {
      case phase_kind::constant:
        append(p.seconds, p.from, p.from, i);
        break;
      case phase_kind::ramp:
        append(p.seconds, p.from, p.to, i);
        break;
      case phase_kind::spike: {
        const double base = (p.seconds - p.peak_seconds) / 2;
        append(base, p.from, p.from, i);
        append(p.peak_seconds, p.to, p.to, i);
        append(base, p.from, p.from, i);
        break;
      }
      case phase_kind::pause:
        append(p.seconds, 0, 0, i);
        break;
    }
  }
}

void level_curve::append(double seconds, double from, double to, std::size_t of_phase) {
  if (seconds <= 0) return;
  piece p;
  p.begin = end_;
  p.seconds = seconds;
  p.from = from;
  p.to = to;
  p.phase = of_phase;
  if (!pieces_.empty()) p.before = pieces_.back().before + pieces_.back().amount(pieces_.back().seconds);
  pieces_.push_back(p);
  end_ += seconds;
}

const level_curve::piece* level_curve::piece_at(double t) const noexcept {
  if (t < 0 || t >= end_) return nullptr;
  const auto after =
      std::upper_bound(pieces_.begin(), pieces_.end(), t, [](double time, const piece& p) { return time < p.begin; });
  return &*std::prev(after);
}

double level_curve::at(double t) const noexcept {
  const piece* p = piece_at(t);
  return p == nullptr ? 0 : p->from + (p->to - p->from) * (t - p->begin) / p->seconds;
}

double level_curve::peak() const noexcept {
  double most = 0;
  for (const piece& p : pieces_) most = std::max({most, p.from, p.to});
  return most;
}

double level_curve::amount_until(double t) const noexcept {
  if (pieces_.empty() || t <= 0) return 0;
  const piece* p = piece_at(t);
  if (p == nullptr) p = &pieces_.back();
  return p->before + p->amount(std::min(t - p->begin, p->seconds));
}

std::optional<double> level_curve::time_of(double amount) const noexcept {
  auto after = std::upper_bound(pieces_.begin(), pieces_.end(), amount,
                                [](double wanted, const piece& p) { return wanted < p.before; });
  if (after == pieces_.begin()) return std::nullopt;
  // A pause begins with the amount that the piece before it ends with.
  for (auto at = std::prev(after); at != pieces_.end(); ++at) {
    const double rest = amount - at->before;
    if (rest >= at->amount(at->seconds)) continue;
    const double slope = (at->to - at->from) / at->seconds;
    const double root = std::sqrt(std::max(0.0, at->from * at->from + 2 * slope * rest));
    // The usual formula with the root in the numerator loses its digits where the slope is small.
    const double x = rest <= 0 ? 0 : 2 * rest / (at->from + root);
    return at->begin + std::min(x, at->seconds);
  }
  return std::nullopt;
}

std::size_t level_curve::phase_at(double t) const noexcept {
  if (pieces_.empty() || t < 0) return 0;
  const piece* p = piece_at(t);
  return p == nullptr ? pieces_.back().phase : p->phase;
}

}  // namespace lode::bench
