#pragma once
// ledger: the only writer of the store. Collects what is in its mailbox, commits it with one durable write, then
// answers. Encodes and seals records on its own thread (spawn it detached), so that nobody else touches the storage
// format.

#include "actors/event_log.hpp"
#include "actors/guarded.hpp"
#include "actors/meters.hpp"
#include "actors/seal_memory.hpp"
#include "messages/actors.hpp"
#include "messages/record_codec.hpp"
#include "storage/sealing.hpp"
#include "storage/store.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace lode::actors {

struct ledger_options {
  std::shared_ptr<storage::store> store;
  std::shared_ptr<const storage::sealer> sealer;
  std::size_t queue_limit = 10000;  ///< waiting commits; beyond: overloaded
  std::size_t group_limit = 512;    ///< commits of one durable write
  std::function<void(const error&)>
      on_failed;  ///< called once, on the ledger's thread, when the store can no longer write
  meters_ptr meters = unread_meters();
};

class ledger_state {
 public:
  static inline const char* name = "ledger";
  explicit ledger_state(ledger_actor::base* self) : self_(self) {}
  ledger_actor::behavior_type behavior(ledger_options options);
  void commit_all() {
    while (!queue_.empty()) commit_group();
  }

 private:
  struct waiting {
    storage::commit_request request;
    std::string event;                  ///< as stored; told to the hub once durable. At most one a commit
    std::vector<webhook> webhooks;      ///< told to the outbox once durable
    std::size_t webhook_appends = 0;    ///< appends of the commit before the first webhook
    guarded<committed> commit_promise;  ///< one of the two is set
    guarded<done> done_promise;
    telemetry::counter* counted = nullptr;  ///< grows once durable
    void fail(const error& e);
  };

  caf::result<committed> enqueue(commit_allocation& c);
  caf::result<committed> enqueue(const commit_event& e);
  caf::result<committed> enqueue(const commit_row& c);
  caf::result<stored_rows> load(const load_rows& l);
  caf::result<done> enqueue_plain(storage::batch writes);
  /// Adds an event to a commit: both are durable together, and listeners hear of it after that.
  static void log(waiting& w, std::string encoded_event);
  /// Adds the webhooks that a commit promises, behind every other append of it.
  void queue(waiting& w, std::vector<webhook> webhooks);
  caf::result<webhook_batch> load(const load_webhooks& l);
  caf::result<done> save(const save_webhooks& s);
  void keep(waiting& w, const kept_reply& reply);  // ledger_replies.cpp
  caf::result<kept_replies> load(const load_reply& l);
  caf::result<kept_replies> load(const load_reply_index& l);
  bool accept(waiting w);
  void commit_group();
  caf::result<maybe_stored> load(const std::string& hotkey);
  caf::result<stored_allocations> load_all();
  caf::result<stored_miners> load_known_miners();
  caf::result<event_batch> read(const read_events& r);
  caf::result<done> trim(const trim_events& bounds);
  // Sealed for their hotkey, so that sealed texts cannot be moved from one record to another.
  [[nodiscard]] open_function open_for(const std::string& hotkey) const {
    return [this, &hotkey](std::string_view sealed) { return options_.sealer->open(sealed, hotkey); };
  }

  ledger_actor::base* self_;
  ledger_options options_;
  event_sink hub_;
  webhook_sink outbox_;
  event_log events_;
  seal_memory seals_;
  std::vector<waiting> queue_;
  bool flush_sent_ = false;
  std::optional<error> broken_;
};

ledger_actor::behavior_type ledger(ledger_actor::stateful_pointer<ledger_state> self, ledger_options options);

}  // namespace lode::actors
