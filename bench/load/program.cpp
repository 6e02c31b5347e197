#include "bench/load/program.hpp"

#include "bench/load/plots.hpp"

#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <unistd.h>

namespace lode::bench {
namespace {

namespace asio = boost::asio;

struct command {
  std::string_view name;
  std::string_view does;
  int (*run)(const std::vector<std::string>&);
};

constexpr std::array<command, 5> commands{{
    {"run", "makes a load and measures it (this is also what flags without a command do)", run_command},
    {"sweep", "more load step by step: where the server saturates", sweep_command},
    {"compare", "says what changed beyond noise between two reports", compare_command},
    {"plot", "draws a report as SVG", plot_command},
    {"list", "lists the scenarios that come with the program, or prints one", list_command},
}};

std::string overview() {
  std::string text =
      "Load generator for loded and for the original RegisterAPI. It checks while it measures.\n\n"
      "Usage: lode-bench [COMMAND] [FLAGS]\n\n";
  for (const auto& c : commands) text += fmt::format("  {:<8} {}\n", c.name, c.does);
  return text + "\n`lode-bench COMMAND --help` has the flags of each.\n\n" + exit_help + "\n";
}

/// Shows how a run goes on: on a terminal as one line that changes, elsewhere, if at all, as a line now and then.
class progress_display {
 public:
  progress_display(const std::string& how, const scenario& s, std::string name)
      : scenario_(s), name_(std::move(name)), terminal_(::isatty(STDERR_FILENO) == 1) {
    line_ = how == "line" || (how == "auto" && terminal_);
    plain_ = how == "plain";
  }
  ~progress_display() {
    if (line_ && shown_) fmt::print(stderr, "\r\x1b[K");
  }
  progress_display(const progress_display&) = delete;
  progress_display& operator=(const progress_display&) = delete;

  void operator()(const progress& now) {
    constexpr std::chrono::milliseconds between_lines{500};
    constexpr std::chrono::milliseconds between_plain_lines{5000};
    if (!line_ && !plain_) return;
    const auto time = clock::now();
    if (time - last_ < (line_ ? between_lines : between_plain_lines)) return;
    const double seconds = std::chrono::duration<double>(time - last_).count();
    const double rate = last_ == clock::time_point{} ? 0 : static_cast<double>(now.replies - replies_) / seconds;
    last_ = time;
    replies_ = now.replies;
    shown_ = true;
    const std::string text = name_ + progress_line(scenario_, now, rate);
    if (line_)
      fmt::print(stderr, "\r\x1b[K{}", text);
    else
      fmt::print(stderr, "{}\n", text);
    std::fflush(stderr);
  }

