#include "bench/load/flags.hpp"

#include <algorithm>

namespace lode::bench {
namespace {

constexpr double usual_seconds = 10;
constexpr double endless = 86'400.0 * 30;
constexpr double usual_patience = 10;

std::chrono::milliseconds milliseconds_of(double seconds) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
}

}  // namespace

void add_scenario_flags(CLI::App& app, scenario_flags& a) {
  app.add_option("--scenario", a.scenario, "One that comes with the program (lode-bench list), or a file NAME.toml")
      ->capture_default_str();
  app.add_option("--arrivals", a.arrivals, "Of an open loop: poisson or constant")
      ->check(CLI::IsMember({"poisson", "constant"}));
  app.add_option("--warmup-seconds", a.warmup, "What is done before is not measured")->check(CLI::Range(0.0, 3600.0));
  app.add_option("--connections", a.connections, "Most connections at once")->check(CLI::Range(1U, 60'000U));
  app.add_option("--connect", a.connect, "at-start opens all of them before the first request; as-needed")
      ->check(CLI::IsMember({"at-start", "as-needed"}));
  app.add_option("--hold-ms", a.hold_ms, "How long an allocation is kept before it is given back")
      ->check(CLI::Range(0.0, 3.6e6));
  app.add_option("--think-ms", a.think_ms, "Pause of a closed loop's worker between two operations")
      ->check(CLI::Range(0.0, 3.6e6));
  app.add_option("--timeout-seconds", a.deadline, "Deadline of one request, and of its wait for a connection")
      ->check(CLI::Range(0.01, 3600.0));
  app.add_option("--patience-seconds", a.patience,
                 "A server that answers nothing for so long is gone (default: the deadline and a second, at least 10)")
      ->check(CLI::Range(0.01, 3600.0));
  app.add_option("--path", a.path, "What operations of the kind get ask for");
  app.add_option("--method", a.method, "How they ask: the listings want POST")->check(CLI::IsMember({"GET", "POST"}));
  app.add_option("--seed", a.seed, "Of everything random in the load")->check(CLI::NonNegativeNumber);
  app.add_option("--allow", a.allow, "An outcome that is no error, such as 503 or unsent");
  app.add_flag("--no-listing-check", a.no_listing, "Do not compare with /list/allocations_sql");
}

void add_level_flags(CLI::App& app, scenario_flags& a) {
  auto* workers = app.add_option("--concurrency", a.concurrency,
                                 "A closed loop of so many workers, each with one request at a time, instead of the "
                                 "scenario's phases")
                      ->check(CLI::Range(1U, 60'000U));
  app.add_option("--rate", a.rate, "An open loop of so many operations a second instead of the scenario's phases")
      ->check(CLI::Range(0.001, 1e6))
      ->excludes(workers);
  auto* seconds = app.add_option("--seconds", a.seconds,
                                 "How long to measure; phases of a scenario are stretched or shortened to it")
                      ->check(CLI::Range(0.1, 1e6));
  app.add_option("--pairs,--requests", a.count, "Measure so many whole operations instead")
      ->check(CLI::PositiveNumber)
      ->excludes(seconds);
}

void set_level(scenario& s, loop mode, double level) {
  s.mode = mode;
  // A closed loop has one connection a worker.
  if (mode == loop::closed) s.connections = 0;
  phase p;
  p.from = level;
  p.seconds = usual_seconds;
  s.phases = {p};
}

void set_seconds(scenario& s, double seconds) {
  const double now = level_curve{s.phases, 0}.seconds();
  for (auto& p : s.phases) {
    p.seconds *= seconds / now;
    p.peak_seconds *= seconds / now;
  }
}

result<scenario> scenario_of(const scenario_flags& a) {
  auto found = find_scenario(a.scenario);
  if (!found) return found;
  scenario& s = *found;
  if (a.concurrency > 0) set_level(s, loop::closed, a.concurrency);
  if (a.rate > 0) set_level(s, loop::open, a.rate);
  if (a.count > 0) set_seconds(s, endless);
  if (a.seconds > 0) set_seconds(s, a.seconds);
  if (a.warmup >= 0) s.warmup = a.warmup;
  if (a.connections > 0) s.connections = a.connections;
  if (!a.connect.empty()) s.open_at_start = a.connect == "at-start";
  if (!a.arrivals.empty()) s.process = a.arrivals == "poisson" ? arrival_process::poisson : arrival_process::constant;
  if (a.think_ms >= 0) s.think = {a.think_ms / 1000, a.think_ms / 1000};
  if (a.deadline > 0) s.deadline = milliseconds_of(a.deadline);
  if (a.seed >= 0) s.seed = static_cast<std::uint64_t>(a.seed);
  s.allow.insert(s.allow.end(), a.allow.begin(), a.allow.end());
  if (a.no_listing) s.check_listing = false;
  for (auto& e : s.mix) {
    if (a.hold_ms >= 0 && rents(e.op)) e.hold = {a.hold_ms / 1000, a.hold_ms / 1000};
    if (e.op != operation::get) continue;
    if (!a.path.empty()) e.path = a.path;
    if (!a.method.empty()) e.method = a.method;
  }
  if (!a.path.empty() && (!a.path.starts_with('/') || a.path.find_first_of(" \r\n") != std::string::npos))
    return error{errc::config_invalid, "--path: expected a path such as /healthz, got " + a.path};
  return found;
}

load_options options_of(const scenario_flags& a, const scenario& s, unsigned threads) {
  load_options options;
  options.threads = std::min(threads, connections_of(s));
  options.count = a.count;
  options.patience = a.patience > 0 ? milliseconds_of(a.patience)
                                    : std::max(milliseconds_of(usual_patience), s.deadline + milliseconds_of(1));
  return options;
}

}  // namespace lode::bench
