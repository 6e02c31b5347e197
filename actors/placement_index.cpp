#include "actors/placement_index.hpp"

#include <boost/algorithm/string/find.hpp>
#include <boost/algorithm/string/predicate.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace lode::actors {
namespace {
constexpr std::int64_t gib = 1024LL * 1024 * 1024;

bool no_gpu(const device_requirement& n) { return n.gpu_type.empty() || n.gpu_size == 0; }
std::int64_t gpus(const device_requirement& n) { return std::max<std::int64_t>(n.gpu_count, 1); }

// Divided, not multiplied: a requirement may be as large as an int64.
struct condition {
  bool (*holds)(const miner_specs&, const device_requirement&);
  std::string (*lack)(const miner_specs&, const device_requirement&);
};
constexpr std::array conditions{
    condition{[](const miner_specs& s, const device_requirement& n) { return s.cpu_count >= n.cpu_count; },
              [](const miner_specs& s, const device_requirement& n) {
                return fmt::format("needs {} CPU cores, has {}", n.cpu_count, s.cpu_count);
              }},
    condition{[](const miner_specs& s, const device_requirement& n) { return s.ram_available / gib >= n.ram; },
              [](const miner_specs& s, const device_requirement& n) {
                return fmt::format("needs {} GiB of RAM, has {}", n.ram, s.ram_available / gib);
              }},
    condition{[](const miner_specs& s, const device_requirement& n) { return s.disk_free / gib >= n.hard_disk; },
              [](const miner_specs& s, const device_requirement& n) {
                return fmt::format("needs {} GiB of disk, has {}", n.hard_disk, s.disk_free / gib);
              }},
    condition{[](const miner_specs& s, const device_requirement& n) { return no_gpu(n) || s.gpu_count >= gpus(n); },
              [](const miner_specs& s, const device_requirement& n) {
                return fmt::format("needs {} GPU{}, has {}", gpus(n), gpus(n) == 1 ? "" : "s", s.gpu_count);
              }},
    condition{[](const miner_specs& s, const device_requirement& n) {
                return no_gpu(n) || s.gpu_capacity_mib / 1000 >= n.gpu_size;
              },
              [](const miner_specs& s, const device_requirement& n) {
                return fmt::format("needs {} GB of GPU memory, has {}", n.gpu_size, s.gpu_capacity_mib / 1000);
              }},
    condition{[](const miner_specs& s, const device_requirement& n) {
                return no_gpu(n) || boost::iequals(n.gpu_type, "gpu") || boost::icontains(s.gpu_name, n.gpu_type);
              },
              [](const miner_specs& s, const device_requirement& n) {
                return fmt::format("needs a GPU named \"{}\", has {}", n.gpu_type,
                                   s.gpu_name.empty() ? "none" : "\"" + s.gpu_name + "\"");
              }},
};

}  // namespace

std::optional<placement_policy> placement_policy_from(std::string_view name) noexcept {
  if (name == "best-fit") return placement_policy::best_fit;
  if (name == "spread") return placement_policy::spread;
  if (name == "random") return placement_policy::random;
  return std::nullopt;
}

bool meets(const miner_specs& specs, const device_requirement& need) {
  return std::all_of(conditions.begin(), conditions.end(), [&](const condition& c) { return c.holds(specs, need); });
}

std::vector<std::string> unmet(const miner_specs& specs, const device_requirement& need) {
  std::vector<std::string> out;
  for (const auto& c : conditions)
    if (!c.holds(specs, need)) out.push_back(c.lack(specs, need));
  return out;
}

placement_index::rank placement_index::rank_of(const miner_specs& s, bool reachable) {
  const auto tie = random_();
  switch (policy_) {
    case placement_policy::best_fit:
      return {!reachable, s.gpu_capacity_mib, s.gpu_count, s.cpu_count, s.ram_available, s.disk_free, tie};
    case placement_policy::spread:
      return {!reachable, ++offers_, 0, 0, 0, 0, tie};
    case placement_policy::random:
      break;
  }
  return {!reachable, 0, 0, 0, 0, 0, tie};
}

void placement_index::offer(const std::string& hotkey, const miner_specs& specs, bool reachable) {
  const auto earlier = keys_.find(hotkey);
  const auto before = earlier == keys_.end() ? std::nullopt : std::optional{earlier->second};
  withdraw(hotkey);
  auto r = rank_of(specs, reachable);
  // News of a miner that is on offer is no use of it: it has been idle as long as before.
  if (before && policy_ == placement_policy::spread) std::get<1>(r) = std::get<1>(*before);
  while (order_.contains(r)) std::get<6>(r) = random_();
  order_.emplace(r, candidate{hotkey, specs});
  keys_.emplace(hotkey, r);
}

void placement_index::withdraw(const std::string& hotkey) {
  const auto found = keys_.find(hotkey);
  if (found == keys_.end()) return;
  order_.erase(found->second);
  keys_.erase(found);
}

std::optional<std::string> placement_index::pick(const device_requirement& need,
                                                 const std::set<std::string>& tried) const {
  for (const auto& [rank, c] : order_)
    if (meets(c.specs, need) && !tried.contains(c.hotkey)) return c.hotkey;
  return std::nullopt;
}

std::vector<std::string> placement_index::order(const device_requirement& need) const {
  std::vector<std::string> out;
  for (const auto& [rank, c] : order_)
    if (meets(c.specs, need)) out.push_back(c.hotkey);
  return out;
}

}  // namespace lode::actors
