// lode-bench run, lode-bench list
#include "bench/load/flags.hpp"
#include "bench/load/program.hpp"

#include <fmt/format.h>

#include <cstdio>

namespace lode::bench {

int run_command(const std::vector<std::string>& args) {
  scenario_flags a;
  server_flags flags;
  CLI::App app{"Makes a load and measures it, checking every reply.", "lode-bench run"};
  add_scenario_flags(app, a);
  add_level_flags(app, a);
  add_flags(app, flags);
  app.footer(exit_help);
  if (const auto status = parse(app, args)) return *status;
  const auto s = scenario_of(a);
  if (!s) return complain(s.error());
  if (const auto fits = make_room_for(connections_of(*s)); !fits) return complain(fits.error());
  server_under_load server;
  if (const auto ready = server.prepare(flags, *s); !ready) return complain(ready.error());
  const run_report r = run_scenario(*s, server, flags, options_of(a, *s, flags.threads), "");
  fmt::print("{}", flags.json ? summary_json(r) + "\n" : report_text(r));
  std::fflush(stdout);
  int status = judge(r);
  if (!save(flags, report_json(r))) status = exit_failed;
  if (!server.stop()) status = exit_failed;
  return status;
}

int list_command(const std::vector<std::string>& args) {
  std::string name;
  CLI::App app{"Lists the scenarios that come with the program, or prints one, as a start for one of your own.",
               "lode-bench list"};
  app.add_option("NAME", name, "Prints this one");
  if (const auto status = parse(app, args)) return *status;
  for (const auto& [one, text] : built_in_scenarios()) {
    if (name == one) {
      fmt::print("{}", text);
      return exit_fine;
    }
    const auto s = parse_scenario(text, std::string{one} + ".toml");
    if (name.empty()) fmt::print("{:<16} {}\n", one, s ? s->summary : s.error().detail);
  }
  if (name.empty()) return exit_fine;
  fmt::print(stderr, "lode-bench: no scenario is named {}\n", name);
  return exit_arguments;
}

}  // namespace lode::bench
