#include "actors/allocation.hpp"

#include "actors/allocation_frame.hpp"

namespace lode::actors {

std::chrono::milliseconds allocation_actor_state::remaining() const {
  const auto deadline = request_.ctx.deadline;
  if (deadline == std::chrono::steady_clock::time_point::max()) return std::chrono::hours{1};
  return std::chrono::duration_cast<std::chrono::milliseconds>(deadline - self_->system().clock().now());
}

miner_call allocation_actor_state::make_call(miner_action action, std::chrono::milliseconds timeout) const {
  miner_call c;
  c.action = action;
  c.to = axon{opts_.info.hotkey, opts_.info.ip, opts_.info.port, opts_.info.simulated};
  c.public_key = record_.public_key;
  c.timeout = timeout;
  c.request_id = request_id_;
  return c;
}

void allocation_actor_state::arm_timer(timer slot, unix_ms due) {
  self_->send(opts_.env->wheel, arm{caf::actor_cast<deadline_sink>(caf::actor_cast<allocation_actor>(self_)), slot, due,
                                    ++timer_generation_[slot]});
}

void allocation_actor_state::on_deadline(const deadline_reached& d) {
  if (d.slot > answer_timer || d.generation != timer_generation_[d.slot]) return;
  if (d.slot == answer_timer) return released_.deliver(done{});
  if (d.slot == lease_timer) return on_lease_timer();
  switch (phase_) {
    case phase::placing:
      return check_slot();
    case phase::rolling_back:
      return roll_back();
    case phase::releasing:
      return attempt_release();
    case phase::ending:
      return erase_record(record_.release_reason);
    default:
      return;
  }
}

bool allocation_actor_state::is_live() const {
  return phase_ == phase::live || phase_ == phase::acting || phase_ == phase::rolling_back;
}

void allocation_actor_state::tell_miner(bool gone) {
  allocation_changed c;
  c.gone = gone;
  if (is_live()) {
    c.view = view_of(record_);
    // A paused container is not looked at.
    if (record_.state == lode::allocation_state::active) c.healthy = healthy_;
  }
  self_->send(opts_.miner, std::move(c));
}

void allocation_actor_state::measure() {
  const auto& meters = opts_.env->meters->allocations;
  const auto state = [&]() -> telemetry::gauge* {
    switch (phase_) {
      case phase::placing:
        return &meters.placing;
      case phase::reserving:
        return &meters.reserving;
      case phase::live:
      case phase::acting:
      case phase::rolling_back:
        return record_.state == lode::allocation_state::paused ? &meters.paused : &meters.active;
      case phase::releasing:
        return &meters.releasing;
      case phase::ending:
        break;
    }
    return nullptr;
  }();
  const bool live = state == &meters.active || state == &meters.paused;
  counted_.state.move_to(state);
  counted_.offline.set(meters.offline, live && record_.offline);
  counted_.pending.set(meters.pending, live && record_.pending != pending_action::none);
}

/// One durable state change of record_ as it is now, in the order of the calls; `then` runs when it is durable. A
/// failure ends the actor (see the top of allocation.hpp).
void allocation_actor_state::commit(std::string event, std::string reason, bool erase, std::function<void()> then,
                                    std::vector<webhook> webhooks, std::optional<kept_reply> reply) {
  commits_.push_back({commit_allocation{record_, erase, 0, std::move(event), std::move(reason), now(),
                                        std::move(webhooks), std::move(reply)},
                      std::move(then)});
  if (commits_.size() == 1) next_commit();
}

webhook allocation_actor_state::webhook_of(std::string_view event) const {
  webhook w;
  w.event = event;
  w.hotkey = record_.hotkey;
  w.uuid = record_.uuid;
  w.at = now();
  w.since = w.at;
  return w;
}

void allocation_actor_state::next_commit() {
  auto& first = commits_.front();
  first.message.expected = revision_;
  self_->request(opts_.env->ledger, caf::infinite, std::move(first.message))
      .then(
          [this](const committed& c) {
            revision_ = c.revision;
            const auto then = std::move(commits_.front().then);
            commits_.pop_front();
            if (!commits_.empty()) next_commit();
            then();
            measure();
          },
          [this](caf::error& e) {
            if (!told_gone_ || from_caf(e) != errc::overloaded) return crash(e);
            // The slot may have been given away already, so nobody would start this again.
            commits_.pop_front();
            arm_timer(retry_timer, now() + 1000);
          });
}

void allocation_actor_state::crash(const caf::error& reason) {
  const auto e = from_caf(reason);
  spdlog::error("allocation {}: a state change could not be made durable ({}); starting again from the store",
                record_.hotkey, e.to_string());
  placed_.fail(reason);
  acted_.fail(reason);
  released_.fail(reason);
  self_->quit(reason);
}

void allocation_actor_state::adopt(stored_allocation stored) {
  record_ = std::move(stored.record);
  revision_ = stored.revision;
  switch (record_.state) {
    case lode::allocation_state::reserving:
      spdlog::info("allocation {}: a registration was interrupted; it is undone", record_.hotkey);
      phase_ = phase::reserving;
      return undo(error{errc::internal, "interrupted"}, true);
    case lode::allocation_state::releasing:
      phase_ = phase::releasing;
      return attempt_release();
    case lode::allocation_state::active:
    case lode::allocation_state::paused:
      arm_lease();
      if (record_.offline) healthy_ = false;
      if (record_.pending == pending_action::none) {
        phase_ = phase::live;
      } else {
        phase_ = phase::rolling_back;
        roll_back();
      }
      return tell_miner(false);
  }
}

allocation_actor::behavior_type allocation_actor_state::behavior(allocation_options options) {
  opts_ = std::move(options);
  record_.hotkey = opts_.info.hotkey;
  self_->monitor(opts_.miner);
  if (opts_.stored) {
    auto stored = std::move(*opts_.stored);
    opts_.stored.reset();
    adopt(std::move(stored));
  }
  measure();
  return {
      [this](place& p) { return start(p); },
      [this](const deallocate& d) { return end_lease(d); },
      [this](docker_action& a) { return act(a); },
      [this](const extend_lease& e) { return extend(e); },
      [this](const check_port& c) { return look_for_renter(c); },
      [this](const check_health&) { return look(); },
      [this](const miner_changed& c) {
        opts_.info = c.info;
        opts_.left = false;
      },
      [this](const miner_left&) { on_miner_left(); },
      [this](const deadline_reached& d) { on_deadline(d); },
  };
}

allocation_actor::behavior_type allocation_behavior(allocation_actor::stateful_pointer<allocation_actor_state> self,
                                                    allocation_options options) {
  const auto hotkey = options.info.hotkey;
  // Only the miner is monitored: without it nothing can be done, and its successor starts this anew from the store.
  self->set_down_handler([self](const caf::down_msg&) { self->quit(caf::exit_reason::user_shutdown); });
  self->set_exception_handler([hotkey](std::exception_ptr& e) { return report_exception("allocation", hotkey, e); });
  return self->state.behavior(std::move(options));
}

}  // namespace lode::actors
