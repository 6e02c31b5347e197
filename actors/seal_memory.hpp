#pragma once
// Which sealed text stands for which secret of a record. A record is written several times in its life and its secrets
// hardly ever change, so what was sealed once is written again as it is: sealing is a quarter of what a commit costs.

#include "messages/record_codec.hpp"
#include "storage/sealing.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lode::actors {

/// Holds the secrets of every record that it has encoded and not forgotten, in the clear. One thread.
class seal_memory {
 public:
  /// `record` for the store, its secrets sealed for its hotkey, so that sealed texts cannot be moved to another record.
  std::string encode(const allocation_record& record, const storage::sealer& sealer) {
    auto& known = by_hotkey_[record.hotkey];
    pairs used;
    auto text = lode::encode(record, [&](std::string_view plain) {
      const auto same = [&](const auto& pair) { return pair.first == plain; };
      if (const auto found = std::find_if(known.begin(), known.end(), same); found != known.end())
        used.push_back(*found);
      else
        used.emplace_back(plain, sealer.seal(plain, record.hotkey));
      return used.back().second;
    });
    known = std::move(used);
    return text;
  }
  void forget(const std::string& hotkey) { by_hotkey_.erase(hotkey); }

 private:
  using pairs = std::vector<std::pair<std::string, std::string>>;  // of a secret and its sealed text
  std::unordered_map<std::string, pairs> by_hotkey_;
};

}  // namespace lode::actors
