#include "bench/load/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace lode::bench {
namespace {

double ms(nanoseconds t) { return std::chrono::duration<double, std::milli>(t).count(); }
double rate(std::uint64_t n, double seconds) { return seconds > 0 ? static_cast<double>(n) / seconds : 0; }

std::string time_text(nanoseconds t) {
  const double value = ms(t);
  return fmt::format("{:.{}f}", value, value < 10 ? 2 : value < 1000 ? 1 : 0);
}

std::string load_text(const run_report& r) {
  const level_curve curve{r.what.phases, 0};
  const std::string level = fmt::format("{:g}", curve.peak());
  if (r.what.mode == loop::closed) return fmt::format("closed loop, {} workers", level);
  return fmt::format("open loop, {} arrivals, {}/s at most, {} connections",
                     r.what.process == arrival_process::poisson ? "Poisson" : "even", level, connections_of(r.what));
}

void write_kind(std::back_insert_iterator<std::string> out, const std::string& name, const kind_statistics& k,
                double seconds) {
  const auto ok = k.response.find("ok");
  if (k.outcomes.empty()) return;
  static const histogram none;
  const histogram& h = ok == k.response.end() ? none : ok->second;
  fmt::format_to(out, "{:<18} {:>9.1f} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}\n", name, rate(k.completed, seconds),
                 time_text(h.percentile(0.5)), time_text(h.percentile(0.9)), time_text(h.percentile(0.99)),
                 time_text(h.percentile(0.999)), time_text(h.max()), time_text(k.service.percentile(0.99)),
                 time_text(k.wait.percentile(0.99)));
}

}  // namespace

bool has_errors(const run_report& r) {
  return std::any_of(r.f.measured.kinds.begin(), r.f.measured.kinds.end(), [&](const kind_statistics& k) {
    return std::any_of(k.outcomes.begin(), k.outcomes.end(),
                       [&](const auto& outcome) { return is_error(r.what, outcome.first); });
  });
}

std::string progress_line(const scenario& what, const progress& now, double replies_per_second) {
  std::string line = fmt::format("{:.0f}/{:.0f} s {}", now.elapsed, now.total, now.doing);
  auto out = std::back_inserter(line);
  if (now.total > 0 && now.elapsed > 0)
    fmt::format_to(out, " | {:.0f} {}", std::ceil(now.level), what.mode == loop::open ? "due/s" : "workers");
  fmt::format_to(out, " | {:.0f}/s p50 {} p99 {} ms", replies_per_second, time_text(now.p50), time_text(now.p99));
  if (now.errors > 0) fmt::format_to(out, " | {} errors", now.errors);
  if (now.unsent > 0) fmt::format_to(out, " | {} unsent", now.unsent);
  fmt::format_to(out, " | {} in flight", now.in_flight);
  if (now.waiting > 0) fmt::format_to(out, ", {} waiting", now.waiting);
  return line;
}

std::string report_text(const run_report& r) {
  const figures& f = r.f;
  std::string text = fmt::format("{}: {}, {} thread{}, {:.2f} s measured\n", r.what.name, load_text(r), r.threads,
                                 r.threads == 1 ? "" : "s", f.seconds);
  auto out = std::back_inserter(text);
  if (rents(r.what)) fmt::format_to(out, "{} pairs, {:.1f}/s\n", f.measured.pairs, rate(f.measured.pairs, f.seconds));
  if (r.what.mode == loop::open)
    fmt::format_to(out, "{} operations were due, {:.1f}/s; {} ended in time, {:.1f}/s\n", f.offered,
                   rate(f.offered, f.seconds), f.done, rate(f.done, f.seconds));
  fmt::format_to(out, "\n{:<18} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}\n", "request", "ok/s", "p50 ms", "p90",
                 "p99", "p99.9", "max", "service99", "wait99");
  for (std::size_t i = 0; i < f.kinds.size(); ++i) write_kind(out, f.kinds[i], f.measured.kinds[i], f.seconds);
  text +=
      r.what.mode == loop::open
          ? "Times are from when a request was due to its reply; service: from its sending; wait: until its sending.\n"
          : "";
  for (std::size_t i = 0; i < f.kinds.size(); ++i)
    for (const auto& [outcome, count] : f.measured.kinds[i].outcomes)
      if (outcome != "ok")
        fmt::format_to(out, "{}: {} {} × {}\n", is_error(r.what, outcome) ? "error" : "allowed", f.kinds[i], outcome,
                       count);
  if (f.grants > 0)
    fmt::format_to(out, "{} allocations were acknowledged, the listing was compared {} time{}: {} violation{}\n",
                   f.grants, f.looks, f.looks == 1 ? "" : "s", f.violation_count, f.violation_count == 1 ? "" : "s");
  if (f.in_doubt > 0)
    fmt::format_to(out, "{} allocate requests got no whole reply; {} allocations of these were found and given back\n",
                   f.in_doubt, f.recovered);
  if (f.left_behind > 0) fmt::format_to(out, "{} allocations were not confirmed as given back\n", f.left_behind);
  fmt::format_to(out, "The generator took {:.0f} % of one processor.\n", r.cpu_share * 100);
  return text;
}

}  // namespace lode::bench
