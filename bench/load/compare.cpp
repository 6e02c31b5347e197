#include "bench/load/compare.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <numeric>
#include <random>
#include <utility>

namespace lode::bench {
namespace {

using samples = std::vector<double>;
using statistic = std::function<double(const samples&)>;

constexpr int resamples = 4000;
constexpr double tail = 0.005;  // of 99 %, on each side
// Of errors, as a share of requests: what may always happen once.
constexpr double errors_that_matter = 0.001;

double mean(const samples& s) {
  return s.empty() ? 0 : std::accumulate(s.begin(), s.end(), 0.0) / static_cast<double>(s.size());
}

double median(samples s) {
  if (s.empty()) return 0;
  const auto middle = s.begin() + static_cast<std::ptrdiff_t>(s.size() / 2);
  std::nth_element(s.begin(), middle, s.end());
  return *middle;
}

// Seconds beside each other are alike (one compaction, one noisy neighbour), so they are drawn in runs, not one by one.
class block_draw {
 public:
  explicit block_draw(std::uint64_t seed) : dice_(seed) {}

  /// Indices of a resample of `n`.
  const std::vector<std::size_t>& operator()(std::size_t n) {
    const auto length = std::max<std::size_t>(1, static_cast<std::size_t>(std::lround(std::cbrt(n))));
    std::uniform_int_distribution<std::size_t> begins{0, n - 1};
    drawn_.clear();
    while (drawn_.size() < n) {
      const std::size_t first = begins(dice_);
      for (std::size_t i = 0; i < length && drawn_.size() < n; ++i) drawn_.push_back((first + i) % n);
    }
    return drawn_;
  }

