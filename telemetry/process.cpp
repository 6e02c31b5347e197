#include "telemetry/process.hpp"

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/resource.h>
#include <unistd.h>

namespace lode::telemetry {
namespace {

// Of /proc/self/stat, behind the name, whose closing parenthesis is the last one: fields 3 (state) and on.
std::array<double, 24> stat_fields() {
  std::array<double, 24> out{};
  std::ifstream file{"/proc/self/stat"};
  std::string line;
  if (!std::getline(file, line)) return out;
  std::istringstream rest{line.substr(line.rfind(')') + 1)};
  std::string state;
  rest >> state;
  for (std::size_t i = 1; i < out.size() && rest >> out[i]; ++i) {
  }
  return out;
}
constexpr std::size_t field(std::size_t number) { return number - 3; }  // as proc(5) numbers them

double boot_time() {
  std::ifstream file{"/proc/stat"};
  std::string word;
  double seconds = 0;
  while (file >> word)
    if (word == "btime" && file >> seconds) return seconds;
  return 0;
}

double open_descriptors() {
  std::error_code ec;
  double count = -1;  // the one that reads the folder
  for (std::filesystem::directory_iterator it{"/proc/self/fd", ec}, end; !ec && it != end; it.increment(ec)) ++count;
  return count < 0 ? 0 : count;
}

double cpu_seconds() {
  rusage use{};
  if (::getrusage(RUSAGE_SELF, &use) != 0) return 0;
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

}  // namespace

void watch_process(registry& r, const std::string& version) {
  r.make_gauge("lode_build_info", "Always 1; the labels name the version that runs.", {{"version", version}}).Set(1);
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
  r.make_gauge("process_start_time_seconds", "When the process started, in seconds since 1970.")
      .Set(boot_time() + stat_fields()[field(22)] / ticks);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    r.make_gauge("process_max_fds", "File descriptors that the process may have open.")
        .Set(static_cast<double>(limit.rlim_cur));
  auto& cpu = r.make_counter("process_cpu_seconds_total", "CPU time used, in user and in system mode.");
  auto& fds = r.make_gauge("process_open_fds", "File descriptors that are open.");
  auto& threads = r.make_gauge("process_threads", "Threads of the process.");
  auto& virt = r.make_gauge("process_virtual_memory_bytes", "Size of the address space.");
  auto& rss = r.make_gauge("process_resident_memory_bytes", "Memory of the process that is in RAM.");
  r.before_text([&, page] {
    const auto now = stat_fields();
    cpu.Increment(cpu_seconds() - cpu.Value());
    fds.Set(open_descriptors());
    threads.Set(now[field(20)]);
    virt.Set(now[field(23)]);
    rss.Set(now[field(24)] * page);
  });
}

}  // namespace lode::telemetry
