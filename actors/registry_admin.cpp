// What operators see of miners: the list with marks and health, and why a placement would or would not take each.

#include "actors/paging.hpp"
#include "actors/registry.hpp"
#include "messages/caf_error.hpp"

#include <caf/all.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

namespace lode::actors {
namespace {

std::string in_words(const miner_mark& m) {
  constexpr std::array<std::string_view, 4> participles{"blacklisted", "cordoned", "being drained", "quarantined"};
  return fmt::format("it is {} since {}{}{}{}{}", participles[static_cast<std::size_t>(m.mark)], rfc3339(m.since),
                     m.by.empty() ? "" : " by ", m.by, m.reason.empty() ? "" : ": ", m.reason);
}

}  // namespace

std::vector<std::string> registry_state::hotkeys(const std::optional<std::string>& only) const {
  std::vector<std::string> out;
  if (only) {
    if (miners_.contains(*only) || marks_.contains(*only)) out.push_back(*only);
    return out;
  }
  out.reserve(miners_.size());
  auto marked = marks_.begin();
  for (const auto& [hotkey, e] : miners_) {
    for (; marked != marks_.end() && marked->first <= hotkey; ++marked)
      if (marked->first != hotkey) out.push_back(marked->first);
    out.push_back(hotkey);
  }
  for (; marked != marks_.end(); ++marked) out.push_back(marked->first);
  return out;
}

miner_status registry_state::status_of(const std::string& hotkey) const {
  miner_status s;
  s.info.hotkey = hotkey;
  if (const auto it = miners_.find(hotkey); it != miners_.end()) {
    const auto& e = it->second;
    s.info = e.info;
    s.known = e.known;
    s.reachable = e.reachable;
    s.healthy = e.healthy;
    s.eligible = eligible(e);
    s.busy = e.busy;
    if (e.view) s.state = e.view->state;
  }
  if (const auto it = marks_.find(hotkey); it != marks_.end()) s.marks = it->second.record.marks;
  return s;
}

caf::result<miner_status_list> registry_state::miners(const list_miners& query) const {
  if (auto e = not_known()) return std::move(*e);
  const auto [first, last] = page_of(query.page);
  const auto all = hotkeys(query.hotkey);
  miner_status_list out;
  out.total = all.size();
  for (auto i = first; i < std::min(last, all.size()); ++i) out.items.push_back(status_of(all[i]));
  return out;
}

explained_miner registry_state::explained(const std::string& hotkey, const device_requirement& need) const {
  explained_miner out;
  out.hotkey = hotkey;
  const entry nobody{};
  const auto it = miners_.find(hotkey);
  const auto& e = it == miners_.end() ? nobody : it->second;
  const auto against = it == miners_.end() ? static_cast<unsigned>(unknown) : obstacles_of(e);
  if ((against & unknown) != 0) out.reasons.emplace_back("it is not in the metagraph");
  if (const auto marks = marks_.find(hotkey); marks != marks_.end())
    for (const auto& m : marks->second.record.marks) out.reasons.push_back(in_words(m));
  if ((against & set_aside) != 0) out.reasons.emplace_back("it is set aside: its actors keep crashing");
  if ((against & restarting) != 0) out.reasons.emplace_back("its actor is restarting");
  if ((against & slot_taken) != 0)
    out.reasons.push_back(e.view ? fmt::format("its slot is taken: its allocation is {}", e.view->state)
                                 : "its slot is taken: an allocation is being made or released");
  if ((against & no_specs) != 0)
    out.reasons.emplace_back("its hardware is not known: nobody named specs that are whole");
  if (!e.info.specs) return out;
  auto lacks = unmet(*e.info.specs, need);
  out.fits = lacks.empty();
  std::move(lacks.begin(), lacks.end(), std::back_inserter(out.reasons));
  return out;
}

caf::result<explained_list> registry_state::explain(const explain_placement& query) const {
  if (auto e = not_known()) return std::move(*e);
  const auto shown = page_of(query.page);
  explained_list out;
  const auto tried = index_->order(query.device);
  const auto add = [&](const std::string& hotkey, std::optional<std::int64_t> rank) {
    if (const auto at = out.total++; at < shown.first || at >= shown.second) return;
    auto item = explained(hotkey, query.device);
    item.rank = rank;
    if (rank && !miners_.at(hotkey).reachable)
      item.reasons.emplace_back("it did not answer the last call, so all that did come before it");
    out.items.push_back(std::move(item));
  };
  std::unordered_set<std::string_view> ranked;
  for (std::size_t i = 0; i < tried.size(); ++i) {
    const auto& hotkey = *numbered_[tried[i]];
    ranked.insert(hotkey);
    if (!query.hotkey || hotkey == *query.hotkey) add(hotkey, static_cast<std::int64_t>(i) + 1);
  }
  if (query.hotkey) {
    if (!ranked.contains(*query.hotkey)) add(*query.hotkey, std::nullopt);
    return out;
  }
  for (const auto& hotkey : hotkeys({}))
    if (!ranked.contains(hotkey)) add(hotkey, std::nullopt);
  return out;
}

}  // namespace lode::actors
