// Listings, status and readiness, all from memory.

#include "actors/paging.hpp"
#include "actors/registry.hpp"
#include "messages/caf_error.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <caf/all.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace lode::actors {
namespace {

constexpr double gib = 1024.0 * 1024.0 * 1024.0;

double whole_gib(std::int64_t bytes) { return std::ceil(static_cast<double>(bytes) / gib); }

}  // namespace

caf::result<allocation_list> registry_state::allocations(const list_allocations& query) const {
  if (auto e = not_known()) return std::move(*e);
  const auto [first, last] = page_of(query.page);
  allocation_list out;
  out.total = rented_.size();
  if (first >= out.total) return out;
  const auto end = std::min(last, out.total);
  out.items.reserve(end - first);
  auto it = std::next(rented_.begin(), static_cast<std::ptrdiff_t>(first));
  for (auto i = first; i < end; ++i, ++it) out.items.push_back(*it->second->view);
  return out;
}

caf::result<resource_list> registry_state::resources(const list_resources& query) const {
  if (auto e = not_known()) return std::move(*e);
  return rows_.list(query.query, query.page);
}

void registry_state::set_view(entry& e, std::optional<allocation> view) {
  if (e.view == view) return;
  e.view = std::move(view);
  if (e.view)
    rented_[e.info.hotkey] = &e;
  else
    rented_.erase(e.info.hotkey);
  opts_.env->listings->changed();
}

void registry_state::refresh_row(const entry& e) {
  const bool changed =
      e.known && e.info.specs ? rows_.show(e.info.hotkey, *e.info.specs, e.busy) : rows_.hide(e.info.hotkey);
  if (changed) opts_.env->listings->changed();
}

caf::result<model_count> registry_state::models(const count_by_model& query) const {
  if (auto e = not_known()) return std::move(*e);
  model_count out;
  for (const auto& [hotkey, e] : miners_) {
    if (!e.known || !e.info.specs) continue;
    const auto& s = *e.info.specs;
    if (!boost::algorithm::iequals(s.gpu_name, query.model)) continue;
    if (query.cpu_count ? s.cpu_count != *query.cpu_count : query.ram_size && whole_gib(s.ram_total) != *query.ram_size)
      continue;
    ++out.count;
  }
  return out;
}

readiness registry_state::ready() const {
  readiness r;
  r.store_ok = store_ok_;
  r.recovered = recovered_;
  r.ready = store_ok_ && recovered_ && !stopping_;
  for (const auto& [hotkey, e] : miners_) {
    if (e.set_aside) r.set_aside.push_back(hotkey);
    if (e.known) ++r.miners;
  }
  r.allocations = rented_.size();
  return r;
}

caf::result<hotkey_status_list> registry_state::status(check_status& query) {
  if (auto e = not_known()) return std::move(*e);
  struct collector {
    hotkey_status_list list;
    std::size_t missing = 0;
    guarded<hotkey_status_list> promise;
  };
  auto c = std::make_shared<collector>();
  c->list.items.resize(query.hotkeys.size());
  std::map<std::string, std::pair<miner_actor, std::vector<std::size_t>>> ask;  // each miner once, however often named
  for (std::size_t i = 0; i < query.hotkeys.size(); ++i) {
    auto& item = c->list.items[i];
    item.hotkey = query.hotkeys[i];
    const auto it = miners_.find(item.hotkey);
    if (it == miners_.end() || !it->second.known)
      item.status = "Not Found";
    else if (query.query_version)
      item.version = it->second.info.version;
    else if (!it->second.actor)
      item.status = "Unknown";
    else
      (ask[item.hotkey].first = it->second.actor, ask[item.hotkey].second.push_back(i));
  }
  if (ask.empty()) return std::move(c->list);
  auto promise = self_->make_response_promise<hotkey_status_list>();
  c->promise = guarded<hotkey_status_list>{promise};
  c->missing = ask.size();
  for (const auto& [hotkey, asked] : ask) {
    const auto settle = [c, positions = asked.second](const std::string& status) {
      for (const auto i : positions) c->list.items[i].status = status;
      if (--c->missing == 0) c->promise.deliver(std::move(c->list));
    };
    self_->request(asked.first, caf::infinite, probe{query.ctx})
        .then([settle](hotkey_status& s) { settle(s.status); }, [settle](caf::error&) { settle("Unknown"); });
  }
  return promise;
}

}  // namespace lode::actors
