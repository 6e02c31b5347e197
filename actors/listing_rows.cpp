#include "actors/listing_rows.hpp"

#include "actors/paging.hpp"

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/predicate.hpp>

#include <algorithm>
#include <cmath>

namespace lode::actors {
namespace {

constexpr double gib = 1024.0 * 1024.0 * 1024.0;
constexpr std::string_view reserved_word = "reserved";

double two_decimals(double x) { return std::round(x * 100.0) / 100.0; }

resource resource_of(const std::string& hotkey, const miner_specs& s, bool reserved) {
  resource r;
  r.hotkey = hotkey;
  r.cpu_count = s.cpu_count;
  r.gpu_name = boost::algorithm::to_lower_copy(s.gpu_name);
  r.gpu_capacity = two_decimals(static_cast<double>(s.gpu_capacity_mib) / 1024.0);
  r.gpu_count = s.gpu_count;
  r.ram = two_decimals(static_cast<double>(s.ram_available) / gib);
  r.hard_disk = two_decimals(static_cast<double>(s.disk_free) / gib);
  r.allocate_status = reserved ? reserved_word : "available";
  return r;
}

bool is_reserved(const resource& r) { return r.allocate_status == reserved_word; }

template <class T, class U>
bool within(T value, const std::optional<U>& min, const std::optional<U>& max) {
  return (!min || value >= *min) && (!max || value <= *max);
}

/// `name` is the filter's gpu_name in lower case.
bool matches(const resource& r, const resource_query& q, const std::string& name) {
  return within(r.cpu_count, q.cpu_count_min, q.cpu_count_max) &&
         within(r.gpu_capacity, q.gpu_capacity_min, q.gpu_capacity_max) &&
         within(r.hard_disk, q.hard_disk_total_min, q.hard_disk_total_max) &&
         within(r.ram, q.ram_total_min, q.ram_total_max) && boost::algorithm::contains(r.gpu_name, name);
}

}  // namespace

bool listing_rows::show(const std::string& hotkey, const miner_specs& specs, bool reserved) {
  auto row = resource_of(hotkey, specs, reserved);
  const auto it = rows_.find(hotkey);
  if (it == rows_.end()) {
    rows_.emplace(hotkey, std::move(row));
    order_.clear();
  } else {
    if (it->second == row) return false;
    if (is_reserved(it->second)) --reserved_;
    it->second = std::move(row);
  }
  if (reserved) ++reserved_;
  return true;
}

bool listing_rows::hide(const std::string& hotkey) {
  const auto it = rows_.find(hotkey);
  if (it == rows_.end()) return false;
  if (is_reserved(it->second)) --reserved_;
  rows_.erase(it);
  order_.clear();
  return true;
}

const std::vector<const resource*>& listing_rows::in_order() const {
  if (order_.empty()) {
    order_.reserve(rows_.size());
    for (const auto& [hotkey, row] : rows_) order_.push_back(&row);
  }
  return order_;
}

resource_list listing_rows::list(const resource_query& filter, const page_request& page) const {
  const auto [first, last] = page_of(page);
  resource_list out;
  out.known = rows_.size();
  if (filter == resource_query{}) {
    out.total = rows_.size();
    out.reserved = reserved_;
    out.available = out.total - reserved_;
    const auto& order = in_order();
    const auto end = std::min(last, order.size());
    if (first < end) out.items.reserve(end - first);
    for (auto i = first; i < end; ++i) out.items.push_back(*order[i]);
    return out;
  }
  const auto name = boost::algorithm::to_lower_copy(filter.gpu_name.value_or(""));
  for (const auto& [hotkey, row] : rows_) {
    if (!matches(row, filter, name)) continue;
    ++(is_reserved(row) ? out.reserved : out.available);
    if (out.total >= first && out.total < last) out.items.push_back(row);
    ++out.total;
  }
  return out;
}

}  // namespace lode::actors
