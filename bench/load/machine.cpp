#include "bench/load/machine.hpp"

#include "lode_bench_commit.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <thread>
#include <unistd.h>

namespace lode::bench {
namespace {

// What is open beside the connections: terminals, files, the threads' own.
constexpr rlim_t other_files = 64;

std::string line_of(const std::string& file, std::string_view prefix) {
  std::ifstream in{file};
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(prefix)) continue;
    const std::size_t colon = line.find(':');
    const std::size_t first = line.find_first_not_of(" \t", colon == std::string::npos ? 0 : colon + 1);
    return first == std::string::npos ? std::string{} : line.substr(first);
  }
  return {};
}

}  // namespace

machine_facts look_at_machine() {
  machine_facts m;
  m.processors = std::thread::hardware_concurrency();
  m.model = line_of("/proc/cpuinfo", "model name");
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page = ::sysconf(_SC_PAGESIZE);
  if (pages > 0 && page > 0) m.memory_bytes = static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page);
  utsname name{};
  if (::uname(&name) == 0) m.kernel = fmt::format("{} {}", &name.sysname[0], &name.release[0]);
  double average = 0;
  if (::getloadavg(&average, 1) == 1) m.load_average = average;
  return m;
}

std::string describe(const machine_facts& m) {
  return fmt::format("{} × {}, {:.0f} GiB, {}", m.processors, m.model, static_cast<double>(m.memory_bytes) / (1 << 30),
                     m.kernel);
}

double processor_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

result<void> make_room_for(unsigned connections) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return {};
  const rlim_t wanted = connections + other_files;
  if (files.rlim_cur >= wanted) return {};
  const rlim_t hard = files.rlim_max;
  files.rlim_cur = std::min(wanted, hard);
  if (hard < wanted || ::setrlimit(RLIMIT_NOFILE, &files) != 0)
    return error{errc::config_invalid,
                 fmt::format("{} connections need {} open files, and this process may have {}: raise its limit (ulimit "
                             "-Hn, LimitNOFILE) or ask for fewer connections",
                             connections, wanted, hard)};
  return {};
}

std::string built_from() { return LODE_BENCH_COMMIT; }

std::string time_now() { return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))); }

}  // namespace lode::bench
