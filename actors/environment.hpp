#pragma once
// What every miner and allocation needs from the rest of the process, handed down by the registry.

#include "actors/meters.hpp"
#include "config/settings.hpp"
#include "links/miner_link.hpp"
#include "messages/actors.hpp"
#include "messages/listing_clock.hpp"

#include <functional>
#include <memory>

namespace lode::actors {

struct environment {
  config::daemon_settings settings;
  std::shared_ptr<links::miner_link> link;
  ledger_actor ledger;
  key_forge_actor forge;
  lease_wheel_actor wheel;
  meters_ptr meters = unread_meters();
  std::shared_ptr<listing_clock> listings = std::make_shared<listing_clock>();  ///< the registry's to move
  outbox_actor outbox;
  std::function<unix_ms()> now;  ///< wall clock; virtual in tests
};
using environment_ptr = std::shared_ptr<const environment>;

/// Logs what ended an actor by an exception and turns it into the actor's exit reason.
caf::error report_exception(const char* actor_name, const std::string& about, std::exception_ptr& e);

}  // namespace lode::actors
