#pragma once
// The history of recent changes and those who watch it: the part of watch() that every store has in common.

#include "storage/store.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace lode::storage {

/// Any thread may call watch(); publish() belongs to the committing thread. Handles may outlive the hub.
class watch_hub {
 public:
  /// Knows the changes after `head`, and keeps of them at most `changes` and `bytes`.
  watch_hub(revision head, std::size_t changes, std::size_t bytes);

  /// As store::watch(). Past changes are delivered on the calling thread before it returns.
  result<std::unique_ptr<watch_handle>> watch(revision from, std::function<void(const change&)> sink);

  /// Remembers the changes (in order of revision) and tells every watcher.
  void publish(std::vector<change> changes);

 private:
  struct state;
  class handle;
  std::shared_ptr<state> state_;
};

}  // namespace lode::storage
