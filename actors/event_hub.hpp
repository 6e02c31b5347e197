#pragma once
// event_hub: passes committed events on to whoever listens, each listener first from the durable log, then live,
// without a gap or a repeat between the two. A listener that does not keep up is dropped, never waited for. Bounds the
// log.

#include "actors/meters.hpp"
#include "messages/actors.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>

namespace lode::actors {

struct hub_options {
  std::size_t keep = 100000;              ///< events that stay in the log
  std::size_t keep_bytes = SIZE_MAX;      ///< and their bytes
  std::chrono::milliseconds keep_for{0};  ///< and for how long; 0: for ever
  std::function<unix_ms()> now;           ///< wall clock; needed with keep_for
  std::size_t unacknowledged =
      10000;                     ///< a listener with more than this outstanding is dropped (empty batch = dropped)
  std::size_t read_ahead = 500;  ///< events of one read from the log
  std::chrono::milliseconds trim_every{1000};
  meters_ptr meters = unread_meters();
};

class event_hub_state {
 public:
  static inline const char* name = "event_hub";
  explicit event_hub_state(event_hub_actor::base* self) : self_(self) {}
  event_hub_actor::behavior_type behavior(ledger_actor ledger, hub_options options);
  void forget(caf::actor_id id);

 private:
  struct listener {
    event_sink sink;
    std::uint64_t sent = 0;  ///< seq of the last event sent
    std::size_t outstanding = 0;
    std::map<std::uint64_t, std::size_t> unacked;  ///< last seq of a batch -> its size
    bool live = false;
    bool reading = false;
  };

  void read_on(caf::actor_id id);
  void send_batch(listener& l, event_batch batch);
  void publish(const event_batch& batch);
  void acknowledge(const event_ack& ack);
  void drop(caf::actor_id id);

  event_hub_actor::base* self_;
  ledger_actor ledger_;
  hub_options options_;
  std::map<caf::actor_id, listener> listeners_;
};

/// Attaches itself to the ledger (publish_to).
event_hub_actor::behavior_type event_hub(event_hub_actor::stateful_pointer<event_hub_state> self, ledger_actor ledger,
                                         hub_options options);

}  // namespace lode::actors
