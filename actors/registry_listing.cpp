// Listings, status and readiness, all from memory.

#include "actors/paging.hpp"
#include "actors/registry.hpp"
#include "messages/caf_error.hpp"

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/predicate.hpp>
#include <caf/all.hpp>

#include <cmath>

namespace lode::actors {
namespace {

constexpr double gib = 1024.0 * 1024.0 * 1024.0;

double two_decimals(double x) { return std::round(x * 100.0) / 100.0; }
double whole_gib(std::int64_t bytes) { return std::ceil(static_cast<double>(bytes) / gib); }

resource resource_of(const miner_info& info, bool reserved) {
  const auto& s = *info.specs;
  resource r;
  r.hotkey = info.hotkey;
  r.cpu_count = s.cpu_count;
  r.gpu_name = boost::algorithm::to_lower_copy(s.gpu_name);
  r.gpu_capacity = two_decimals(static_cast<double>(s.gpu_capacity_mib) / 1024.0);
  r.gpu_count = s.gpu_count;
  r.ram = two_decimals(static_cast<double>(s.ram_available) / gib);
  r.hard_disk = two_decimals(static_cast<double>(s.disk_free) / gib);
  r.allocate_status = reserved ? "reserved" : "available";
  return r;
}

template <class T, class U>
bool within(T value, const std::optional<U>& min, const std::optional<U>& max) {
  return (!min || value >= *min) && (!max || value <= *max);
}

bool matches(const resource& r, const resource_query& q) {
  if (q.gpu_name && !boost::algorithm::icontains(r.gpu_name, *q.gpu_name)) return false;
  return within(r.cpu_count, q.cpu_count_min, q.cpu_count_max) &&
         within(r.gpu_capacity, q.gpu_capacity_min, q.gpu_capacity_max) &&
         within(r.hard_disk, q.hard_disk_total_min, q.hard_disk_total_max) &&
         within(r.ram, q.ram_total_min, q.ram_total_max);
}

}  // namespace

caf::result<allocation_list> registry_state::allocations(const list_allocations& query) const {
  if (auto e = not_known()) return std::move(*e);
  const auto [first, last] = page_of(query.page);
  allocation_list out;
  for (const auto& [hotkey, e] : miners_) {
    if (!e.view) continue;
    if (out.total >= first && out.total < last) out.items.push_back(*e.view);
    ++out.total;
  }
  return out;
}

caf::result<resource_list> registry_state::resources(const list_resources& query) const {
  if (auto e = not_known()) return std::move(*e);
  const auto [first, last] = page_of(query.page);
  resource_list out;
  for (const auto& [hotkey, e] : miners_) {
    if (!e.known || !e.info.specs) continue;
    ++out.known;
    auto r = resource_of(e.info, e.busy);
    if (!matches(r, query.query)) continue;
    ++(e.busy ? out.reserved : out.available);
    if (out.total >= first && out.total < last) out.items.push_back(std::move(r));
    ++out.total;
  }
  return out;
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
    if (e.view) ++r.allocations;
  }
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
