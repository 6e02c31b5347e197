#include "actors/placement_shelf.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <tuple>

namespace lode::actors {
namespace {

constexpr std::int64_t gib = 1LL << 30;
constexpr std::int64_t mib_per_gb = 1000;  // as the contract counts

constexpr std::size_t longest = 32;
constexpr std::size_t short_one = longest / 4;  // joined with the next one when both fit in half a stretch
constexpr std::size_t group_size = 32;

std::uint32_t clamped(std::int64_t x) noexcept {
  constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(x, 0, most));
}

extent joined(std::span<const extent> all) noexcept {
  extent out;
  for (const auto& e : all) out.include(e);
  return out;
}

std::ptrdiff_t at(std::size_t i) { return static_cast<std::ptrdiff_t>(i); }

}  // namespace

void amounts::raise_to(const amounts& other) noexcept {
  gpu_gb = std::max(gpu_gb, other.gpu_gb);
  gpus = std::max(gpus, other.gpus);
  cpus = std::max(cpus, other.cpus);
  ram_gib = std::max(ram_gib, other.ram_gib);
  disk_gib = std::max(disk_gib, other.disk_gib);
}

amounts placement_rank::has() const noexcept {
  return {clamped(gpu_mib / mib_per_gb), clamped(gpus), clamped(cpus), clamped(ram / gib), clamped(disk / gib)};
}

bool placement_rank::smaller(const placement_rank& o) const noexcept {
  return std::tie(gpu_mib, gpus, cpus, ram, disk, tie, miner) <
         std::tie(o.gpu_mib, o.gpus, o.cpus, o.ram, o.disk, o.tie, o.miner);
}

// As meets(): without a type or a size there is no condition on the GPU.
wanted::wanted(const device_requirement& need) noexcept
    : gpu_gb_(need.gpu_size),
      gpus_(std::max<std::int64_t>(need.gpu_count, 1)),
      cpus_(need.cpu_count),
      ram_gib_(need.ram),
      disk_gib_(need.hard_disk) {
  if (need.gpu_type.empty() || need.gpu_size == 0) {
    gpu_gb_ = std::numeric_limits<std::int64_t>::min();
    gpus_ = gpu_gb_;
  }
  least_ = {clamped(gpu_gb_), clamped(gpus_), clamped(cpus_), clamped(ram_gib_), clamped(disk_gib_)};
}

// Divided, not multiplied: a requirement may be as large as an int64.
bool wanted::met_by(const placement_rank& r) const noexcept {
  return r.gpu_mib / mib_per_gb >= gpu_gb_ && r.gpus >= gpus_ && r.cpus >= cpus_ && r.ram / gib >= ram_gib_ &&
         r.disk / gib >= disk_gib_;
}

void extent::include(const extent& other) noexcept {
  most.raise_to(other.most);
  turn = std::min(turn, other.turn);
}

// -- one stretch ------------------------------------------------------------------------------------------------------

void placement_shelf::stretch::insert(std::size_t i, const placement_rank& r) {
  has.insert(has.begin() + at(i), r.has());
  turns.insert(turns.begin() + at(i), r.turn);
  miners.insert(miners.begin() + at(i), r.miner);
}

void placement_shelf::stretch::erase(std::size_t i) {
  has.erase(has.begin() + at(i));
  turns.erase(turns.begin() + at(i));
  miners.erase(miners.begin() + at(i));
}

void placement_shelf::stretch::append(const stretch& other, std::size_t from) {
  has.insert(has.end(), other.has.begin() + at(from), other.has.end());
  turns.insert(turns.end(), other.turns.begin() + at(from), other.turns.end());
  miners.insert(miners.end(), other.miners.begin() + at(from), other.miners.end());
}

void placement_shelf::stretch::cut(std::size_t i) {
  has.resize(i);
  turns.resize(i);
  miners.resize(i);
}

extent placement_shelf::stretch::measured() const noexcept {
  extent out;
  for (std::size_t k = 0; k < miners.size(); ++k) out.include({has[k], turns[k]});
  return out;
}

// -- the shelf --------------------------------------------------------------------------------------------------------

// The last stretch that begins at or before r, else the first.
std::size_t placement_shelf::stretch_of(const placement_rank& r) const {
  const auto after = std::partition_point(stretches_.begin(), stretches_.end(),
                                          [&](const stretch& s) { return !r.smaller(ranks_[s.miners.front()]); });
  const auto i = static_cast<std::size_t>(std::distance(stretches_.begin(), after));
  return i == 0 ? 0 : i - 1;
}

std::size_t placement_shelf::place_in(const stretch& s, const placement_rank& r) const {
  const auto found =
      std::partition_point(s.miners.begin(), s.miners.end(), [&](std::uint32_t m) { return ranks_[m].smaller(r); });
  return static_cast<std::size_t>(std::distance(s.miners.begin(), found));
}

