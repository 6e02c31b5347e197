#pragma once
// The event log as the ledger reads and bounds it: how many events and bytes there are, and up to where they were
// dropped. Belongs to the ledger's thread; holds no reference to the store.

#include "messages/actors.hpp"
#include "storage/store.hpp"

#include <cstddef>
#include <string>

namespace lode::actors {

class event_log {
 public:
  /// Events after `r.after`, with what the store no longer has and how far it is.
  result<event_batch> read(const storage::store& store, const read_events& r);

  /// The writes that drop what is beyond the bounds, at most some thousand events at once. They must be committed: what
  /// they drop counts as gone from here on. First looks at what was logged since the last call, as bounded: after a
  /// start with a long log the first calls only count.
  result<storage::batch> trim(const storage::store& store, const trim_events& bounds);

 private:
  result<void> load_trimmed(const storage::store& store);

  bool loaded_ = false;
  std::uint64_t trimmed_ = 0;  ///< events up to here were dropped
  std::string counted_to_;     ///< key up to which the two below count
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace lode::actors
