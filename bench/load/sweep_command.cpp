// lode-bench sweep
#include "bench/load/flags.hpp"
#include "bench/load/program.hpp"
#include "bench/load/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace lode::bench {
namespace {

struct sweep_flags {
  std::vector<double> rates, workers;
  double step_seconds = 4;
};

void add_sweep_flags(CLI::App& app, sweep_flags& f, sweep_options& o) {
  auto* rates = app.add_option("--rates", f.rates, "Exactly these arrivals a second: 100,200,400")
                    ->delimiter(',')
                    ->check(CLI::Range(0.1, 1e6));
  app.add_option("--workers", f.workers, "Exactly these numbers of workers, each in a closed loop: 1,2,4,8")
      ->delimiter(',')
      ->check(CLI::Range(1.0, 60'000.0))
      ->excludes(rates);
  app.add_flag(
      "--closed", [&o](std::int64_t) { o.open = false; }, "Find the workers that saturate, not the arrivals");
  app.add_option("--from", o.from, "First level (of workers: 1)")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--factor", o.factor, "Each step has so much more")
      ->check(CLI::Range(1.01, 100.0))
      ->capture_default_str();
  app.add_option("--most", o.most, "Last level")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--bisections", o.bisections, "Steps that look for the knee between two levels")
      ->check(CLI::Range(0, 20))
      ->capture_default_str();
  app.add_option("--step-seconds", f.step_seconds, "How long each step is measured; that at half twice as long")
      ->check(CLI::Range(0.2, 3600.0))
      ->capture_default_str();
  app.add_option("--shortfall", o.shortfall,
                 "Saturated: so much less is answered than was due (workers: so little more than before)")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--failures", o.failures, "Saturated, too: such a share of requests unsent or with an error")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
}

/// What a step came to. First requests are what arrives; those that follow from them are not counted as load.
sweep_step step_of(const run_report& r) {
  const figures& f = r.f;
  const request_kinds kinds{r.what};
  std::vector<bool> first(f.kinds.size());
  for (const std::size_t k : kinds.of_entry) first[k] = true;
  sweep_step s;
  histogram times;
  std::uint64_t all = 0, failed = 0;
  for (std::size_t k = 0; k < f.kinds.size(); ++k) {
    for (const auto& [outcome, count] : f.measured.kinds[k].outcomes) {
      all += count;
      if (is_error(r.what, outcome)) failed += count;
    }
    if (!first[k]) continue;
    s.achieved += static_cast<double>(f.measured.kinds[k].completed);
    if (const auto ok = f.measured.kinds[k].response.find("ok"); ok != f.measured.kinds[k].response.end())
      times.merge(ok->second);
  }
  if (f.seconds > 0) {
    s.achieved /= f.seconds;
    s.offered = static_cast<double>(f.offered) / f.seconds;
  }
  s.p50_ms = std::chrono::duration<double, std::milli>(times.percentile(0.5)).count();
  s.p99_ms = std::chrono::duration<double, std::milli>(times.percentile(0.99)).count();
  s.failed = all > 0 ? static_cast<double>(failed) / static_cast<double>(all) : 0;
  return s;
}

}  // namespace

int sweep_command(const std::vector<std::string>& args) {
  scenario_flags a;
  a.scenario = "saturation";
  server_flags flags;
  sweep_flags f;
  sweep_options o;
  CLI::App app{"Finds where a server saturates: more load step by step, the knee, the times at half of it.",
               "lode-bench sweep"};
  add_scenario_flags(app, a);
  add_sweep_flags(app, f, o);
  add_flags(app, flags);
  app.footer(exit_help);
  if (const auto status = parse(app, args)) return *status;
  if (!f.workers.empty()) o.open = false;
  o.levels = o.open ? f.rates : f.workers;
  if (!o.open && app.count("--from") == 0) o.from = 1;
  if (!o.open) o.most = std::min(o.most, 60'000.0);
  auto base = scenario_of(a);
  if (!base) return complain(base.error());
  server_under_load server;
  if (const auto ready = server.prepare(flags, *base); !ready) return complain(ready.error());

  int status = exit_fine;
  saved_sweep result;
  result.scenario = base->name;
  result.commit = built_from();
  result.began = time_now();
  result.machine = describe(look_at_machine());
  result.url = server.where().url;
  const auto knee_known = [&] { return result.saturation > 0; };
  sweep(
      o,
      [&](double level, sweep_step& step) {
        scenario s = *base;
        set_level(s, o.open ? loop::open : loop::closed, level);
        set_seconds(s, knee_known() ? f.step_seconds * 2 : f.step_seconds);
        if (const auto fits = make_room_for(connections_of(s)); !fits) {
          status = complain(fits.error());
          return false;
        }
        const auto r = run_scenario(s, server, flags, options_of(a, s, flags.threads),
                                    fmt::format("{:g} {} | ", level, o.open ? "due/s" : "workers"));
        step = step_of(r);
        step.level = level;
        const int judged = judge(r, false);
        // That a saturated server refuses is what is looked for.
        if (judged != exit_fine && judged != exit_errors) status = judged;
        return status == exit_fine;
      },
      result);
  const std::string report = sweep_json(result);
  fmt::print("{}", flags.json ? report : sweep_text(result));
  std::fflush(stdout);
  if (!save(flags, report)) status = exit_failed;
  if (!server.stop()) status = exit_failed;
  return status;
}

}  // namespace lode::bench
