// lode-bench compare, lode-bench plot: on saved reports.
#include "bench/load/compare.hpp"
#include "bench/load/program.hpp"
#include "bench/load/saved_report.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lode::bench {
namespace {

result<saved_run> load_run(const std::string& path) {
  const auto text = read_whole_file(path);
  if (!text) return text.error();
  auto run = read_run(*text);
  if (!run) return error{run.error().code, path + ": " + run.error().detail};
  return run;
}

}  // namespace

int compare_command(const std::vector<std::string>& args) {
  std::string before, after, form = "text";
  compare_options o;
  CLI::App app{"Says what is different in B.json, beyond noise, from A.json: reports that --report wrote.",
               "lode-bench compare"};
  app.add_option("A", before, "Report of the run before")->required();
  app.add_option("B", after, "Report of the run after")->required();
  app.add_option("-o,--output", form, "text or json")->check(CLI::IsMember({"text", "json"}))->capture_default_str();
  double percent = o.threshold * 100;
  app.add_option("--threshold", percent, "Changes of fewer percent do not count")
      ->check(CLI::Range(0.0, 1000.0))
      ->capture_default_str();
  app.add_flag("--anyway", o.anyway, "Compare different loads, too");
  app.footer(compare_rule);
  if (const auto status = parse(app, args)) return *status;
  o.threshold = percent / 100;
  const auto a = load_run(before);
  if (!a) return complain(a.error());
  const auto b = load_run(after);
  if (!b) return complain(b.error());
  if (a->machine != b->machine)
    fmt::print(stderr, "lode-bench: different machines: {} and {}\n", a->machine, b->machine);
  const auto all = compare(*a, *b, o);
  if (!all) return complain(all.error());
  fmt::print("{}", form == "json" ? comparison_json(*all) : comparison_text(*all));
  const bool worse = std::any_of(all->begin(), all->end(), [](const auto& c) { return c.is == verdict::worse; });
  return worse ? exit_failed : exit_fine;
}

int plot_command(const std::vector<std::string>& args) {
  std::string file, folder;
  CLI::App app{"Draws a saved report: latency.svg, throughput.svg, and saturation.svg where the load changed.",
               "lode-bench plot"};
  app.add_option("FILE", file, "What --report wrote, of a run or of a sweep")->required();
  app.add_option("DIR", folder, "Where the plots go; it is made")->required();
  if (const auto status = parse(app, args)) return *status;
  const auto text = read_whole_file(file);
  if (!text) return complain(text.error());
  return draw_report(*text, folder);
}

}  // namespace lode::bench
