#include "actors/placement_index.hpp"

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/find.hpp>
#include <boost/algorithm/string/predicate.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <iterator>

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

/// 0, 1, 2-3, 4-7, 8-15 and so on.
std::uint16_t rounded(std::uint32_t n) { return static_cast<std::uint16_t>(std::bit_width(n)); }

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

placement_index::shape_key placement_index::key_of(const placement_rank& r) noexcept {
  const auto has = r.has();
  return {r.unreachable != 0, rounded(has.gpu_gb), rounded(has.gpus), rounded(has.cpus), r.name};
}

// Its place, or where it belongs.
std::size_t placement_index::find(const shape_key& key) const {
  const auto at = std::lower_bound(shapes_.begin(), shapes_.end(), key,
                                   [](const shape& s, const shape_key& k) { return s.key < k; });
  return static_cast<std::size_t>(std::distance(shapes_.begin(), at));
}

std::uint32_t placement_index::hold_name(const std::string& name) {
  const auto [it, fresh] = name_numbers_.try_emplace(name, static_cast<std::uint32_t>(names_.size()));
  if (fresh) {
    if (free_names_.empty()) {
      names_.emplace_back();
    } else {
      it->second = free_names_.back();
      free_names_.pop_back();
    }
    names_[it->second].spelled = name;
    names_[it->second].lower_case = boost::algorithm::to_lower_copy(name);
  }
  ++names_[it->second].miners;
  return it->second;
}

void placement_index::release_name(std::uint32_t number) {
  auto& n = names_[number];
  if (--n.miners != 0) return;
  name_numbers_.erase(n.spelled);
  n = {};
  free_names_.push_back(number);
}

void placement_index::offer(miner_number miner, const miner_specs& specs, bool reachable) {
  if (miner >= ranks_.size()) ranks_.resize(miner + std::size_t{1});
  const auto before = ranks_[miner];
  auto r = before;
  r.gpu_mib = specs.gpu_capacity_mib;
  r.gpus = specs.gpu_count;
  r.cpus = specs.cpu_count;
  r.ram = specs.ram_available;
  r.disk = specs.disk_free;
  r.miner = miner;
  r.name = hold_name(specs.gpu_name);
  r.unreachable = reachable ? 0 : 1;
  r.offered = 1;
  if (r == before) return release_name(r.name);
  withdraw(miner);
  // News of a miner that is on offer is no use of it: it has been idle as long as before.
  if (before.offered == 0) {
    r.tie = random_();
    r.turn = policy_ == placement_policy::spread   ? ++offers_
             : policy_ == placement_policy::random ? static_cast<std::int64_t>(r.tie >> 1U)
                                                   : 0;
  }
  ranks_[miner] = r;
  const auto key = key_of(r);
  const auto i = find(key);
  if (i == shapes_.size() || shapes_[i].key != key) {
    shapes_.insert(shapes_.begin() + static_cast<std::ptrdiff_t>(i), shape{key, {}});
    shelves_.insert(shelves_.begin() + static_cast<std::ptrdiff_t>(i), std::make_unique<placement_shelf>(ranks_));
  }
  shelves_[i]->insert(miner);
  shelf_changed(i);
  ++size_;
}

void placement_index::shelf_changed(std::size_t i) { shapes_[i].all = shelves_[i]->all(); }

void placement_index::withdraw(miner_number miner) {
  if (miner >= ranks_.size() || ranks_[miner].offered == 0) return;
  const auto i = find(key_of(ranks_[miner]));
  shelves_[i]->erase(miner);
  if (shelves_[i]->empty()) {
    shapes_.erase(shapes_.begin() + static_cast<std::ptrdiff_t>(i));
    shelves_.erase(shelves_.begin() + static_cast<std::ptrdiff_t>(i));
  } else {
    shelf_changed(i);
  }
  release_name(ranks_[miner].name);
  ranks_[miner].offered = 0;
  --size_;
}

// By number: does a GPU of that name meet the requirement?
std::vector<bool> placement_index::names_with(const device_requirement& need) const {
  std::vector<bool> out(names_.size(), true);
  if (no_gpu(need) || boost::iequals(need.gpu_type, "gpu")) return out;
  const auto part = boost::algorithm::to_lower_copy(need.gpu_type);
  for (std::size_t i = 0; i < names_.size(); ++i) out[i] = names_[i].lower_case.find(part) != std::string::npos;
  return out;
}

std::optional<placement_index::miner_number> placement_index::pick(const device_requirement& need,
                                                                   std::span<const miner_number> tried) const {
  const wanted w{need};
  const auto named = names_with(need);
  std::optional<miner_number> best;
  shape_key best_key;
  const auto look_at = [&](std::size_t i) {
    const auto found = shelves_[i]->first(w, tried, best ? &ranks_[*best] : nullptr);
    if (!found) return;
    best = found;
    best_key = shapes_[i].key;
  };
  const auto may_hold_it = [&](const shape& s) {
    if (best && s.all.turn > ranks_[*best].turn) return false;
    return s.all.most.cover(w.least()) && named[s.key.name];
  };
  // Where the turn decides, a good one to begin with spares most of the others.
  std::optional<std::size_t> first;
  if (policy_ != placement_policy::best_fit) {
    for (std::size_t i = 0; i < shapes_.size() && !shapes_[i].key.unreachable; ++i)
      if ((!first || shapes_[i].all.turn < shapes_[*first].all.turn) && may_hold_it(shapes_[i])) first = i;
    if (first) look_at(*first);
  }
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    const auto& s = shapes_[i];
    // Those that did not answer come later, and so does, for best fit, whoever has more GPU memory.
    if (best && s.key.unreachable != best_key.unreachable) break;
    if (best && policy_ == placement_policy::best_fit && s.key.gpu_gb > best_key.gpu_gb) break;
    if (i != first && may_hold_it(s)) look_at(i);
  }
  return best;
}

bool placement_index::earlier(miner_number a, miner_number b) const {
  const auto& x = ranks_[a];
  const auto& y = ranks_[b];
  return x.unreachable != y.unreachable ? x.unreachable < y.unreachable : x.before(y);
}

std::vector<placement_index::miner_number> placement_index::order(const device_requirement& need) const {
  const wanted w{need};
  const auto named = names_with(need);
  std::vector<miner_number> out;
  for (std::size_t i = 0; i < shapes_.size(); ++i)
    if (shapes_[i].all.most.cover(w.least()) && named[shapes_[i].key.name]) shelves_[i]->collect(w, out);
  std::sort(out.begin(), out.end(), [this](miner_number a, miner_number b) { return earlier(a, b); });
  return out;
}

}  // namespace lode::actors
