#include "actors/lease_wheel.hpp"

#include <caf/all.hpp>

namespace lode::actors {

void lease_wheel_state::forget(const key& k) {
  const auto found = by_target_.find(k);
  if (found == by_target_.end()) return;
  schedule_.erase(found->second);
  by_target_.erase(found);
}

void lease_wheel_state::fire_due() {
  const auto now = options_.now();
  while (!schedule_.empty() && schedule_.begin()->first <= now) {
    auto first = schedule_.extract(schedule_.begin());
    armed& a = first.mapped();
    by_target_.erase(a.who);
    self_->send(a.target, deadline_reached{a.who.second, a.generation});
  }
}

lease_wheel_actor::behavior_type lease_wheel_state::behavior(wheel_options options) {
  options_ = std::move(options);
  const auto me = caf::actor_cast<lease_wheel_actor>(self_);
  self_->delayed_send(me, options_.resolution, tick{});
  return {
      [this](arm& a) {
        const key k{a.target.id(), a.slot};
        forget(k);
        by_target_[k] = schedule_.emplace(a.due, armed{k, std::move(a.target), a.generation});
      },
      [this](const disarm& d) {
        forget({d.target.id(), d.slot});
      },
      [this](const tick&) {
        fire_due();
        self_->delayed_send(caf::actor_cast<lease_wheel_actor>(self_), options_.resolution, tick{});
      },
  };
}

lease_wheel_actor::behavior_type lease_wheel(lease_wheel_actor::stateful_pointer<lease_wheel_state> self,
                                             wheel_options options) {
  return self->state.behavior(std::move(options));
}

}  // namespace lode::actors
