#pragma once
// What the actors count, made once at the start. An actor changes its metrics as things happen, never by looking at all
// of something, so reading them costs the same with ten miners and with ten thousand.

#include "messages/miner_call.hpp"
#include "telemetry/registry.hpp"

#include <array>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace lode::actors {

struct ledger_meters {
  explicit ledger_meters(telemetry::registry& r);
  telemetry::gauge& queued;
  telemetry::histogram& group;
  telemetry::histogram& seconds;
  telemetry::counter& committed;
  telemetry::counter& conflicts;
  telemetry::counter& overloaded;
  telemetry::counter& failures;
};

struct forge_meters {
  explicit forge_meters(telemetry::registry& r);
  telemetry::gauge& ready;
  telemetry::gauge& waiting;
  telemetry::counter& rsa;
  telemetry::counter& x25519;
  telemetry::counter& overloaded;
};

struct hub_meters {
  explicit hub_meters(telemetry::registry& r);
  telemetry::gauge& listeners;
  telemetry::counter& published;
  telemetry::counter& dropped;
};

struct miner_meters {
  explicit miner_meters(telemetry::registry& r);
  telemetry::gauge& known;
  telemetry::gauge& reachable;
  telemetry::gauge& busy;
  telemetry::gauge& offered;
  telemetry::gauge& set_aside;
  std::array<telemetry::gauge*, 4> marked;  ///< by mark_kind
};

struct allocation_meters {
  explicit allocation_meters(telemetry::registry& r);
  telemetry::gauge& placing;
  telemetry::gauge& reserving;
  telemetry::gauge& active;
  telemetry::gauge& paused;
  telemetry::gauge& releasing;
  telemetry::gauge& offline;
  telemetry::gauge& pending;
};

struct outbox_meters {
  explicit outbox_meters(telemetry::registry& r);
  telemetry::gauge& pending;
  telemetry::gauge& dead;
  telemetry::counter& acknowledged;
  telemetry::counter& failed;
  telemetry::counter& given_up;
  telemetry::histogram& seconds;
};

/// Crashes and starts anew of the actors that have a supervisor.
struct supervision_meters {
  explicit supervision_meters(telemetry::registry& r);
  telemetry::counter& miner_crashes;
  telemetry::counter& miner_restarts;
  telemetry::counter& allocation_crashes;
  telemetry::counter& allocation_restarts;
};

class actor_meters {
 public:
  explicit actor_meters(telemetry::registry_ptr into);

  /// For more metrics: make them once, where an actor begins. Never null.
  telemetry::registry_ptr registry;

  ledger_meters ledger;
  forge_meters forge;
  hub_meters hub;
  outbox_meters outbox;
  miner_meters miners;
  allocation_meters allocations;
  supervision_meters supervision;

  /// Durable events of allocations; a name that is not in docs/ARCHITECTURE.md counts as "other".
  [[nodiscard]] telemetry::counter& event(std::string_view name) const;
  /// Looks at an allocation's health, by what its SSH port showed.
  [[nodiscard]] telemetry::counter& looked(ssh_state ssh) const;
  /// A call to a miner came to this, after `seconds`.
  void called(miner_action action, errc outcome, double seconds) const;

 private:
  struct action_meters {
    std::map<errc, telemetry::counter*> outcomes;
    telemetry::counter* otherwise = nullptr;
    telemetry::histogram* seconds = nullptr;
  };
  std::map<std::string, telemetry::counter*, std::less<>> events_;
  std::map<ssh_state, telemetry::counter*> looks_;
  std::map<miner_action, action_meters> calls_;
};
using meters_ptr = std::shared_ptr<const actor_meters>;

/// Meters that nobody reads, for actors that run without a daemon around them.
meters_ptr unread_meters();

}  // namespace lode::actors
