// Health as a renter sees it: the SSH banner on the published port, with the axon's word beside it.

#include "actors/allocation_frame.hpp"

namespace lode::actors {
namespace {
constexpr std::size_t asked_limit = 64;
}  // namespace

bool allocation_actor_state::due_for_a_look() const {
  // A paused container is silent by intent; what is placing, acting or releasing is looked after already. A roll-back
  // that gets no answer is no excuse: the miner may be gone.
  return (phase_ == phase::live || phase_ == phase::rolling_back) && record_.state == lode::allocation_state::active;
}

caf::result<done> allocation_actor_state::look() {
  if (!due_for_a_look()) return done{};
  auto promise = self_->make_response_promise<done>();
  begin_look().rounds.emplace_back(promise);
  return promise;
}

/// The edge minds the request's deadline: a look takes as long as its two calls do, and is shared.
caf::result<port_report> allocation_actor_state::look_for_renter(const check_port& c) {
  if (auto problem = authorise(c.uuid)) return to_caf(*problem);
  if (c.ctx.deadline <= self_->system().clock().now()) return to_caf(errc::deadline_exceeded);
  if (record_.state == lode::allocation_state::paused) return to_caf(errc::wrong_state, "the container is paused");
  if (looking_ && looking_->asked.size() >= asked_limit)
    return to_caf(errc::overloaded, "too many requests wait for a look at this allocation");
  auto promise = self_->make_response_promise<port_report>();
  begin_look().asked.emplace_back(promise);
  return promise;
}

/// The look under way, or a new one.
look_state& allocation_actor_state::begin_look() {
  if (looking_) return *looking_;
  looking_.emplace();
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
  return *looking_;
}

void allocation_actor_state::finish_look(const look_state& look) const {
  for (const auto& r : look.rounds) r.deliver(done{});
  if (!is_live())
    for (const auto& a : look.asked) a.fail(to_caf(errc::no_allocation, "the allocation is being released"));
  if (!is_live() || look.asked.empty()) return;
  port_report report;
  report.hotkey = record_.hotkey;
  report.ssh_ip = record_.ssh_ip;
  report.ssh_port = record_.ssh_port;
  report.port = look.ssh;
  switch (look.axon.code) {
    case errc::miner_unreachable:
    case errc::miner_timed_out:
    case errc::overloaded:  // not asked
    case errc::shutting_down:
      break;
    default:
      report.reachable = true;
  }
  report.healthy = healthy_;
  report.misses = misses_;
  report.checked_at = now();
  for (const auto& a : look.asked) a.deliver(report);
}

void allocation_actor_state::on_looked() {
  if (!looking_->axon_done || !looking_->ssh_done) return;
  auto look = std::move(*looking_);
  looking_.reset();
  opts_.env->meters->looked(look.ssh).Increment();
  if (!due_for_a_look()) return finish_look(look);

  const bool banner = look.ssh == ssh_state::open;
  // The miner itself, or its host, says that no container serves; without any answer it may be the network in between.
  const bool evidence = look.axon.answered_no || look.ssh == ssh_state::closed || look.ssh == ssh_state::silent;
  // Only the periodic check counts misses: a renter who asks again and again must not end the own lease by it.
  const bool counted = !look.rounds.empty();
  if (banner)
    misses_ = 0;
  else if (counted)
    ++misses_;
  const auto healthy_before = healthy_;
  if (banner || evidence) healthy_ = banner;
  const auto limit = opts_.env->settings.jobs.allocation_check_misses;
  if (misses_ >= limit) {
    spdlog::warn("allocation {}: {} health checks missed in a row; released", record_.hotkey, misses_);
    finish_look(look);
    return release("released", fmt::format("{} health checks missed in a row", misses_), true);
  }
  const bool offline = banner ? false : record_.offline || evidence;
  const auto& notify = opts_.env->settings.notify;
  if (offline == record_.offline) {
    // A look that told nothing is no sign of life.
    if (counted && notify.status_every_check && (banner || offline))
      self_->send(opts_.env->outbox, webhook_heartbeat{webhook_of(offline ? "OFFLINE" : "ONLINE")});
    if (healthy_ != healthy_before) tell_miner(false);
    return finish_look(look);
  }
  record_.offline = offline;
  spdlog::info("allocation {}: {} (axon: {}, ssh: {})", record_.hotkey, offline ? "offline" : "online",
               to_string(look.axon.code), to_string(look.ssh));
  std::vector<webhook> webhooks;
  if (!notify.status_url.empty()) webhooks.push_back(webhook_of(offline ? "OFFLINE" : "ONLINE"));
  commit(
      offline ? "offline" : "online", "", false,
      [this, look = std::move(look)] {
        tell_miner(false);
        finish_look(look);
      },
      std::move(webhooks));
}

}  // namespace lode::actors
