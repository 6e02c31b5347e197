// Checks a container's description before an engine sees it.

#include "miner/docker_engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace lode::miner {

namespace {

constexpr std::int64_t smallest_memory = 6 * 1024 * 1024;  // Docker refuses less

bool is_word(std::string_view s, std::string_view also, std::size_t longest) {
  if (s.empty() || s.size() > longest || std::isalnum(static_cast<unsigned char>(s.front())) == 0) return false;
  return std::all_of(s.begin(), s.end(), [also](unsigned char c) {
    return (c < 0x80 && std::isalnum(c) != 0) || also.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

bool is_cpuset(std::string_view s) {
  while (!s.empty()) {
    const auto comma = std::min(s.find(','), s.size());
    const auto part = s.substr(0, comma);
    const auto dash = std::min(part.find('-'), part.size());
    std::array<std::string_view, 2> ends{part.substr(0, dash), dash < part.size() ? part.substr(dash + 1) : "0"};
    for (const auto end : ends) {
      unsigned n = 0;
      const auto [stop, ec] = std::from_chars(end.data(), end.data() + end.size(), n);
      if (ec != std::errc{} || stop != end.data() + end.size() || n > 8191) return false;
    }
    if (comma == s.size()) return true;
    s.remove_prefix(comma + 1);
  }
  return false;
}

error bad(std::string what) { return {errc::bad_request, std::move(what)}; }

}  // namespace

result<void> check_spec(const container_spec& spec) {
  constexpr std::array policies{"no", "on-failure", "unless-stopped", "always"};
  const auto& l = spec.limits;
  if (!is_word(spec.name, "_.-", 128)) return bad("container name");
  if (!is_word(spec.image, "_.-/:@", 255)) return bad("image name");
  if (!is_word(spec.hostname, "-.", 63)) return bad("hostname");
  if (l.memory < smallest_memory) return bad(fmt::format("memory below {} bytes", smallest_memory));
  if (l.shm <= 0 || l.shm > l.memory) return bad("shm is not between 1 and the memory");
  if (l.pids < 1 || l.pids > 4194304) return bad("pids limit");
  if (l.open_files < 64 || l.processes < 1) return bad("ulimits");
  if (!l.cpuset.empty() && !is_cpuset(l.cpuset)) return bad("cpuset");
  if (l.nano_cpus < 0) return bad("nano_cpus");
  if (std::find(policies.begin(), policies.end(), spec.restart_policy) == policies.end()) return bad("restart policy");
  for (const auto& c : spec.capabilities) {
    if (!is_word(c, "_", 40)) return bad("capability");
  }
  for (const auto& d : spec.gpu_devices) {
    if (!d.starts_with("/dev/") || d.find("..") != std::string::npos) return bad("device path");
  }
  if (spec.port) {
    if (!spec.network) return bad("a port without a network");
    if (spec.port->host == 0 || spec.port->container == 0) return bad("port 0");
  }
  for (const auto& [key, value] : spec.labels) {
    if (key.empty() || key.size() > 128 || value.size() > 512) return bad("label");
  }
  return {};
}

}  // namespace lode::miner
