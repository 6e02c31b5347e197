// Releasing: the intent is durable, then the miner is told until it confirms or leaves the metagraph.

#include "actors/allocation_frame.hpp"
#include "config/logging.hpp"
#include "crypto/crypto.hpp"

#include <algorithm>
#include <utility>

namespace lode::actors {
namespace {
// A miner that denies to hold our container is believed when it says so this often in a row.
constexpr int denials_to_believe = 2;
// A paused container reads as "holds nothing", so after an unpause that was not confirmed it takes more of them.
constexpr int denials_to_believe_of_paused = 8;
constexpr unix_ms quick_retry_ms = 1000;
}  // namespace

std::optional<error> allocation_actor_state::authorise(const std::string& uuid) const {
  if (!is_live()) return error{errc::no_allocation};
  if (!crypto::constant_time_equal(uuid, record_.uuid)) return error{errc::wrong_uuid, "Invalid UUID key"};
  return std::nullopt;
}

caf::result<done> allocation_actor_state::end_lease(const deallocate& d) {
  if (auto problem = authorise(d.uuid)) return to_caf(*problem);
  auto promise = self_->make_response_promise<done>();
  released_ = guarded<done>{promise};
  request_id_ = d.ctx.request_id;
  // However slow the miner is, the renter gets an answer within the request's deadline: the lease has ended.
  if (d.ctx.deadline != std::chrono::steady_clock::time_point::max()) {
    const auto left = d.ctx.deadline - self_->system().clock().now();
    answer_due_ = now() + std::chrono::duration_cast<std::chrono::milliseconds>(left).count() * 9 / 10;
    // Else there is time for one attempt, behind a call that is under way, and most need no more.
    if (answer_due_ < now() + 2 * settings().action_timeout_ms + settings().deregister_timeout_ms)
      keep_answer_in_time();
  }
  release("released", "deallocated by its renter", d.notify);
  return promise;
}

void allocation_actor_state::keep_answer_in_time() {
  if (answer_due_ == 0 || answer_armed_ || !released_.pending()) return;
  answer_armed_ = true;
  arm_timer(answer_timer, answer_due_);
}

void allocation_actor_state::release(std::string event, std::string reason, bool notify) {
  // Whoever waits for an action hears that the lease is over; the action's outcome no longer matters.
  acted_.fail(to_caf(errc::no_allocation, "the allocation is being released"));
  for (auto& a : actions_) a.promise.fail(to_caf(errc::no_allocation, "the allocation is being released"));
  actions_.clear();
  if (looking_) {
    for (const auto& a : looking_->asked) a.fail(to_caf(errc::no_allocation, "the allocation is being released"));
  }
  phase_ = phase::releasing;
  // A paused container, or one whose pause was under way, must run before existing miners can remove it.
  record_.maybe_paused = record_.state == lode::allocation_state::paused || record_.pending == pending_action::pause ||
                         record_.pending == pending_action::unpause;
  record_.release_reason = reason;
  record_.pending = pending_action::none;
  record_.state = lode::allocation_state::releasing;
  record_.released_at = now();
  disarm_lease();
  tell_miner(false);
  std::vector<webhook> webhooks;
  if (notify && !opts_.env->settings.notify.deallocation_url.empty())
    webhooks.push_back(webhook_of(deallocation_event));
  commit(
      std::move(event), std::move(reason), false, [this] { attempt_release(); }, std::move(webhooks));
}

void allocation_actor_state::attempt_release() {
  ++release_attempts_;
  attempting_ = true;
  if (!record_.maybe_paused) return deregister();
  auto call = make_call(miner_action::unpause, std::chrono::milliseconds{settings().action_timeout_ms});
  call_miner(std::move(call), [this](const miner_reply& reply) {
    if (reply.ok()) record_.maybe_paused = false;
    deregister();
  });
}

void allocation_actor_state::deregister() {
  auto call = make_call(miner_action::deregister, std::chrono::milliseconds{settings().deregister_timeout_ms});
  call_miner(std::move(call), [this](const miner_reply& reply) { on_deregistered(reply); });
}

void allocation_actor_state::on_deregistered(const miner_reply& reply) {
  if (reply.ok()) return erase_record("confirmed by the miner");
  if (opts_.left) return erase_record("the hotkey left the metagraph");
  if (!reply.answered_no) {
    denials_ = 0;
    return retry_release(reply.detail);
  }
  // "No" means: not your key, or the removal failed. While a late registration may still come, it proves nothing.
  if (now() < record_.settle_until) return retry_release("a registration may still be under way");
  ask_whether_held();
}

void allocation_actor_state::ask_whether_held() {
  auto call = make_call(miner_action::holds, std::chrono::milliseconds{settings().check_timeout_ms});
  call_miner(std::move(call), [this](const miner_reply& reply) {
    if (!reply.answered_no) {
      denials_ = 0;
      return retry_release(reply.ok() ? "the miner could not remove the container" : reply.detail);
    }
    if (++denials_ >= (record_.maybe_paused ? denials_to_believe_of_paused : denials_to_believe))
      return erase_record("the miner holds nothing of ours");
    retry_release("the miner says that it holds nothing of ours");
  });
}

void allocation_actor_state::retry_release(const std::string& why) {
  attempting_ = false;
  if (release_attempts_ >= settings().deregister_tries && released_.pending()) {
    // The renter's lease has ended; what is left is between the miner and us.
    config::log_for(request_id_, spdlog::level::warn, "allocation {}: the miner has not confirmed the release yet: {}",
                    record_.hotkey, why);
    released_.deliver(done{});
  }
  keep_answer_in_time();
  unix_ms pause = quick_retry_ms;
  if (release_attempts_ >= settings().deregister_tries) {
    const auto doublings = std::min<std::int64_t>(release_attempts_ - settings().deregister_tries, 20);
    pause = std::min<unix_ms>(static_cast<unix_ms>(settings().release_retry_min_ms) << doublings,
                              settings().release_retry_max_ms);
  }
  arm_timer(retry_timer, now() + pause);
}

void allocation_actor_state::erase_record(const std::string& why) {
  phase_ = phase::ending;
  record_.state = lode::allocation_state::releasing;
  record_.release_reason = why;
  commit("gone", why, true, [this, why] {
    report_gone(why);
    self_->quit();
  });
  // With the ledger already: whatever happens to this miner from now on is committed behind it, and the miner holds
  // nothing, so neither its slot nor its renter needs to wait for the disk. Should we crash before it is durable, the
  // next start finds `releasing`, which is durable, and asks the miner again.
  if (commits_.size() == 1) report_gone(why);
}

void allocation_actor_state::report_gone(const std::string& why) {
  if (std::exchange(told_gone_, true)) return;
  config::log_for(request_id_, spdlog::level::info, "allocation {}: gone, {}", record_.hotkey, why);
  // An armed deadline keeps this actor's memory until it comes.
  if (answer_armed_) self_->send(opts_.env->wheel, disarm{self_->address(), answer_timer});
  tell_miner(true);
  released_.deliver(done{});
  // Unanswered when the registration was called off before the miner was told.
  placed_.fail(to_caf(errc::deadline_exceeded, why));
}

void allocation_actor_state::on_miner_left() {
  opts_.left = true;
  // One last attempt, at once instead of when the back-off ends.
  if (phase_ == phase::releasing && !attempting_) {
    ++timer_generation_[retry_timer];
    attempt_release();
  }
}

}  // namespace lode::actors