void placement_shelf::insert(std::uint32_t miner) {
  const auto& r = ranks_[miner];
  if (stretches_.empty()) {
    stretch s;
    s.insert(0, r);
    return add(0, std::move(s));
  }
  auto i = stretch_of(r);
  auto place = place_in(stretches_[i], r);
  if (stretches_[i].miners.size() == longest) {
    split(i);
    if (const auto first = stretches_[i].miners.size(); place > first) {
      place -= first;
      ++i;
    }
  }
  stretches_[i].insert(place, r);
  const extent more{r.has(), r.turn};
  extents_[i].include(more);
  groups_[i / group_size].include(more);
  all_.include(more);
}

void placement_shelf::erase(std::uint32_t miner) {
  const auto& r = ranks_[miner];
  const auto i = stretch_of(r);
  auto& s = stretches_[i];
  s.erase(place_in(s, r));
  if (s.miners.empty()) return remove(i);
  measure(i);
  if (s.miners.size() < short_one && i + 1 < stretches_.size()) join_with_next(i);
}

void placement_shelf::add(std::size_t i, stretch s) {
  extents_.insert(extents_.begin() + at(i), s.measured());
  stretches_.insert(stretches_.begin() + at(i), std::move(s));
  regroup_from(i);
}

void placement_shelf::remove(std::size_t i) {
  extents_.erase(extents_.begin() + at(i));
  stretches_.erase(stretches_.begin() + at(i));
  regroup_from(i);
}

void placement_shelf::split(std::size_t i) {
  auto& s = stretches_[i];
  const auto half = s.miners.size() / 2;
  stretch tail;
  tail.append(s, half);
  s.cut(half);
  extents_[i] = s.measured();
  add(i + 1, std::move(tail));
}

void placement_shelf::join_with_next(std::size_t i) {
  auto& s = stretches_[i];
  const auto& next = stretches_[i + 1];
  if (s.miners.size() + next.miners.size() > longest / 2) return;
  s.append(next, 0);
  extents_[i].include(extents_[i + 1]);
  remove(i + 1);
}

// After a stretch lost something.
void placement_shelf::measure(std::size_t i) {
  const auto now = stretches_[i].measured();
  if (now == extents_[i]) return;
  extents_[i] = now;
  measure_group(i / group_size);
  all_ = joined(groups_);
}

void placement_shelf::measure_group(std::size_t group) {
  const auto begin = group * group_size;
  groups_[group] = joined(std::span{extents_}.subspan(begin, std::min(group_size, extents_.size() - begin)));
}

// After stretches came, went or moved, from this one on. split() and join_with_next() also changed the one before.
void placement_shelf::regroup_from(std::size_t i) {
  groups_.resize((extents_.size() + group_size - 1) / group_size);
  for (auto g = (i == 0 ? 0 : i - 1) / group_size; g < groups_.size(); ++g) measure_group(g);
  all_ = joined(groups_);
}

std::optional<std::uint32_t> placement_shelf::first(const wanted& w, std::span<const std::uint32_t> tried,
                                                    const placement_rank* limit) const {
  const auto& need = w.least();
  std::optional<std::uint32_t> best;
  // The turn decides, and among equal ones the place on the shelf: so what comes after a find must have a lesser turn.
  auto latest = limit ? limit->turn : std::numeric_limits<std::int64_t>::max();
  const auto may_hold_it = [&](const extent& e) { return e.turn <= latest && e.most.cover(need); };
  for (std::size_t g = 0; g < groups_.size() && all_.turn <= latest; ++g) {
    if (!may_hold_it(groups_[g])) continue;
    const auto end = std::min((g + 1) * group_size, stretches_.size());
    for (auto i = g * group_size; i < end; ++i) {
      if (!may_hold_it(extents_[i])) continue;
      const auto& s = stretches_[i];
      for (std::size_t k = 0; k < s.miners.size(); ++k) {
        if (s.turns[k] > latest || !s.has[k].cover(need)) continue;
        const auto& r = ranks_[s.miners[k]];
        if (!w.met_by(r) || std::find(tried.begin(), tried.end(), r.miner) != tried.end()) continue;
        if (!limit || r.before(*limit)) best = r.miner;
        latest = r.turn - 1;
      }
    }
  }
  return best;
}

void placement_shelf::collect(const wanted& w, std::vector<std::uint32_t>& out) const {
  for (const auto& s : stretches_)
    for (std::size_t k = 0; k < s.miners.size(); ++k)
      if (s.has[k].cover(w.least()) && w.met_by(ranks_[s.miners[k]])) out.push_back(s.miners[k]);
}

}  // namespace lode::actors
