#include "bench/load/report.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace lode::bench {
namespace {

namespace json = boost::json;

double ms(nanoseconds t) { return std::chrono::duration<double, std::milli>(t).count(); }
double rounded(double value) { return std::round(value * 10'000) / 10'000; }
double rate(std::uint64_t n, double seconds) {
  return seconds > 0 ? std::round(static_cast<double>(n) / seconds * 100) / 100 : 0;
}

json::object times(const histogram& h) {
  return {{"count", h.count()},
          {"mean_ms", rounded(ms(h.mean()))},
          {"p50_ms", rounded(ms(h.percentile(0.50)))},
          {"p90_ms", rounded(ms(h.percentile(0.90)))},
          {"p95_ms", rounded(ms(h.percentile(0.95)))},
          {"p99_ms", rounded(ms(h.percentile(0.99)))},
          {"p999_ms", rounded(ms(h.percentile(0.999)))},
          {"max_ms", rounded(ms(h.max()))}};
}

json::object times_with_buckets(const histogram& h) {
  json::object all = times(h);
  all["max_ns"] = h.max().count();
  json::array buckets;
  for (const auto& [last, count] : h.filled()) buckets.push_back(json::array{last, count});
  all["buckets"] = std::move(buckets);
  return all;
}

json::object errors_of(const run_report& r) {
  json::object errors;
  for (std::size_t i = 0; i < r.f.kinds.size(); ++i)
    for (const auto& [outcome, count] : r.f.measured.kinds[i].outcomes)
      if (outcome != "ok") errors[fmt::format("{} {}", r.f.kinds[i], outcome)] = count;
  return errors;
}

std::uint64_t completed(const figures& f) {
  std::uint64_t all = 0;
  for (const auto& k : f.measured.kinds) all += k.completed;
  return all;
}

std::uint64_t unsent(const figures& f) {
  std::uint64_t all = 0;
  for (const auto& k : f.measured.kinds)
    if (const auto at = k.outcomes.find("unsent"); at != k.outcomes.end()) all += at->second;
  return all;
}

json::object scenario_json(const run_report& r) {
  const scenario& s = r.what;
  json::array phases;
  for (const phase& p : s.phases)
    phases.push_back(json::object{{"kind", to_string(p.kind)},
                                  {"seconds", p.seconds},
                                  {"from", p.from},
                                  {"to", p.kind == phase_kind::constant ? p.from : p.to},
                                  {"what", describe(p)}});
  json::array mix;
  for (const mix_entry& e : s.mix) {
    json::object one{{"op", to_string(e.op)}, {"weight", e.weight}};
    if (rents(e.op)) one["hold"] = json::array{e.hold.least, e.hold.most};
    if (!e.path.empty()) one["path"] = e.path;
    if (!e.name.empty()) one["name"] = e.name;
    mix.push_back(std::move(one));
  }
  json::object server;
  for (const auto& [name, value] : s.server) server[name] = value;
  return {{"name", s.name},
          {"mode", s.mode == loop::open ? "open" : "closed"},
          {"arrivals", s.mode == loop::closed                  ? "none"
                       : s.process == arrival_process::poisson ? "poisson"
                                                               : "constant"},
          {"seed", s.seed},
          {"warmup_seconds", s.warmup},
          {"think", json::array{s.think.least, s.think.most}},
          {"connections", connections_of(s)},
          {"deadline_ms", s.deadline.count()},
          {"threads", r.threads},
          {"phases", std::move(phases)},
          {"mix", std::move(mix)},
          {"server", std::move(server)}};
}

json::object series_json(const figures& f) {
  json::array offered, ok, errors, missed, in_flight, waiting, p50, p99, max;
  std::vector<json::array> kind_ok(f.kinds.size()), kind_p50(f.kinds.size()), kind_p99(f.kinds.size());
  for (const second_of& s : f.measured.seconds) {
    offered.push_back(s.offered);
    ok.push_back(s.ok);
    errors.push_back(s.errors);
    missed.push_back(s.unsent);
    in_flight.push_back(s.in_flight);
    waiting.push_back(s.waiting);
    const histogram all = together(s.kinds);
    p50.push_back(rounded(ms(all.percentile(0.5))));
    p99.push_back(rounded(ms(all.percentile(0.99))));
    max.push_back(rounded(ms(all.max())));
    for (std::size_t k = 0; k < f.kinds.size(); ++k) {
      const histogram one = together({s.kinds[k]});
      kind_ok[k].push_back(s.kinds[k].ok);
      kind_p50[k].push_back(rounded(ms(one.percentile(0.5))));
      kind_p99[k].push_back(rounded(ms(one.percentile(0.99))));
    }
  }
  json::object kinds;
  for (std::size_t k = 0; k < f.kinds.size(); ++k)
    kinds[f.kinds[k]] = json::object{
        {"ok", std::move(kind_ok[k])}, {"p50_ms", std::move(kind_p50[k])}, {"p99_ms", std::move(kind_p99[k])}};
  return {{"offered", std::move(offered)}, {"ok", std::move(ok)},
          {"errors", std::move(errors)},   {"unsent", std::move(missed)},
          {"p50_ms", std::move(p50)},      {"p99_ms", std::move(p99)},
          {"max_ms", std::move(max)},      {"in_flight", std::move(in_flight)},
          {"waiting", std::move(waiting)}, {"kinds", std::move(kinds)}};
}

}  // namespace

std::string summary_json(const run_report& r) {
  const figures& f = r.f;
  const level_curve curve{r.what.phases, 0};
  json::object all{{"name", r.what.name},
                   {"mode", r.what.mode == loop::open ? "open" : "closed"},
                   {"concurrency", r.what.mode == loop::open ? connections_of(r.what)
                                                             : static_cast<unsigned>(std::ceil(curve.peak()))},
                   {"seconds", rounded(f.seconds)}};
  if (rents(r.what)) {
    all["pairs"] = f.measured.pairs;
    all["pairs_per_second"] = rate(f.measured.pairs, f.seconds);
  }
  all["requests"] = completed(f);
  all["requests_per_second"] = rate(completed(f), f.seconds);
  all["offered_per_second"] = rate(f.offered, f.seconds);
  for (std::size_t i = 0; i < f.kinds.size(); ++i) {
    const auto ok = f.measured.kinds[i].response.find("ok");
    if (ok == f.measured.kinds[i].response.end()) continue;
    json::object one = times(ok->second);
    one["per_second"] = rate(f.measured.kinds[i].completed, f.seconds);
    all[f.kinds[i]] = std::move(one);
  }
  all["errors"] = errors_of(r);
  all["unsent"] = unsent(f);
  all["in_doubt"] = f.in_doubt;
  all["left_behind"] = f.left_behind;
  all["generator_cpu"] = rounded(r.cpu_share);
  all["violation"] = f.violations.empty() ? std::string{} : f.violations.front();
  all["failure"] = f.failure;
  return json::serialize(all);
}

std::string report_json(const run_report& r) {
  const figures& f = r.f;
  json::object requests;
  for (std::size_t i = 0; i < f.kinds.size(); ++i) {
    const kind_statistics& k = f.measured.kinds[i];
    json::object outcomes;
    for (const auto& [outcome, count] : k.outcomes) outcomes[outcome] = count;
    json::object response;
    for (const auto& [outcome, h] : k.response) response[outcome] = times_with_buckets(h);
    requests[f.kinds[i]] = json::object{{"per_second", rate(k.completed, f.seconds)},
                                        {"completed", k.completed},
                                        {"outcomes", std::move(outcomes)},
                                        {"response", std::move(response)},
                                        {"service", times_with_buckets(k.service)},
                                        {"wait", times_with_buckets(k.wait)}};
  }
  json::array violations;
  for (const auto& v : f.violations) violations.emplace_back(v);
  const json::object all{{"schema", "lode-bench.run/1"},
                         {"commit", built_from()},
                         {"began", r.began},
                         {"machine",
                          {{"processors", r.machine.processors},
                           {"model", r.machine.model},
                           {"memory_bytes", r.machine.memory_bytes},
                           {"kernel", r.machine.kernel},
                           {"load_average", r.machine.load_average}}},
                         {"target", {{"url", r.url}, {"tls", r.url.starts_with("https:")}, {"insecure", r.insecure}}},
                         {"scenario", scenario_json(r)},
                         {"seconds", rounded(f.seconds)},
                         {"operations", f.operations},
                         {"offered", f.offered},
                         {"offered_per_second", rate(f.offered, f.seconds)},
                         {"done", f.done},
                         {"pairs", f.measured.pairs},
                         {"pairs_per_second", rate(f.measured.pairs, f.seconds)},
                         {"requests_per_second", rate(completed(f), f.seconds)},
                         {"unsent", unsent(f)},
                         {"errors", errors_of(r)},
                         {"requests", std::move(requests)},
                         {"series", series_json(f)},
                         {"checks",
                          {{"grants", f.grants},
                           {"listing_compared", f.looks},
                           {"violation_count", f.violation_count},
                           {"violations", std::move(violations)},
                           {"in_doubt", f.in_doubt},
                           {"recovered", f.recovered},
                           {"left_behind", f.left_behind}}},
                         {"generator_cpu", rounded(r.cpu_share)},
                         {"failure", f.failure},
                         {"interrupted", f.interrupted}};
  return json::serialize(all) + "\n";
}

}  // namespace lode::bench
