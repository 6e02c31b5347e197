#pragma once
// listing_rows: the miners with specs as the listings show them, in order, with their sums. Pure data structure; the
// registry owns it.

#include "messages/actors.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lode::actors {

class listing_rows {
 public:
  /// The miner is listed with these from now on. False when that changes nothing. O(log n).
  bool show(const std::string& hotkey, const miner_specs& specs, bool reserved);
  /// No longer listed. False when it was not. O(log n).
  bool hide(const std::string& hotkey);
  /// Without a filter the sums are kept and a page costs what is on it, but for the first one after miners came or
  /// went; with one each row is looked at.
  [[nodiscard]] resource_list list(const resource_query& filter, const page_request& page) const;
  [[nodiscard]] std::size_t size() const noexcept { return rows_.size(); }

 private:
  const std::vector<const resource*>& in_order() const;

  std::map<std::string, resource> rows_;
  std::size_t reserved_ = 0;
  // The rows by position; empty when miners came or went since it was last needed.
  mutable std::vector<const resource*> order_;
};

}  // namespace lode::actors
