// Health as a renter sees it: the SSH banner on the published port, with the axon's word beside it.

#include "actors/allocation_frame.hpp"

namespace lode::actors {

bool allocation_actor_state::due_for_a_look() const {
  // A paused container is silent by intent; what is placing, acting or releasing is looked after already. A roll-back
  // that gets no answer is no excuse: the miner may be gone.
  return (phase_ == phase::live || phase_ == phase::rolling_back) && record_.state == lode::allocation_state::active;
}

caf::result<done> allocation_actor_state::look() {
  if (!due_for_a_look() || looking_) return done{};
  auto promise = self_->make_response_promise<done>();
  looking_.emplace();
  looking_->promise = guarded<done>{promise};
  auto call = make_call(miner_action::holds, std::chrono::milliseconds{settings().check_timeout_ms});
  call.lane = call_lane::check;
  call_miner(std::move(call), [this](const miner_reply& reply) {
    looking_->axon = reply;
    looking_->axon_done = true;
    on_looked();
  });
  self_->request(opts_.miner, caf::infinite, ssh_check{record_.ssh_ip, record_.ssh_port})
      .then(
          [this](const ssh_answer& a) {
            looking_->ssh = a.state;
            looking_->ssh_done = true;
            on_looked();
          },
          [this](caf::error&) {
            looking_->ssh_done = true;
            on_looked();
          });
  return promise;
}

void allocation_actor_state::on_looked() {
  if (!looking_->axon_done || !looking_->ssh_done) return;
  auto look = std::move(*looking_);
  looking_.reset();
  opts_.env->meters->looked(look.ssh).Increment();
  if (!due_for_a_look()) return look.promise.deliver(done{});

  const bool healthy = look.ssh == ssh_state::open;
  // The miner itself, or its host, says that no container serves; without any answer it may be the network in between.
  const bool evidence = look.axon.answered_no || look.ssh == ssh_state::closed || look.ssh == ssh_state::silent;
  misses_ = healthy ? 0 : misses_ + 1;
  const auto limit = opts_.env->settings.jobs.allocation_check_misses;
  if (misses_ >= limit) {
    spdlog::warn("allocation {}: {} health checks missed in a row; released", record_.hotkey, misses_);
    look.promise.deliver(done{});
    return release("released", fmt::format("{} health checks missed in a row", misses_), true);
  }
  const bool offline = healthy ? false : record_.offline || evidence;
  const auto& notify = opts_.env->settings.notify;
  if (offline == record_.offline) {
    // A look that told nothing is no sign of life.
    if (notify.status_every_check && (healthy || offline))
      self_->send(opts_.env->outbox, webhook_heartbeat{webhook_of(offline ? "OFFLINE" : "ONLINE")});
    return look.promise.deliver(done{});
  }
  record_.offline = offline;
  spdlog::info("allocation {}: {} (axon: {}, ssh: {})", record_.hotkey, offline ? "offline" : "online",
               to_string(look.axon.code), to_string(look.ssh));
  std::vector<webhook> webhooks;
  if (!notify.status_url.empty()) webhooks.push_back(webhook_of(offline ? "OFFLINE" : "ONLINE"));
  commit(
      offline ? "offline" : "online", "", false,
      [this, promise = look.promise]() mutable {
        tell_miner(false);
        promise.deliver(done{});
      },
      std::move(webhooks));
}

}  // namespace lode::actors
