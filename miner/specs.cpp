#include "miner/specs.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sched.h>
#include <sstream>
#include <sys/resource.h>
#include <sys/statvfs.h>

namespace lode::miner {

namespace json = boost::json;

namespace {

constexpr std::int64_t mib = 1 << 20;

error cannot(std::string_view what) { return {errc::internal, fmt::format("cannot read {}", what)}; }

std::vector<int> own_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> out;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return out;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &set)) out.push_back(i);
  }
  return out;
}

// Value in bytes of a line such as "MemTotal:  16384 kB".
std::int64_t meminfo(const std::string& text, std::string_view key) {
  std::istringstream lines{text};
  std::string name;
  std::int64_t kib = 0;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields{line};
    if (fields >> name >> kib && name == key) return kib * 1024;
  }
  return 0;
}

std::string read_file(const char* path) {
  std::ifstream in{path};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::string cpu_model() {
  std::istringstream lines{read_file("/proc/cpuinfo")};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("model name")) continue;
    const auto colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::int64_t hard_limit(__rlimit_resource_t resource) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0) return 0;
  return limit.rlim_max == RLIM_INFINITY ? INT64_MAX : static_cast<std::int64_t>(limit.rlim_max);
}

}  // namespace

result<machine> look_at_machine(const std::string& disk_path, std::vector<gpu> gpus) {
  machine m;
  m.capacity.cpus = own_cpus();
  if (m.capacity.cpus.empty()) return cannot("the CPU affinity");
  m.cpu_model = cpu_model();
  const auto memory = read_file("/proc/meminfo");
  m.ram_total = meminfo(memory, "MemTotal:");
  m.ram_available = meminfo(memory, "MemAvailable:");
  if (m.ram_total == 0) return cannot("/proc/meminfo");
  m.capacity.memory = m.ram_total;
  struct statvfs disk {};
  if (::statvfs(disk_path.c_str(), &disk) != 0) return cannot(disk_path);
  m.disk_total = static_cast<std::int64_t>(disk.f_blocks * disk.f_frsize);
  m.disk_free = static_cast<std::int64_t>(disk.f_bavail * disk.f_frsize);
  m.capacity.max_open_files = hard_limit(RLIMIT_NOFILE);
  m.capacity.max_processes = hard_limit(RLIMIT_NPROC);
  if (m.capacity.max_open_files == 0 || m.capacity.max_processes == 0) return cannot("the resource limits");
  m.gpus = std::move(gpus);
  m.capacity.gpu_devices = gpu_device_nodes(m.gpus);
  m.capacity.gpu_count = static_cast<std::int64_t>(m.gpus.size());
  return m;
}

std::string specs_json(const machine& m, bool engine_answers) {
  json::array details;
  std::int64_t together = 0;
  for (const auto& g : m.gpus) {
    const auto capacity = g.memory_bytes / mib;
    together += capacity;
    details.push_back(json::object{{"name", g.name}, {"capacity", capacity}});
  }
  json::object out;
  out["cpu"] = json::object{{"count", m.capacity.cpus.size()}, {"model", m.cpu_model}};
  out["gpu"] = json::object{{"count", m.gpus.size()}, {"capacity", together}, {"details", std::move(details)}};
  out["ram"] = json::object{{"total", m.ram_total}, {"available", m.ram_available}};
  out["hard_disk"] = json::object{{"total", m.disk_total}, {"free", m.disk_free}};
  out["has_docker"] = engine_answers;
  return json::serialize(out);
}

}  // namespace lode::miner
