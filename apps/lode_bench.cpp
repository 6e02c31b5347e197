// lode-bench: a load generator for loded and the original RegisterAPI, which checks while it measures. See
// bench/README.md.

#include "bench/load/program.hpp"

#include <fmt/format.h>

#include <exception>

int main(int argc, char** argv) {
  try {
    return lode::bench::run_program(argc, argv);
  } catch (const std::exception& e) {
    fmt::print(stderr, "lode-bench: {}\n", e.what());
    return lode::bench::exit_failed;
  }
}
