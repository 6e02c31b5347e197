// The lease: when it ends, how it is prolonged, how its renter is warned of the end.

#include "actors/allocation_frame.hpp"
#include "config/logging.hpp"

#include <algorithm>

namespace lode::actors {
namespace {
constexpr std::size_t commits_limit = 64;
constexpr unix_ms hour_ms = 60LL * 60 * 1000;
}  // namespace

/// One deadline at a time: the warning's, and once that is over the end's.
void allocation_actor_state::arm_lease() {
  const auto hours = settings().warn_hours;
  if (hours == 0 || record_.warned_at != 0) return arm_timer(lease_timer, record_.expires_at);
  // A lease that is not much longer than the warning, or shorter, is warned of when half of it has passed.
  const auto before = std::min(hours * hour_ms, (record_.expires_at - record_.created_at) / 2);
  arm_timer(lease_timer, record_.expires_at - before);
}

void allocation_actor_state::disarm_lease() {
  ++timer_generation_[lease_timer];
  self_->send(opts_.env->wheel, disarm{self_->address(), lease_timer});
}

void allocation_actor_state::on_lease_timer() {
  if (!is_live()) return;
  if (now() >= record_.expires_at) return on_lease_end();
  warn_of_end();
  arm_lease();
}

void allocation_actor_state::on_lease_end() {
  if (phase_ == phase::acting) return arm_timer(lease_timer, now() + 1000);  // an intent is under way: let it end
  if (!is_live()) return;
  spdlog::info("allocation {}: the lease has ended", record_.hotkey);
  release("released", "the lease has ended", true);
}

/// Once per end of a lease: durable with its webhook, so a restart does not repeat it.
void allocation_actor_state::warn_of_end() {
  if (!is_live() || record_.warned_at != 0 || now() >= record_.expires_at) return;
  record_.warned_at = now();
  const auto until = rfc3339(record_.expires_at);
  spdlog::info("allocation {}: the lease ends at {}; its renter is warned", record_.hotkey, until);
  std::vector<webhook> webhooks;
  if (!opts_.env->settings.notify.status_url.empty()) {
    webhooks.push_back(webhook_of("EXPIRING"));
    webhooks.back().expires_at = record_.expires_at;
  }
  commit(
      "expiring", "the lease ends at " + until, false, [] {}, std::move(webhooks));
}

/// At once in every live phase, also beside an action: the lease is another part of the record, and commits keep their
/// order. A release that comes before the extension is durable wins.
caf::result<allocation> allocation_actor_state::extend(const extend_lease& e) {
  if (auto problem = authorise(e.uuid)) return to_caf(*problem);
  if (now() >= record_.expires_at) return to_caf(errc::no_allocation, "the lease has ended");
  if (e.ctx.deadline <= self_->system().clock().now()) return to_caf(errc::deadline_exceeded);
  if (opts_.left) return to_caf(errc::unknown_hotkey, "the hotkey is no longer in the metagraph");
  if (!e.barred.empty()) return to_caf(errc::wrong_state, e.barred);
  if (commits_.size() >= commits_limit) return to_caf(errc::overloaded, "too many changes wait for this allocation");
  // Existing miners end the container when the time is over that they were told at the start.
  const auto whole = std::min(record_.miner_timeline_days, longest_lease_days);
  const auto most = (record_.created_at + whole * day_ms - record_.expires_at) / day_ms;
  if (e.days < 1 || e.days > most)
    return to_caf(errc::bad_request,
                  fmt::format("the miner was told that the lease is {} days at most: {} more are possible", whole,
                              std::max<std::int64_t>(most, 0)));

  record_.expires_at += e.days * day_ms;
  record_.warned_at = 0;
  arm_lease();
  auto promise = self_->make_response_promise<allocation>();
  auto view = view_of(record_);
  auto reason = fmt::format("by {} days, to {}", e.days, view.expires_at);
  commit("extended", std::move(reason), false,
         [this, answer = guarded<allocation>{promise}, view = std::move(view), id = e.ctx.request_id] {
           if (!is_live()) return answer.fail(to_caf(errc::no_allocation, "the allocation is being released"));
           config::log_for(id, spdlog::level::info, "allocation {}: extended to {}", record_.hotkey, view.expires_at);
           tell_miner(false);
           answer.deliver(view);
         });
  return promise;
}

}  // namespace lode::actors
