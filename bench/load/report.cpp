#include "bench/load/report.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <utility>

namespace lode::bench {
namespace {

namespace json = boost::json;
using rows = std::array<std::pair<std::string_view, const histogram*>, 3>;

double ms(std::chrono::nanoseconds t) { return std::chrono::duration<double, std::milli>(t).count(); }
double seconds(std::chrono::nanoseconds t) { return std::chrono::duration<double>(t).count(); }
std::string_view unit(const load_options& o) { return o.kind == scenario::pairs ? "pairs" : "requests"; }
rows kinds(const figures& f) { return {{{"allocate", &f.allocate}, {"deallocate", &f.deallocate}, {"get", &f.get}}}; }

double rounded(double value) { return std::round(value * 1000) / 1000; }

json::object times(const histogram& h) {
  return {{"count", h.count()},
          {"p50_ms", rounded(ms(h.percentile(0.50)))},
          {"p95_ms", rounded(ms(h.percentile(0.95)))},
          {"p99_ms", rounded(ms(h.percentile(0.99)))},
          {"max_ms", rounded(ms(h.max()))}};
}

std::uint64_t all_errors(const figures& f) {
  std::uint64_t sum = 0;
  for (const auto& [reason, count] : f.errors) sum += count;
  return sum;
}

}  // namespace

double per_second(const figures& f) {
  return f.measured.count() > 0 ? static_cast<double>(f.done) / seconds(f.measured) : 0;
}

std::string progress_line(const load_options& o, const figures& f) {
  std::string line = f.measuring
                         ? fmt::format("{:.0f} s: {} {}, {:.0f}/s", seconds(f.measured), f.done, unit(o), per_second(f))
                         : std::string{"warming up"};
  if (const auto errors = all_errors(f); errors > 0) line += fmt::format(", {} errors", errors);
  return line;
}

std::string report(const load_options& o, const figures& f, double cpu_share) {
  std::string text = fmt::format("{} {} in {:.2f} s at concurrency {}: {:.0f} {}/s\n", f.done, unit(o),
                                 seconds(f.measured), o.concurrency, per_second(f), unit(o));
  auto out = std::back_inserter(text);
  for (const auto& [name, h] : kinds(f)) {
    if (h->count() == 0) continue;
    fmt::format_to(out, "  {:<11} p50 {:.2f} ms  p95 {:.2f} ms  p99 {:.2f} ms  max {:.2f} ms\n", name,
                   ms(h->percentile(0.50)), ms(h->percentile(0.95)), ms(h->percentile(0.99)), ms(h->max()));
  }
  for (const auto& [reason, count] : f.errors) fmt::format_to(out, "  error: {} × {}\n", reason, count);
  if (f.in_doubt > 0)
    fmt::format_to(out, "  {} allocate requests got no whole reply: the server may hold allocations of them\n",
                   f.in_doubt);
  if (f.left_behind > 0) fmt::format_to(out, "  {} allocations were not confirmed as given back\n", f.left_behind);
  fmt::format_to(out, "  the generator took {:.0f} % of one processor\n", cpu_share * 100);
  return text;
}

std::string report_json(const load_options& o, const figures& f, double cpu_share) {
  json::object all{{"name", unit(o)}, {"concurrency", o.concurrency}, {"seconds", rounded(seconds(f.measured))}};
  all[unit(o)] = f.done;
  all[fmt::format("{}_per_second", unit(o))] = std::round(per_second(f) * 10) / 10;
  for (const auto& [name, h] : kinds(f))
    if (h->count() > 0) all[name] = times(*h);
  json::object errors;
  for (const auto& [reason, count] : f.errors) errors[reason] = count;
  all["errors"] = std::move(errors);
  all["in_doubt"] = f.in_doubt;
  all["left_behind"] = f.left_behind;
  all["generator_cpu"] = rounded(cpu_share);
  all["violation"] = f.violation;
  all["failure"] = f.failure;
  return json::serialize(all);
}

}  // namespace lode::bench