 private:
  std::mt19937_64 dice_;
  std::vector<std::size_t> drawn_;
};

samples pick(const samples& from, const std::vector<std::size_t>& which) {
  samples some;
  some.reserve(which.size());
  for (const std::size_t i : which) some.push_back(from[i]);
  return some;
}

/// The middle 99 % of what `once` gives.
template <class Once>
std::pair<double, double> interval(const Once& once) {
  samples all;
  all.reserve(resamples);
  for (int i = 0; i < resamples; ++i)
    if (const double v = once(); std::isfinite(v)) all.push_back(v);
  if (all.empty()) return {0, 0};
  std::sort(all.begin(), all.end());
  const auto at = [&](double share) {
    return all[static_cast<std::size_t>(std::lround(share * static_cast<double>(all.size() - 1)))];
  };
  return {at(tail), at(1 - tail)};
}

comparison compare_samples(std::string metric, const samples& a, const samples& b, bool pairwise, bool more_is_better,
                           const statistic& of, double threshold) {
  comparison c;
  c.metric = std::move(metric);
  c.before = of(a);
  c.after = of(b);
  if (c.before <= 0 || c.after <= 0) return c;
  block_draw draw{1};
  if (pairwise) {
    samples logs;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
      if (a[i] > 0 && b[i] > 0) logs.push_back(std::log(b[i] / a[i]));
    if (logs.size() < fewest_seconds) return c;
    c.change = std::exp(mean(logs)) - 1;
    std::tie(c.least, c.most) = interval([&] { return std::exp(mean(pick(logs, draw(logs.size())))) - 1; });
  } else {
    c.change = c.after / c.before - 1;
    std::tie(c.least, c.most) = interval([&] {
      const double before = of(pick(a, draw(a.size())));
      return before > 0 ? of(pick(b, draw(b.size()))) / before - 1 : NAN;
    });
  }
  if (std::abs(c.change) < threshold || (c.least <= 0 && c.most >= 0)) return c;
  c.is = (c.change > 0) == more_is_better ? verdict::better : verdict::worse;
  return c;
}

comparison compare_errors(const saved_run& a, const saved_run& b) {
  const auto shares = [](const saved_run& r) {
    samples all;
    for (std::size_t i = 0; i < r.errors.size(); ++i) {
      const double requests = r.errors[i] + r.ok[i];
      all.push_back(requests > 0 ? r.errors[i] / requests : 0);
    }
    return all;
  };
  const samples sa = shares(a);
  const samples sb = shares(b);
  comparison c;
  c.metric = "errors, share of requests";
  c.before = mean(sa);
  c.after = mean(sb);
  c.change = c.after - c.before;
  block_draw draw{1};
  std::tie(c.least, c.most) = interval([&] {
    const double before = mean(pick(sa, draw(sa.size())));
    return mean(pick(sb, draw(sb.size()))) - before;
  });
  if (std::abs(c.change) < errors_that_matter || (c.least <= 0 && c.most >= 0)) return c;
  c.is = c.change < 0 ? verdict::better : verdict::worse;
  return c;
}

// Seconds without a reply have no percentile.
samples above_zero(const samples& all) {
  samples some;
  std::copy_if(all.begin(), all.end(), std::back_inserter(some), [](double v) { return v > 0; });
  return some;
}

const char* name_of(verdict v) { return v == verdict::same ? "same" : v == verdict::better ? "better" : "worse"; }

}  // namespace

const char* const compare_rule =
    "Rule: a metric has one value for each whole second of a run: what was answered, the p50 and p99 of its times, "
    "the\n"
    "share of errors. A change is the ratio of their means (of times: of their medians) in B and A. It counts when it "
    "is\n"
    "at least --threshold and its 99 % interval, from 4,000 bootstrap resamples of runs of neighbouring seconds, is on "
    "one\n"
    "side of zero. Where the load changes during a run, each second is compared with the same one of the other run. "
    "Errors\n"
    "count as a difference of shares, from 0.1 % on. A violation or a failure in B is a regression whatever the "
    "times.\n"
    "Fewer than 5 whole seconds, or different loads (unless --anyway), cannot be compared.\n"
    "Exit status: 0 nothing is worse; 1 something is; 2 the reports cannot be read or compared.";

result<std::vector<comparison>> compare(const saved_run& a, const saved_run& b, const compare_options& o) {
  if (a.load != b.load && !o.anyway)
    return error{errc::config_invalid, fmt::format("these are different loads (of {} and {}): --anyway compares them "
                                                   "all the same",
                                                   a.scenario, b.scenario)};
  if (std::min(a.ok.size(), b.ok.size()) < fewest_seconds)
    return error{errc::config_invalid,
                 fmt::format("{} and {} whole seconds were measured: at least {} each are needed to tell a change from "
                             "noise",
                             a.ok.size(), b.ok.size(), fewest_seconds)};
  const bool pairwise = a.load == b.load && a.ok.size() == b.ok.size() &&
                        (a.phases.size() > 1 || (!a.phases.empty() && !a.phases[0].even));
  std::vector<comparison> all;
  for (const auto& ka : a.kinds) {
    const auto kb = std::find_if(b.kinds.begin(), b.kinds.end(), [&](const auto& k) { return k.name == ka.name; });
    if (kb == b.kinds.end() || ka.response.count() == 0) continue;
    const auto times = [&](const char* what, const samples& sa, const samples& sb) {
      const samples fa = pairwise ? sa : above_zero(sa);
      const samples fb = pairwise ? sb : above_zero(sb);
      if (std::min(above_zero(sa).size(), above_zero(sb).size()) < fewest_seconds) return;
      all.push_back(compare_samples(ka.name + what, fa, fb, pairwise, false, median, o.threshold));
    };
    all.push_back(compare_samples(ka.name + " per second", ka.ok, kb->ok, pairwise, true, mean, o.threshold));
    times(" p50 ms", ka.p50, kb->p50);
    times(" p99 ms", ka.p99, kb->p99);
  }
  all.push_back(compare_errors(a, b));
  if (b.violations > 0 || !b.failure.empty()) {
    comparison c;
    c.metric = b.violations > 0 ? "violations" : "failure of the run";
    c.before = static_cast<double>(a.violations);
    c.after = static_cast<double>(b.violations);
    c.is = verdict::worse;
    all.push_back(c);
  }
  return all;
}

std::string comparison_text(const std::vector<comparison>& all) {
  std::string text = fmt::format("{:<32} {:>12} {:>12} {:>9}   {}\n", "metric", "A", "B", "change", "99 % interval");
  auto out = std::back_inserter(text);
  for (const auto& c : all) {
    const bool share = c.metric.starts_with("errors");
    fmt::format_to(out, "{:<32} {:>12.4g} {:>12.4g} {:>+8.1f}%   {:+.1f}% .. {:+.1f}%{}\n", c.metric,
                   share ? c.before * 100 : c.before, share ? c.after * 100 : c.after, c.change * 100, c.least * 100,
                   c.most * 100, c.is == verdict::same ? "" : fmt::format("   {}", name_of(c.is)));
  }
  return text;
}

std::string comparison_json(const std::vector<comparison>& all) {
  boost::json::array metrics;
  bool worse = false;
  for (const auto& c : all) {
    worse |= c.is == verdict::worse;
    metrics.push_back(boost::json::object{{"metric", c.metric},
                                          {"before", c.before},
                                          {"after", c.after},
                                          {"change", c.change},
                                          {"least", c.least},
                                          {"most", c.most},
                                          {"verdict", name_of(c.is)}});
  }
  return boost::json::serialize(boost::json::object{
             {"schema", "lode-bench.compare/1"}, {"regression", worse}, {"metrics", std::move(metrics)}}) +
         "\n";
}

}  // namespace lode::bench
