// micro: runs the cases whose instructions scripts/bench-guard counts.
//   micro --list           the cases with what they do
//   micro [CASE...]        runs them (all of them), each in a process of its own, and prints one line a case:
//                          name, process, operations. Under callgrind --toggle-collect=lode_micro_measured the counts
//                          of a process are those of its operations and of nothing else.

#include "bench/micro/micro.hpp"

#include "crypto/crypto.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>

using lode::micro::loop;
using lode::micro::micro_case;

// Callgrind finds it by this name. A function of its own that is not left by a jump.
extern "C" [[gnu::noinline]] void lode_micro_measured(const loop& run, std::size_t operations) {
  run(operations);
  asm volatile("" : : : "memory");
}

namespace lode::micro {

void must(bool holds, std::string_view what) {
  if (holds) return;
  fmt::print(stderr, "micro: {} failed\n", what);
  std::fflush(nullptr);
  ::_exit(1);
}

namespace {

std::string& scratch() {
  static std::string folder;
  return folder;
}

}  // namespace

const std::string& scratch_folder() {
  auto& folder = scratch();
  if (folder.empty()) {
    folder = (std::filesystem::temp_directory_path() / "lode-micro-XXXXXX").string();
    must(::mkdtemp(folder.data()) != nullptr, "making a folder for the case");
  }
  return folder;
}

namespace {

std::vector<micro_case> all_cases() {
  std::vector<micro_case> all;
  for (auto* part : {codec_cases, crypto_cases, http_cases, registry_cases, store_cases, wire_cases})
    std::ranges::move(part(), std::back_inserter(all));
  return all;
}

void run(const micro_case& c) {
  {
    const auto work = c.prepare();
    // What the first times cost (tables that are made, memory that is asked for) is no part of an operation.
    work(std::max<std::size_t>(c.operations / 4, 2));
    lode_micro_measured(work, c.operations);
  }
  fmt::print("{}\t{}\t{}\n", c.name, ::getpid(), c.operations);
  std::fflush(stdout);
}

// A process of its own: what one case leaves in the heap is nothing to the next.
bool run_alone(const micro_case& c) {
  std::fflush(nullptr);
  const auto child = ::fork();
  if (child == 0) {
    run(c);
    std::error_code ignored;
    if (!scratch().empty()) std::filesystem::remove_all(scratch(), ignored);
    ::_exit(0);
  }
  int status = 0;
  const bool ended = child > 0 && ::waitpid(child, &status, 0) == child;
  if (ended && WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
  fmt::print(stderr, "micro: {} did not run to its end\n", c.name);
  return false;
}

}  // namespace
}  // namespace lode::micro

int main(int argc, char** argv) {
  const std::vector<std::string_view> asked{argv + 1, argv + argc};
  const auto cases = lode::micro::all_cases();
  if (asked.size() == 1 && asked.front() == "--list") {
    for (const auto& c : cases) fmt::print("{}\t{}\n", c.name, c.what);
    return 0;
  }
  for (const auto name : asked) {
    if (std::ranges::find(cases, name, &micro_case::name) != cases.end()) continue;
    fmt::print(stderr, "micro: there is no case {}; --list names them\n", name);
    return 2;
  }
  spdlog::set_level(spdlog::level::off);
  lode::micro::must(static_cast<bool>(lode::crypto::init()), "libsodium");
  bool good = true;
  for (const auto& c : cases)
    if (asked.empty() || std::ranges::find(asked, c.name) != asked.end()) good = lode::micro::run_alone(c) && good;
  return good ? 0 : 1;
}
