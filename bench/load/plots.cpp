#include "bench/load/plots.hpp"

#include "bench/load/svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace lode::bench {
namespace {

using plots = std::vector<std::pair<std::string, std::string>>;
using points = std::vector<std::pair<double, double>>;

const std::string grey = "#999999";
const std::string red = "#c1272d";

double ms(std::chrono::nanoseconds t) { return std::chrono::duration<double, std::milli>(t).count(); }

std::string subtitle(const std::string& began, const std::string& commit, const std::string& machine) {
  return fmt::format("{}, lode-bench {}, on {}", began, commit, machine);
}

points by_second(const std::vector<double>& values) {
  points all;
  for (std::size_t i = 0; i < values.size(); ++i) all.emplace_back(static_cast<double>(i) + 0.5, values[i]);
  return all;
}

/// x is 1 / (1 - p): each nine of the percentile is as wide as the one before.
points percentiles(const histogram& h) {
  points all;
  if (h.count() == 0) return all;
  const double most = std::max(10.0, static_cast<double>(h.count()));
  double x = 1;
  while (x <= most) {
    all.emplace_back(x, ms(h.percentile(1 - 1 / x)));
    x *= 1.05;
  }
  all.emplace_back(most, ms(h.max()));
  return all;
}

// Where the slowest is far from the usual, an even axis would show nothing but the slowest.
bool wants_log(const std::vector<chart_line>& lines) {
  double least = 1e300, most = 0;
  for (const auto& l : lines)
    for (const auto& [x, y] : l.points) {
      if (y > 0) least = std::min(least, y);
      most = std::max(most, y);
    }
  return most > 30 * least;
}

std::string latency_plot(const saved_run& r) {
  chart_panel p;
  p.title =
      r.open ? "Time from when a request was due to its reply; dashed: from its sending" : "Time from request to reply";
  double most = 10;
  for (std::size_t i = 0; i < r.kinds.size(); ++i) {
    const saved_kind& k = r.kinds[i];
    if (k.response.count() == 0) continue;
    most = std::max(most, static_cast<double>(k.response.count()));
    p.lines.push_back({k.name, line_colour(i), percentiles(k.response), false, false});
    if (r.open) p.lines.push_back({"", line_colour(i), percentiles(k.service), true, false});
  }
  p.x.title = "percentile";
  p.x.log = true;
  p.x.least = 1;
  p.x.most = most;
  p.x.ticks = {{1, "0 %"},       {2, "50 %"},      {10, "90 %"},      {100, "99 %"},
               {1000, "99.9 %"}, {1e4, "99.99 %"}, {1e5, "99.999 %"}, {1e6, "99.9999 %"}};
  p.y.title = "ms";
  p.y.log = wants_log(p.lines);
  return draw(r.scenario + ": latency by percentile", subtitle(r.began, r.commit, r.machine), {p});
}

std::string throughput_plot(const saved_run& r) {
  chart_panel rate;
  rate.title = "Each second";
  rate.x.title = "seconds";
  rate.y.title = "per second";
  rate.lines.push_back({r.open ? "operations due" : "operations begun", grey, by_second(r.offered), true, false});
  for (std::size_t i = 0; i < r.kinds.size(); ++i)
    rate.lines.push_back({r.kinds[i].name + " ok", line_colour(i), by_second(r.kinds[i].ok), false, false});
  rate.lines.push_back({"errors", red, by_second(r.errors), false, false});
  double at = 0;
  for (const auto& phase : r.phases) {
    if (r.phases.size() > 1) rate.marks.push_back({at, phase.what});
    at += phase.seconds;
  }
  rate.x.most = std::max(r.seconds, 1.0);
  chart_panel times = rate;
  times.title = "Times of all that was answered in the second";
  times.y.title = "ms";
  times.lines = {{"p50", line_colour(0), by_second(r.p50), false, false},
                 {"p99", line_colour(1), by_second(r.p99), false, false}};
  times.y.log = wants_log(times.lines);
  return draw(r.scenario + ": throughput over time", subtitle(r.began, r.commit, r.machine), {rate, times});
}

struct saturation_points {
  points achieved, p50, p99;
};

std::string saturation_plot(const std::string& name, const std::string& sub, const saturation_points& s, bool open,
                            const std::vector<chart_mark>& marks) {
  chart_panel rate;
  rate.title = "Achieved";
  rate.x.title = open ? "operations due a second" : "workers";
  rate.y.title = "per second";
  rate.marks = marks;
  double most = 0;
  for (const auto& [x, y] : s.achieved) most = std::max(most, x);
  if (open) rate.lines.push_back({"due", grey, {{0, 0}, {most, most}}, true, false});
  rate.lines.push_back({"answered", line_colour(0), s.achieved, false, true});
  rate.x.most = most > 0 ? most * 1.02 : 1;
  chart_panel times;
  times.title = "Times";
  times.x = rate.x;
  times.y.title = "ms";
  times.marks = marks;
  times.lines = {{"p50", line_colour(0), s.p50, false, true}, {"p99", line_colour(1), s.p99, false, true}};
  times.y.log = wants_log(times.lines);
  return draw(name + ": what is asked and what is answered", sub, {rate, times});
}

}  // namespace

plots plots_of(const saved_run& r) {
  plots all{{"latency.svg", latency_plot(r)}, {"throughput.svg", throughput_plot(r)}};
  const bool changes = std::any_of(r.phases.begin(), r.phases.end(), [](const saved_phase& p) { return !p.even; }) ||
                       r.phases.size() > 2;
  if (!changes || !r.open) return all;
  // Seconds in the order of what was due in them. Requests of a renter come in pairs, so what is answered is compared
  // by the first request of each kind of operation: that is what the sum of all kinds but the renter's later ones is.
  std::vector<std::size_t> order(r.offered.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return r.offered[a] < r.offered[b]; });
  saturation_points s;
  for (const std::size_t i : order) {
    double answered = 0;
    for (const auto& k : r.kinds)
      if (k.name != "deallocate" && k.name != "pause" && k.name != "unpause" && i < k.ok.size()) answered += k.ok[i];
    if (r.offered[i] <= 0) continue;
    s.achieved.emplace_back(r.offered[i], answered);
    if (i < r.p99.size() && r.p99[i] > 0) {
      s.p50.emplace_back(r.offered[i], r.p50[i]);
      s.p99.emplace_back(r.offered[i], r.p99[i]);
    }
  }
  all.emplace_back("saturation.svg",
                   saturation_plot(r.scenario, subtitle(r.began, r.commit, r.machine), s, r.open, {}));
  return all;
}

plots plots_of(const saved_sweep& w) {
  saturation_points s;
  for (const auto& step : w.steps) {
    s.achieved.emplace_back(step.level, step.achieved);
    s.p50.emplace_back(step.level, step.p50_ms);
    s.p99.emplace_back(step.level, step.p99_ms);
  }
  std::vector<chart_mark> marks;
  if (w.knee > 0) marks.push_back({w.knee, "knee"});
  return {{"saturation.svg", saturation_plot(w.scenario, subtitle(w.began, w.commit, w.machine), s, w.open, marks)}};
}

result<plots> plots_of_report(std::string_view text) {
  if (schema_of(text) == "lode-bench.sweep/1") {
    const auto sweep = read_sweep(text);
    if (!sweep) return sweep.error();
    return plots_of(*sweep);
  }
  const auto run = read_run(text);
  if (!run) return run.error();
  return plots_of(*run);
}

}  // namespace lode::bench
