// Placement: which miner an allocation goes to. The miner decides whether it takes it.

#include "actors/registry.hpp"
#include "config/logging.hpp"
#include "messages/caf_error.hpp"

#include <caf/all.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <type_traits>

namespace lode::actors {
namespace {

constexpr std::chrono::milliseconds fair_margin{250};

/// What counts towards a quarantine. Not that it never got the call (all miners seem so when our network is down, and
/// such ones are tried last anyway), nor that its slot is occupied.
bool is_miners_fault(errc code) {
  return code == errc::miner_refused || code == errc::miner_failed || code == errc::miner_timed_out ||
         code == errc::miner_nonsense;
}

/// The failures for which what the renter wrote may be the reason: a renter must not be able to put miners out of use.
enum class suspicion : std::uint8_t { none, of_refusals, of_all };
suspicion of_renter(const docker_requirement& asked) {
  const docker_requirement usual;
  if (!asked.dockerfile.empty() || asked.base_image != usual.base_image || asked.volume_path != usual.volume_path)
    return suspicion::of_all;
  return asked.ssh_key.empty() ? suspicion::none : suspicion::of_refusals;
}
bool may_be_the_renters_fault(suspicion s, errc code) {
  return s == suspicion::of_all || (s == suspicion::of_refusals && code == errc::miner_refused);
}

/// Failures of one miner send the search on to the next; anything else ends it.
bool next_may_do(errc code) {
  switch (code) {
    case errc::busy:
    case errc::not_ready:
    case errc::unknown_hotkey:
    case errc::forbidden:
    case errc::miner_refused:
    case errc::miner_failed:
    case errc::miner_unreachable:
    case errc::miner_timed_out:
    case errc::miner_nonsense:
      return true;
    default:
      return false;
  }
}

/// What a miner is told of a lease: twice as long, as existing validators do for a miner by name, so that it never ends
/// a container before we do and there is room for an extension. A miner need not take more than a hundred years.
std::int64_t told_days(std::int64_t lease_days) {
  constexpr std::int64_t most = 36'500;
  return std::max(lease_days, std::min(lease_days * 2, most));
}

}  // namespace

std::optional<caf::error> registry_state::not_serving() const {
  if (stopping_) return to_caf(errc::shutting_down);
  if (!store_ok_) return to_caf(errc::store_io, "the store can no longer write");
  return not_known();
}

std::optional<caf::error> registry_state::not_known() const {
  if (!recovered_) return to_caf(errc::not_ready, "recovery is under way");
  return std::nullopt;
}

void registry_state::dispatch(entry& e, place p, const std::function<void(allocation&)>& ok,
                              const std::function<void(caf::error&)>& failed) {
  e.busy = true;
  refresh_offer(e);
  const auto deadline = p.ctx.deadline;
  const auto renter = of_renter(p.docker);
  self_->request(e.actor, caf::infinite, std::move(p))
      .then(
          [this, hotkey = e.info.hotkey, ok](allocation& a) {
            placed(hotkey);
            ok(a);
          },
          [this, hotkey = e.info.hotkey, deadline, renter, failed](caf::error& why) {
            if (const auto reason = from_caf(why); !may_be_the_renters_fault(renter, reason.code))
              not_placed(hotkey, reason, deadline);
            failed(why);
          });
}

void registry_state::placed(const std::string& hotkey) {
  if (const auto it = miners_.find(hotkey); it != miners_.end()) it->second.failures = 0;
}

void registry_state::not_placed(const std::string& hotkey, const error& why,
                                std::chrono::steady_clock::time_point deadline) {
  const auto limit = opts_.env->settings.placement.quarantine_failures;
  const auto it = miners_.find(hotkey);
  if (limit == 0 || it == miners_.end() || !is_miners_fault(why.code)) return;
  // Calls are cut short to end with the request, so this one may have got no fair time.
  if (why.code == errc::miner_timed_out && self_->system().clock().now() >= deadline - fair_margin) return;
  if (++it->second.failures < limit) return;
  it->second.failures = 0;
  quarantine(hotkey, fmt::format("{} placements in a row failed, the last with {}", limit, why.to_string()));
}

caf::result<allocation> registry_state::place_anywhere(allocate_spec& request) {
  if (auto e = not_serving()) return *e;
  auto promise = self_->make_response_promise<allocation>();
  auto s = std::make_shared<search>();
  s->request = std::move(request);
  s->promise = guarded<allocation>{promise};
  next_candidate(s);
  return promise;
}

void registry_state::next_candidate(const std::shared_ptr<search>& s) {
  const auto& r = s->request;
  if (r.ctx.deadline <= self_->system().clock().now()) return s->promise.fail(to_caf(errc::deadline_exceeded));
  if (stopping_) return s->promise.fail(to_caf(errc::shutting_down));
  std::vector<placement_index::miner_number> tried;
  for (const auto& hotkey : s->tried)
    if (const auto it = miners_.find(hotkey); it != miners_.end()) tried.push_back(it->second.number);
  const auto found = index_->pick(r.device, tried);
  if (!found) return s->promise.fail(to_caf(errc::no_candidate, "Requested resource is not available."));
  const auto& hotkey = *numbered_[*found];
  s->tried.push_back(hotkey);
  place p;
  p.device = r.device;
  p.docker = r.docker;
  p.lease_days = r.device.timeline;
  p.told_days = told_days(p.lease_days);
  p.check_tries = 1;
  p.register_timeout = std::chrono::milliseconds{opts_.env->settings.allocation.register_timeout_ms};
  p.ctx = r.ctx;
  dispatch(
      miners_.at(hotkey), std::move(p), [s](allocation& a) { s->promise.deliver(std::move(a)); },
      [this, s, hotkey](caf::error& e) {
        const auto reason = from_caf(e);
        config::log_for(s->request.ctx.request_id, spdlog::level::info, "allocate_spec: {} is passed over: {}", hotkey,
                        reason.to_string());
        if (!next_may_do(reason.code)) return s->promise.fail(e);
        next_candidate(s);
      });
}

caf::result<allocation> registry_state::place_on(allocate_hotkey& request) {
  if (auto e = not_serving()) return *e;
  const auto marks = marks_.find(request.hotkey);
  if (marks != marks_.end() && mark_of(request.hotkey, mark_kind::blacklist))
    return to_caf(errc::blacklisted, "the miner is blacklisted");
  const auto it = miners_.find(request.hotkey);
  if (it == miners_.end() || !it->second.known) return to_caf(errc::unknown_hotkey, "no such hotkey in the metagraph");
  auto& e = it->second;
  // The operator's reason is not the renter's to know.
  if (marks != marks_.end())
    return to_caf(errc::no_candidate,
                  fmt::format("The miner takes nothing new ({}).", to_string(marks->second.record.marks.front().mark)));
  if (e.busy) return to_caf(errc::busy, "the miner's slot is taken");
  if (e.set_aside) return to_caf(errc::busy, "the miner's actors keep crashing");
  if (!e.actor) return to_caf(errc::not_ready, "the miner's actor is restarting");
  const auto& settings = opts_.env->settings.allocation;
  place p;
  // Existing miners insist on a device requirement although the renter names none: the contract's defaults, without a
  // GPU where the miner is known to have none.
  if (e.info.specs && e.info.specs->gpu_count == 0) {
    p.device.gpu_type.clear();
    p.device.gpu_size = 0;
  }
  p.docker = std::move(request.docker);
  p.lease_days = settings.hotkey_lease_days;
  p.told_days = told_days(p.lease_days);
  p.check_tries = static_cast<int>(settings.hotkey_check_tries);
  p.register_timeout = std::chrono::milliseconds{settings.hotkey_register_timeout_ms};
  p.ctx = std::move(request.ctx);
  auto promise = self_->make_response_promise<allocation>();
  const guarded<allocation> answer{promise};
  dispatch(
      e, std::move(p), [answer](allocation& a) { answer.deliver(std::move(a)); },
      [answer](caf::error& why) { answer.fail(why); });
  return promise;
}

/// What is to become empty does so only when its leases run out. A cordon and a quarantine are about what is new.
std::string registry_state::no_longer_leases(const std::string& hotkey) const {
  for (const auto kind : {mark_kind::drain, mark_kind::blacklist})
    if (mark_of(hotkey, kind))
      return fmt::format("The miner takes nothing new ({}): its lease runs out and is made no longer.",
                         to_string(kind));
  return {};
}

template <class Reply, class Message>
caf::result<Reply> registry_state::pass_on(Message& message) {
  if (auto e = not_known()) return std::move(*e);
  const auto it = miners_.find(message.hotkey);
  if (it == miners_.end() || !it->second.busy) return to_caf(errc::no_allocation);
  if (!it->second.actor) return to_caf(errc::not_ready, "the miner's actor is restarting");
  if constexpr (std::is_same_v<Message, extend_lease>) message.barred = no_longer_leases(message.hotkey);
  // Not delegated: the reply comes after the slot_update that it belongs to, so the requester finds it in the listings.
  auto promise = self_->make_response_promise<Reply>();
  const guarded<Reply> answer{promise};
  const auto complete = [this, hotkey = message.hotkey](Reply& reply) {
    if constexpr (std::is_same_v<Reply, port_report>) {
      const auto found = miners_.find(hotkey);
      reply.eligible = found != miners_.end() && eligible(found->second);
    }
  };
  self_->request(it->second.actor, caf::infinite, std::move(message))
      .then(
          [answer, complete](Reply& reply) {
            complete(reply);
            answer.deliver(std::move(reply));
          },
          [answer](caf::error& e) { answer.fail(std::move(e)); });
  return promise;
}

template caf::result<done> registry_state::pass_on(deallocate&);
template caf::result<done> registry_state::pass_on(docker_action&);
template caf::result<allocation> registry_state::pass_on(extend_lease&);
template caf::result<port_report> registry_state::pass_on(check_port&);

}  // namespace lode::actors
