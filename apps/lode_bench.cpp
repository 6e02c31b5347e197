// lode-bench: a load generator for loded. Workers allocate any miner and give it back, each reply checked, and what
// that took is reported. With `--scenario get` they ask for one path instead, of any HTTP server.
//
// Exit: 0 every reply was right; 1 the server answered what it must never answer, or went away, or nothing was
// measured; 2 bad arguments; 3 measured, but some requests were answered with an error or not at all; 130 after Ctrl-C.

#include "bench/load/load.hpp"
#include "bench/load/report.hpp"
#include "bench/load/rest.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

namespace {

namespace asio = boost::asio;
namespace bench = lode::bench;

constexpr int exit_failed = 1;
constexpr int exit_arguments = 2;
constexpr int exit_errors = 3;
constexpr int exit_interrupted = 130;
constexpr unsigned ticks_a_line = 5;

struct arguments {
  std::string url = "http://127.0.0.1:8903";
  std::string kind = "pairs";
  std::string path = "/healthz";
  std::string method = "GET";
  unsigned concurrency = 32;
  double seconds = 10;
  std::uint64_t count = 0;
  double warmup = 1;
  double hold_ms = 0;
  double timeout = 30;
  bool json = false;
};

void describe(CLI::App& app, arguments& a) {
  app.add_option("--url", a.url, "the server, http://HOST:PORT")->capture_default_str();
  app.add_option("--scenario", a.kind, "pairs: allocate and deallocate in turn; get: GET --path in turn")
      ->check(CLI::IsMember({"pairs", "get"}))
      ->capture_default_str();
  app.add_option("--path", a.path, "what --scenario get asks for")->capture_default_str();
  app.add_option("--method", a.method, "how --scenario get asks: the listings want POST")
      ->check(CLI::IsMember({"GET", "POST"}))
      ->capture_default_str();
  app.add_option("--concurrency", a.concurrency, "workers, each with a connection and one request at a time")
      ->check(CLI::Range(1U, 10'000U))
      ->capture_default_str();
  auto* seconds =
      app.add_option("--seconds", a.seconds, "how long to measure")->check(CLI::Range(0.1, 1e6))->capture_default_str();
  app.add_option("--pairs,--requests", a.count, "measure this many instead")
      ->check(CLI::PositiveNumber)
      ->excludes(seconds);
  app.add_option("--warmup-seconds", a.warmup, "what is done before is not measured")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  app.add_option("--hold-ms", a.hold_ms, "how long a worker keeps an allocation before it gives it back")
      ->check(CLI::Range(0.0, 3.6e6))
      ->capture_default_str();
  app.add_option("--timeout-seconds", a.timeout, "deadline of one request")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  app.add_flag("--json", a.json, "one line of JSON instead of a report");
  app.footer(
      "Exit status: 0 every reply was right; 1 the server answered what it must never answer (one miner to two "
      "workers,\n"
      "a success that is none, an allocation that is not there), went away, or nothing was measured; 2 bad arguments;\n"
      "3 some requests were answered with an error; 130 ended by Ctrl-C, after giving back what was allocated.");
}

template <class Duration>
Duration time_of(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

lode::result<bench::load_options> options_of(const arguments& a, asio::io_context& io) {
  const auto url = bench::parse_base_url(a.url);
  if (!url) return lode::error{url.error().code, "--url: " + url.error().detail};
  if (!a.path.starts_with('/') || a.path.find_first_of(" \r\n") != std::string::npos)
    return lode::error{lode::errc::config_invalid, "--path: expected a path such as /healthz, got " + a.path};
  bench::load_options o;
  boost::system::error_code ec;
  asio::ip::tcp::resolver names{io};
  const auto found = names.resolve(url->host, url->port, ec);
  if (ec || found.empty()) return lode::error{lode::errc::config_invalid, "--url: " + url->host + ": " + ec.message()};
  // A name such as localhost may have addresses of which only one is listened on.
  asio::ip::tcp::socket probe{io};
  o.peer = asio::connect(probe, found, ec);
  if (ec) return lode::error{lode::errc::not_ready, "no server at " + a.url + ": " + ec.message()};
  o.kind = a.kind == "get" ? bench::scenario::get : bench::scenario::pairs;
  o.host = url->authority;
  o.path = a.path;
  o.method = a.method;
  o.concurrency = a.concurrency;
  o.warmup = time_of<std::chrono::nanoseconds>(a.warmup);
  o.count = a.count;
  o.duration = a.count > 0 ? std::chrono::nanoseconds{0} : time_of<std::chrono::nanoseconds>(a.seconds);
  o.hold = time_of<std::chrono::milliseconds>(a.hold_ms / 1000);
  o.timeout = time_of<std::chrono::milliseconds>(a.timeout);
  o.patience = o.timeout + std::chrono::seconds{1};
  return o;
}

double processor_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

void clear_progress(bool terminal) {
  if (terminal) fmt::print(stderr, "\r\x1b[K");
}

int run(const arguments& a) {
  asio::io_context io{1};
  const auto options = options_of(a, io);
  if (!options) {
    fmt::print(stderr, "lode-bench: {}\n", options.error().detail);
    return options.error() == lode::errc::config_invalid ? exit_arguments : exit_failed;
  }
  bench::load load{io, *options};

  bool interrupted = false;
  asio::signal_set signals{io, SIGINT, SIGTERM};
  signals.async_wait([&](const boost::system::error_code& ec, int) {
    if (ec) return;
    interrupted = true;
    load.stop();
    signals.async_wait([&](const boost::system::error_code& again, int) {
      if (!again) load.abandon();
    });
  });

  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  unsigned ticks = 0;
  const auto began = bench::clock::now();
  const double used_before = processor_seconds();
  load.start(
      [&](const bench::figures& f) {
        if (terminal && ++ticks % ticks_a_line == 0)
          fmt::print(stderr, "\r\x1b[K{}", bench::progress_line(*options, f));
      },
      [&] { signals.cancel(); });
  io.run();
  const double took = std::chrono::duration<double>(bench::clock::now() - began).count();
  const double cpu = (processor_seconds() - used_before) / took;
  clear_progress(terminal);

  const bench::figures& f = load.so_far();
  if (a.json) {
    fmt::print("{}\n", bench::report_json(*options, f, cpu));
  } else {
    fmt::print("{}", bench::report(*options, f, cpu));
  }
  if (!f.violation.empty()) fmt::print(stderr, "lode-bench: the server is wrong: {}\n", f.violation);
  if (!f.failure.empty()) fmt::print(stderr, "lode-bench: ended early: {}\n", f.failure);
  if (!f.violation.empty() || !f.failure.empty()) return exit_failed;
  if (interrupted) return exit_interrupted;
  if (f.done == 0) {
    fmt::print(stderr, "lode-bench: nothing was measured\n");
    return exit_failed;
  }
  return f.errors.empty() ? 0 : exit_errors;
}

}  // namespace

int main(int argc, char** argv) {
  arguments a;
  CLI::App app{
      "Load generator for loded: allocates and deallocates in a closed loop, checks every reply, reports times."};
  describe(app, a);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : exit_arguments;
  }
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return run(a);
  } catch (const std::exception& e) {
    fmt::print(stderr, "lode-bench: {}\n", e.what());
    return exit_failed;
  }
}
