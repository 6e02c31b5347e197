#include "storage/watch_hub.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <list>
#include <mutex>
#include <utility>

namespace lode::storage {

struct watch_hub::state {
  state(std::size_t changes, std::size_t most_bytes, revision head)
      : max_changes(changes), max_bytes(most_bytes), oldest(head + 1) {}

  struct watcher {
    revision from;
    std::function<void(const change&)> sink;
  };

  const std::size_t max_changes;
  const std::size_t max_bytes;

  // Held while sinks run: that keeps a new watcher's past and present in order, and makes a handle's destructor wait.
  std::mutex mutex;
  std::deque<change> history;
  std::size_t bytes = 0;
  revision oldest;  // every change from this revision on is in `history`
  std::list<watcher> watchers;

  static std::size_t weight(const change& c) { return c.key.size() + c.value.size() + sizeof(change); }

  void remember(change c) {
    bytes += weight(c);
    history.push_back(std::move(c));
  }

  /// Forgets whole revisions, oldest first.
  void trim() {
    while (history.size() > max_changes || (bytes > max_bytes && !history.empty())) {
      oldest = history.front().at + 1;
      while (!history.empty() && history.front().at < oldest) {
        bytes -= weight(history.front());
        history.pop_front();
      }
    }
  }
};

class watch_hub::handle final : public watch_handle {
 public:
  handle(std::shared_ptr<state> s, std::list<state::watcher>::iterator self) : state_(std::move(s)), self_(self) {}
  ~handle() override {
    const std::lock_guard lock{state_->mutex};
    state_->watchers.erase(self_);
  }
  handle(const handle&) = delete;
  handle& operator=(const handle&) = delete;

 private:
  std::shared_ptr<state> state_;
  std::list<state::watcher>::iterator self_;
};

watch_hub::watch_hub(revision head, std::size_t changes, std::size_t bytes)
    : state_(std::make_shared<state>(changes, bytes, head)) {}

result<std::unique_ptr<watch_handle>> watch_hub::watch(revision from, std::function<void(const change&)> sink) {
  from = std::max<revision>(from, 1);
  const std::lock_guard lock{state_->mutex};
  if (from < state_->oldest)
    return error{errc::compacted, fmt::format("revision {} is no longer kept, the oldest is {}", from, state_->oldest)};
  const auto first = std::ranges::lower_bound(state_->history, from, {}, &change::at);
  std::for_each(first, state_->history.end(), sink);
  state_->watchers.push_back({from, std::move(sink)});
  return std::make_unique<handle>(state_, std::prev(state_->watchers.end()));
}

void watch_hub::publish(std::vector<change> changes) {
  const std::lock_guard lock{state_->mutex};
  for (change& c : changes) {
    for (const auto& w : state_->watchers)
      if (c.at >= w.from) w.sink(c);
    state_->remember(std::move(c));
  }
  state_->trim();
}

}  // namespace lode::storage
