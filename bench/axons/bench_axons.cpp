// bench_axons: the axons of many miners in one process, for measuring loded's real link. Prints the address at which it
// answers GET /counts, and ends with SIGTERM. Exit status: 0 ended; 1 could not begin; 2 wrong arguments.

#include "bench/axons/fleet.hpp"
#include "crypto/crypto.hpp"
#include "miner/background.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>
#include <fstream>

namespace {

using lode::bench::fleet;

int complain(std::string_view text) {
  fmt::print(stderr, "bench_axons: {}\n", text);
  return 1;
}

std::string counts_of(const fleet& f) {
  const auto& c = f.counts();
  return fmt::format(
      R"({{"connections":{},"requests":{},"checks":{},"registers":{},"deregisters":{},"refused":{},"held":{}}})",
      f.connections(), f.requests(), c.checks, c.registers, c.deregisters, c.refused, f.held());
}

}  // namespace

int main(int argc, char** argv) {
  lode::bench::fleet_options options;
  std::int64_t latency_ms = 0;
  std::string miners;
  std::string keys = "x25519";
  CLI::App app{"Serves the Allocate synapse as many miners, each on a port of its own."};
  app.add_option("--count", options.count, "Miners")->check(CLI::Range(1, 30000))->capture_default_str();
  app.add_option("--port-base", options.port_base, "Their first port; 0: any free ones")->capture_default_str();
  app.add_option("--latency-ms", latency_ms, "Time that making or removing a container takes")
      ->check(CLI::Range(0, 600000))
      ->capture_default_str();
  app.add_option("--keys", keys, "rsa: as existing miners; x25519: both, as lode-miner")
      ->check(CLI::IsMember({"rsa", "x25519"}))
      ->capture_default_str();
  app.add_option("--validator", options.validator, "Hotkey that may call; without: whoever signs");
  app.add_option("--miners", miners, "Write the miners file for loded here")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  options.latency = std::chrono::milliseconds{latency_ms};
  options.takes_x25519 = keys == "x25519";
  spdlog::set_level(spdlog::level::warn);
  std::signal(SIGPIPE, SIG_IGN);
  if (const auto ready = lode::crypto::init(); !ready) return complain(ready.error().to_string());

  boost::asio::io_context io{1};
  const auto made = fleet::make(io, options);
  if (!made) return complain(made.error().detail);
  const auto& miners_at_work = **made;
  if (!(std::ofstream{miners} << miners_at_work.miners_file() << std::flush))
    return complain(miners + " cannot be written");

  const auto counts = lode::http::start_server(
      io, "127.0.0.1:0",
      [&miners_at_work](lode::http::request&) -> lode::http::task<lode::http::response> {
        co_return lode::http::response{200, counts_of(miners_at_work)};
      },
      [](unsigned status, std::string_view) {
        return lode::http::response{status, "{}"};
      });
  if (!counts) return complain(counts.error().detail);
  boost::asio::signal_set signals{io, SIGINT, SIGTERM};
  signals.async_wait([&io](const boost::system::error_code&, int) { io.stop(); });
  fmt::print("listening on http://{}\n", (*counts)->address());
  std::fflush(stdout);
  return lode::miner::run_all(io) ? 0 : 1;
}
