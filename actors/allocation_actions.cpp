// Actions of the renter: restart, pause, unpause, exchange of the key. One at a time; the intent is durable before the
// miner is told. When the miner does not answer, the action is rolled back, as the renter was told that it failed.

#include "actors/allocation_frame.hpp"
#include "config/logging.hpp"

#include <algorithm>

namespace lode::actors {
namespace {

constexpr std::size_t actions_limit = 16;
constexpr unix_ms first_rollback_pause_ms = 5000;

miner_action miner_action_of(pending_action a) {
  switch (a) {
    case pending_action::pause:
      return miner_action::pause;
    case pending_action::unpause:
      return miner_action::unpause;
    case pending_action::exchange_key:
      return miner_action::exchange_key;
    case pending_action::restart:
    case pending_action::none:
      break;
  }
  return miner_action::restart;
}

const char* event_of(pending_action a) {
  switch (a) {
    case pending_action::pause:
      return "paused";
    case pending_action::unpause:
      return "unpaused";
    case pending_action::exchange_key:
      return "key_exchanged";
    case pending_action::restart:
    case pending_action::none:
      break;
  }
  return "restarted";
}

}  // namespace

caf::result<done> allocation_actor_state::act(docker_action& a) {
  if (auto problem = authorise(a.uuid)) return to_caf(*problem);
  if (actions_.size() >= actions_limit) return to_caf(errc::overloaded, "too many actions wait for this allocation");
  auto promise = self_->make_response_promise<done>();
  actions_.push_back({std::move(a), guarded<done>{promise}});
  next_action();
  return promise;
}

void allocation_actor_state::next_action() {
  while (phase_ == phase::live && !actions_.empty()) {
    auto next = std::move(actions_.front());
    actions_.pop_front();
    begin_action(std::move(next.action), std::move(next.promise));
  }
}

void allocation_actor_state::begin_action(docker_action a, guarded<done> promise) {
  const bool paused = record_.state == lode::allocation_state::paused;
  if (a.ctx.deadline <= self_->system().clock().now()) return promise.fail(to_caf(errc::deadline_exceeded));
  if (opts_.left) return promise.fail(to_caf(errc::unknown_hotkey, "the hotkey is no longer in the metagraph"));
  if (a.action == pending_action::unpause ? !paused : paused)
    return promise.fail(to_caf(errc::wrong_state, paused ? "the container is paused" : "the container is not paused"));

  phase_ = phase::acting;
  action_ = std::move(a);
  request_id_ = action_.ctx.request_id;
  acted_ = std::move(promise);
  record_.pending = action_.action;
  record_.pending_ssh_key = action_.ssh_key;
  record_.pending_key_type = action_.key_type;
  const std::string event = std::string{to_string(action_.action)} + "_requested";
  commit(event, "", false, [this] {
    if (phase_ != phase::acting) return;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(action_.ctx.deadline - self_->system().clock().now());
    auto call = make_call(miner_action_of(action_.action),
                          std::clamp(std::chrono::milliseconds{settings().action_timeout_ms},
                                     std::chrono::milliseconds{1}, std::max(left, std::chrono::milliseconds{1})));
    call.ssh_key = action_.ssh_key;
    call.key_type = action_.key_type;
    call_miner(std::move(call), [this](const miner_reply& reply) { on_acted(reply); });
  });
}

void allocation_actor_state::on_acted(const miner_reply& reply) {
  if (phase_ != phase::acting) return;  // released meanwhile
  const bool late = action_.ctx.deadline <= self_->system().clock().now();
  if (reply.ok() && (!late || action_.action == pending_action::restart)) {
    if (action_.action == pending_action::pause) record_.state = lode::allocation_state::paused;
    if (action_.action == pending_action::unpause) record_.state = lode::allocation_state::active;
    if (action_.action == pending_action::exchange_key && action_.key_type == "user") record_.ssh_key = action_.ssh_key;
    finish_action();
    return commit(event_of(action_.action), "", false, [this] {
      if (phase_ != phase::acting) return;
      phase_ = phase::live;
      tell_miner(false);
      config::log_for(request_id_, spdlog::level::info, "allocation {}: {}", record_.hotkey, event_of(action_.action));
      acted_.deliver(done{});
      next_action();
    });
  }
  const auto failure = reply.ok() ? to_caf(errc::deadline_exceeded)
                                  : to_caf(reply.code, reply.answered_no ? "the miner refused" : reply.detail);
  if (reply.code == errc::miner_refused || reply.code == errc::miner_unreachable || reply.code == errc::overloaded ||
      action_.action == pending_action::restart) {
    // Nothing happened, or (restart) nothing that would need to be undone.
    finish_action();
    return commit("action_failed", reply.detail, false, [this, failure] {
      if (phase_ != phase::acting) return;
      phase_ = phase::live;
      config::log_for(request_id_, spdlog::level::warn, "allocation {}: {} failed: {}", record_.hotkey,
                      to_string(action_.action), from_caf(failure).to_string());
      acted_.fail(failure);
      next_action();
    });
  }
  acted_.fail(failure);
  phase_ = phase::rolling_back;
  rollback_pause_ = first_rollback_pause_ms;
  roll_back();
}

void allocation_actor_state::finish_action() {
  record_.pending = pending_action::none;
  record_.pending_ssh_key.clear();
  record_.pending_key_type.clear();
}

void allocation_actor_state::roll_back() {
  const auto settle = [this] {
    finish_action();
    commit("rolled_back", "", false, [this] {
      if (phase_ != phase::rolling_back) return;
      phase_ = phase::live;
      next_action();
    });
  };
  const bool was_paused = record_.state == lode::allocation_state::paused;
  auto call = make_call(was_paused ? miner_action::pause : miner_action::unpause,
                        std::chrono::milliseconds{settings().action_timeout_ms});
  if (record_.pending == pending_action::exchange_key) {
    // An existing miner's terminal key is unknown to us: only the user's key can be put back.
    if (record_.pending_key_type != "user" || record_.ssh_key.empty()) return settle();
    call.action = miner_action::exchange_key;
    call.ssh_key = record_.ssh_key;
    call.key_type = "user";
  } else if (record_.pending == pending_action::restart) {
    return settle();
  }
  call_miner(std::move(call), [this, settle](const miner_reply& reply) {
    if (phase_ != phase::rolling_back) return;
    // "No" is an answer too: there was nothing to put back.
    if (reply.ok() || reply.answered_no) return settle();
    arm_timer(retry_timer, now() + rollback_pause_);
    rollback_pause_ = std::min<unix_ms>(rollback_pause_ * 2, settings().release_retry_max_ms);
  });
}

}  // namespace lode::actors
