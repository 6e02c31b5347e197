#pragma once
// The commands of lode-bench.

#include "bench/load/load.hpp"
#include "bench/load/local_server.hpp"
#include "bench/load/report.hpp"
#include "messages/error.hpp"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lode::bench {

/// Exit statuses.
constexpr int exit_fine = 0;
constexpr int exit_failed = 1;
constexpr int exit_arguments = 2;
constexpr int exit_errors = 3;
constexpr int exit_interrupted = 130;
extern const char* const exit_help;

/// What to put under load, and how: flags that `run` and `sweep` share.
struct server_flags {
  target_options to;
  std::string api_key_file;
  std::string start_loded;            ///< program to start; empty: none
  std::vector<std::string> settings;  ///< NAME=VALUE of it
  unsigned threads = 1;
  std::string progress = "auto";
  bool json = false;
  std::string report_file;
  std::string svg_folder;
};
void add_flags(CLI::App& app, server_flags& f);

/// The server under load: one that runs, or one of our own.
class server_under_load {
 public:
  /// Starts what is to be started, and makes the first connection. The error is for a person.
  result<void> prepare(const server_flags& f, const scenario& s);
  [[nodiscard]] const target& where() const { return target_; }
  [[nodiscard]] bool insecure() const { return insecure_; }
  /// Ends what was started. False, with a line on standard error, when it did not end well.
  bool stop();

 private:
  local_server own_;
  target target_;
  bool insecure_ = false;
};

/// Runs the scenario to its end, with its line of progress, and minds Ctrl-C. `name` is shown before the progress.
run_report run_scenario(const scenario& s, const server_under_load& server, const server_flags& f,
                        const load_options& options, const std::string& name);

/// What is wrong with a run, on standard error, and the exit status that it makes. A run in which nothing was measured
/// is wrong only where something `must` be.
int judge(const run_report& r, bool must_measure = true);
/// Writes the report and its plots where the flags say so. False, with a line on standard error, when that failed.
bool save(const server_flags& f, const std::string& report);
/// Draws a report into a folder, which is made; an exit status.
int draw_report(const std::string& report, const std::string& folder);
/// The error on standard error, and the exit status it makes.
int complain(const error& e);

/// Parses; an exit status when there is nothing more to do.
std::optional<int> parse(CLI::App& app, const std::vector<std::string>& args);
/// Each takes the arguments behind its name.
int run_command(const std::vector<std::string>& args);
int sweep_command(const std::vector<std::string>& args);
int compare_command(const std::vector<std::string>& args);
int plot_command(const std::vector<std::string>& args);
int list_command(const std::vector<std::string>& args);

/// argv of main().
int run_program(int argc, char** argv);

}  // namespace lode::bench
