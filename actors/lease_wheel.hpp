#pragma once
// lease_wheel: every deadline of leases, retries and back-offs, ordered by time, with one tick for all. A CAF timer an
// allocation costs memory and can deadlock CAF's clock when the last reference to an actor sits in it; this cannot.

#include "messages/actors.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <unordered_map>

namespace lode::actors {

struct wheel_options {
  std::chrono::milliseconds resolution{100};
  std::function<unix_ms()> now;
};

class lease_wheel_state {
 public:
  static inline const char* name = "lease_wheel";
  explicit lease_wheel_state(lease_wheel_actor::base* self) : self_(self) {}
  lease_wheel_actor::behavior_type behavior(wheel_options options);

 private:
  using key = std::pair<caf::actor_id, std::uint32_t>;
  struct armed {
    key who;
    deadline_sink target;
    std::uint64_t generation = 0;
  };
  using schedule = std::multimap<unix_ms, armed>;

  void forget(const key& k);
  void fire_due();

  lease_wheel_actor::base* self_;
  wheel_options options_;
  schedule schedule_;
  std::map<key, schedule::iterator> by_target_;
};

lease_wheel_actor::behavior_type lease_wheel(lease_wheel_actor::stateful_pointer<lease_wheel_state> self,
                                             wheel_options options);

}  // namespace lode::actors