 private:
  const scenario& scenario_;
  std::string name_;
  bool terminal_;
  bool line_ = false, plain_ = false, shown_ = false;
  clock::time_point last_;
  std::uint64_t replies_ = 0;
};

result<std::string> read_key(const std::string& file) {
  if (file.empty()) {
    const char* key = std::getenv("LODE_KEY");
    return std::string{key == nullptr ? "" : key};
  }
  std::ifstream in{file};
  std::string key;
  if (!(in >> key)) return error{errc::config_invalid, "--api-key-file: no key in " + file};
  return key;
}

bool write_file(const std::string& path, const std::string& text) {
  std::ofstream out{path, std::ios::binary | std::ios::trunc};
  out << text;
  out.close();
  if (out) return true;
  fmt::print(stderr, "lode-bench: {} cannot be written\n", path);
  return false;
}

}  // namespace

const char* const exit_help =
    "Exit status: 0 every reply was right; 1 the server answered what it must never answer, went away, or nothing was\n"
    "measured; 2 wrong arguments; 3 measured, but some requests were answered with an error or not at all; 130 ended "
    "by\n"
    "Ctrl-C, after giving back what was allocated (a second Ctrl-C does not wait for that).";

void add_flags(CLI::App& app, server_flags& f) {
  app.add_option("--url", f.to.url,
                 "The server, http://HOST:PORT or https://HOST:PORT (default http://127.0.0.1:8903)");
  app.add_option("--ca", f.to.ca, "Trust certificates of this authority instead of the system's");
  app.add_option("--cert", f.to.cert, "Client certificate, with --key");
  app.add_option("--key", f.to.key, "Private key of --cert");
  app.add_flag("--insecure", f.to.insecure,
               "Any certificate will do, and an API key may go over plain HTTP to another machine");
  app.add_option("--api-key-file", f.api_key_file, "File with the API key (default: the environment's LODE_KEY)");
  app.add_option(
      "--start-loded", f.start_loded,
      "Start this loded with what the scenario's [server] says, on fresh storage and a free port, and stop it "
      "at the end");
  app.add_option("--server", f.settings, "NAME=VALUE: a setting of --start-loded, such as miners.simulated=10000");
  app.add_option("--threads", f.threads, "Threads that make the load, each with its share of the connections")
      ->check(CLI::Range(1U, 256U))
      ->capture_default_str();
  app.add_option("--progress", f.progress, "auto, line (one that changes), plain (a line every 5 s), off")
      ->check(CLI::IsMember({"auto", "line", "plain", "off"}))
      ->capture_default_str();
  app.add_flag("--json", f.json, "One line of JSON instead of the table");
  app.add_option("--report", f.report_file, "Write the whole report to this file, as JSON");
  app.add_option("--svg", f.svg_folder, "Draw the report into this folder");
}

result<void> server_under_load::prepare(const server_flags& f, const scenario& s) {
  target_options to = f.to;
  auto key = read_key(f.api_key_file);
  if (!key) return key.error();
  to.api_key = std::move(*key);
  insecure_ = to.insecure;
  if (to.url.empty()) to.url = s.url;
  for (auto [own, file] : {std::pair{&to.ca, &s.ca}, {&to.cert, &s.cert}, {&to.key, &s.key}})
    if (own->empty() && !s.url.empty()) *own = *file;
  auto settings = s.server;
  for (const auto& one : f.settings) {
    const std::size_t at = one.find('=');
    if (at == std::string::npos) return error{errc::config_invalid, "--server: expected NAME=VALUE, got " + one};
    const std::string name = one.substr(0, at);
    settings.erase(std::remove_if(settings.begin(), settings.end(), [&](const auto& p) { return p.first == name; }),
                   settings.end());
    settings.emplace_back(name, one.substr(at + 1));
  }
  if (!f.start_loded.empty()) {
    if (!f.to.url.empty()) return error{errc::config_invalid, "--url and --start-loded exclude each other"};
    if (auto started = own_.start(f.start_loded, settings); !started) return started;
    to.url = own_.url();
  } else if (to.url.empty()) {
    to.url = "http://127.0.0.1:8903";
  }
  if (to.insecure)
    fmt::print(stderr, "lode-bench: --insecure: whoever answers at {} is taken for the server\n", to.url);
  auto reached = reach(to);
  if (!reached) return reached.error();
  target_ = std::move(*reached);
  return {};
}

bool server_under_load::stop() {
  const auto how = own_.stop();
  if (!how.empty()) fmt::print(stderr, "lode-bench: the loded that was started: {}\n", how);
  return how.empty();
}

run_report run_scenario(const scenario& s, const server_under_load& server, const server_flags& f,
                        const load_options& options, const std::string& name) {
  run_report r;
  r.what = s;
  r.url = server.where().url;
  r.insecure = server.insecure();
  r.threads = options.threads;
  r.began = time_now();
  r.machine = look_at_machine();
  load l{s, server.where(), options};
  asio::signal_set signals{l.io(), SIGINT, SIGTERM};
  signals.async_wait([&](const boost::system::error_code& ec, int) {
    if (ec) return;
    l.stop();
    signals.async_wait([&](const boost::system::error_code& again, int) {
      if (!again) l.abandon();
    });
  });
  const auto began = clock::now();
  const double used_before = processor_seconds();
  {
    progress_display display{f.progress, s, name};
    r.f = l.run([&](const progress& now) { display(now); });
  }
  r.cpu_share = (processor_seconds() - used_before) / std::chrono::duration<double>(clock::now() - began).count();
  return r;
}

int judge(const run_report& r, bool must_measure) {
  for (const auto& v : r.f.violations) fmt::print(stderr, "lode-bench: the server is wrong: {}\n", v);
  if (r.f.violation_count > r.f.violations.size())
    fmt::print(stderr, "lode-bench: … and {} more of that\n", r.f.violation_count - r.f.violations.size());
  if (!r.f.failure.empty()) fmt::print(stderr, "lode-bench: {}\n", r.f.failure);
  if (!r.f.violations.empty() || !r.f.failure.empty()) return exit_failed;
  if (r.f.interrupted) return exit_interrupted;
  if (must_measure && r.f.measured.pairs == 0 &&
      std::all_of(r.f.measured.kinds.begin(), r.f.measured.kinds.end(),
                  [](const kind_statistics& k) { return k.completed == 0; })) {
    fmt::print(stderr, "lode-bench: nothing was measured\n");
    return exit_failed;
  }
  return has_errors(r) ? exit_errors : exit_fine;
}

std::optional<int> parse(CLI::App& app, const std::vector<std::string>& args) {
  std::vector<std::string> reversed(args.rbegin(), args.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? exit_fine : exit_arguments;
  }
  return std::nullopt;
}

bool save(const server_flags& f, const std::string& report) {
  bool fine = f.report_file.empty() || write_file(f.report_file, report);
  if (!f.svg_folder.empty() && draw_report(report, f.svg_folder) != exit_fine) fine = false;
  return fine;
}

int draw_report(const std::string& report, const std::string& folder) {
  const auto plots = plots_of_report(report);
  if (!plots) return complain(plots.error());
  std::error_code ec;
  std::filesystem::create_directories(folder, ec);
  for (const auto& [name, svg] : *plots)
    if (!write_file((std::filesystem::path{folder} / name).string(), svg)) return exit_failed;
  return exit_fine;
}

int complain(const error& e) {
  fmt::print(stderr, "lode-bench: {}\n", e.detail);
  return e == errc::config_invalid ? exit_arguments : exit_failed;
}

int run_program(int argc, char** argv) {
  std::vector<std::string> args(argv + 1, argv + argc);
  std::signal(SIGPIPE, SIG_IGN);
  if (!args.empty() && (args[0] == "--help" || args[0] == "-h" || args[0] == "help")) {
    fmt::print("{}", overview());
    return exit_fine;
  }
  if (!args.empty() && args[0] == "--version") {
    fmt::print("lode-bench {}\n", built_from());
    return exit_fine;
  }
  for (const auto& c : commands) {
    if (args.empty() || args[0] != c.name) continue;
    args.erase(args.begin());
    return c.run(args);
  }
  if (!args.empty() && !args[0].starts_with('-')) {
    fmt::print(stderr, "lode-bench: no command is named {}; see lode-bench --help\n", args[0]);
    return exit_arguments;
  }
  return run_command(args);
}

}  // namespace lode::bench
