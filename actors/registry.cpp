#include "actors/registry.hpp"

#include "actors/miner.hpp"
#include "crypto/crypto.hpp"
#include "messages/caf_error.hpp"

#include <caf/all.hpp>
#include <spdlog/spdlog.h>

namespace lode::actors {

registry_state::entry& registry_state::entry_of(const std::string& hotkey) {
  const auto [it, fresh] = miners_.try_emplace(hotkey);
  auto& e = it->second;
  if (!fresh) return e;
  if (free_numbers_.empty()) {
    free_numbers_.push_back(static_cast<placement_index::miner_number>(numbered_.size()));
    numbered_.emplace_back();
  }
  e.number = free_numbers_.back();
  free_numbers_.pop_back();
  numbered_[e.number] = &it->first;
  return e;
}

void registry_state::start_miner(entry& e, std::optional<stored_allocation> stored) {
  miner_options o;
  o.env = opts_.env;
  o.registry = caf::actor_cast<registry_actor>(self_);
  o.info = e.info;
  o.left = !e.known;
  o.stored = std::move(stored);
  if (o.stored) e.busy = true;
  e.started = opts_.env->now();
  e.actor = self_->spawn<caf::monitored>(miner_behavior, std::move(o));
  by_actor_[e.actor.id()] = e.info.hotkey;
}

unsigned registry_state::obstacles_of(const entry& e) const {
  return (e.known ? 0U : unknown) | (marks_.contains(e.info.hotkey) ? marked : 0U) | (e.set_aside ? set_aside : 0U) |
         (e.info.specs ? 0U : no_specs) | (e.actor ? 0U : restarting) | (e.busy ? slot_taken : 0U);
}

bool registry_state::eligible(const entry& e) const { return (obstacles_of(e) & ~slot_taken & ~restarting) == 0; }

void registry_state::refresh_offer(entry& e) {
  const bool offered = obstacles_of(e) == 0;
  const auto& meters = opts_.env->meters->miners;
  e.counted.known.set(meters.known, e.known);
  e.counted.reachable.set(meters.reachable, e.known && e.reachable);
  e.counted.busy.set(meters.busy, e.busy);
  e.counted.offered.set(meters.offered, offered);
  e.counted.set_aside.set(meters.set_aside, e.set_aside);
  refresh_row(e);
  if (offered)
    index_->offer(e.number, *e.info.specs, e.reachable);
  else
    index_->withdraw(e.number);
}

void registry_state::forget_if_gone(entries::iterator it) {
  auto& e = it->second;
  if (e.known || e.busy) return;
  index_->withdraw(e.number);
  set_view(e, std::nullopt);
  refresh_row(e);
  if (e.actor) {
    by_actor_.erase(e.actor.id());
    self_->demonitor(e.actor.address());
    caf::anon_send_exit(e.actor, caf::exit_reason::user_shutdown);
  }
  // Remembered until now: its address was needed as long as a container might be there.
  if (!e.info.simulated) {
    save_miners gone;
    gone.left.push_back(it->first);
    remember(std::move(gone));
  }
  numbered_[e.number] = nullptr;
  free_numbers_.push_back(e.number);
  miners_.erase(it);
}

void registry_state::remember(save_miners changes) {
  self_->request(opts_.env->ledger, caf::infinite, std::move(changes))
      .then([](done&) {},
            [](caf::error& e) { spdlog::warn("the metagraph could not be remembered: {}", from_caf(e).to_string()); });
}

void registry_state::on_slot(slot_update& update) {
  const auto it = miners_.find(update.hotkey);
  if (it == miners_.end()) return;
  auto& e = it->second;
  e.busy = update.now == slot_update::slot::busy;
  set_view(e, std::move(update.view));
  e.healthy = e.view ? update.healthy : std::nullopt;
  refresh_offer(e);
  if (!e.busy) say_when_drained(update.hotkey);
  forget_if_gone(it);
}

void registry_state::on_snapshot(metagraph_snapshot& snapshot) {
  if (!recovered_) {
    early_ = std::move(snapshot);
    return;
  }
  save_miners changes;
  std::set<std::string> present;
  for (auto& info : snapshot.miners) {
    present.insert(info.hotkey);
    auto& e = entry_of(info.hotkey);
    // Specs learned from the miner itself outlive a metagraph that names none; those of an older metagraph do not.
    if (info.specs)
      e.specs_learned = false;
    else if (e.specs_learned)
      info.specs = e.info.specs;
    const bool fresh = !e.actor && e.crashes == 0;
    const bool moved = !e.known || e.info != info;
    if (!fresh && !moved) continue;
    if (!info.simulated && moved) changes.changed.push_back(info);
    e.info = std::move(info);
    e.known = true;
    if (fresh)
      start_miner(e, std::nullopt);
    else if (e.actor)
      self_->send(e.actor, miner_changed{e.info});
    refresh_offer(e);
  }
  std::size_t left = 0;
  for (auto it = miners_.begin(); it != miners_.end();) {
    const auto here = it++;
    auto& e = here->second;
    if (!e.known || present.contains(here->first) || (!snapshot.complete && !e.info.simulated)) continue;
    e.known = false;
    ++left;
    refresh_offer(e);
    if (e.actor) self_->send(e.actor, miner_left{});
    forget_if_gone(here);
  }
  if (!changes.changed.empty() || left != 0)
    spdlog::info("metagraph: {} miners, {} new or changed, {} left", present.size(), changes.changed.size(), left);
  if (!changes.changed.empty()) remember(std::move(changes));
}

registry_actor::behavior_type registry_state::behavior(registry_options options) {
  opts_ = std::move(options);
  const auto& settings = opts_.env->settings;
  const auto policy = placement_policy_from(settings.placement.policy);
  const auto bytes = crypto::random_bytes(sizeof(std::uint64_t));
  std::uint64_t seed = 0;
  std::memcpy(&seed, bytes.data(), sizeof seed);
  index_.emplace(policy.value_or(placement_policy::best_fit), seed);
  recover();
  return {
      [this](allocate_spec& r) { return place_anywhere(r); },
      [this](allocate_hotkey& r) { return place_on(r); },
      [this](deallocate& d) { return pass_on<done>(d); },
      [this](docker_action& a) { return pass_on<done>(a); },
      [this](extend_lease& e) { return pass_on<allocation>(e); },
      [this](check_port& c) { return pass_on<port_report>(c); },
      [this](const count_by_model& q) { return models(q); },
      [this](const list_miners& q) { return miners(q); },
      [this](mark_miner& m) { return mark(m); },
      [this](unmark_miner& m) { return unmark(m); },
      [this](const explain_placement& q) { return explain(q); },
      [this](check_status& q) { return status(q); },
      [this](const list_allocations& q) { return allocations(q); },
      [this](const list_resources& q) { return resources(q); },
      [this](const get_readiness&) { return ready(); },
      [this](const check_health&) { return look_at_all(); },
      [this](metagraph_snapshot& s) { on_snapshot(s); },
      [this](slot_update& u) { on_slot(u); },
      [this](const reachability_update& u) {
        const auto it = miners_.find(u.hotkey);
        if (it == miners_.end()) return;
        it->second.reachable = u.reachable;
        refresh_offer(it->second);
      },
      [this](specs_update& u) {
        const auto it = miners_.find(u.hotkey);
        if (it == miners_.end()) return;
        it->second.info.specs = u.specs;
        it->second.specs_learned = true;
        refresh_offer(it->second);
      },
      [this](const crash_report& r) {
        const auto it = miners_.find(r.hotkey);
        if (it == miners_.end()) return;
        it->second.set_aside = r.count > 0;
        refresh_offer(it->second);
      },
      [this](const restart_due& r) { restart_miner(r.hotkey); },
      [this](const deadline_reached& d) {
        if (d.generation == marks_timer_ && !changing_marks_) next_mark_change();
      },
      [this](const stop_all&) { return stop(); },
  };
}

registry_actor::behavior_type registry(registry_actor::stateful_pointer<registry_state> self,
                                       registry_options options) {
  self->set_down_handler([self](const caf::down_msg& down) { self->state.on_down(down); });
  self->set_exception_handler([self](std::exception_ptr& e) { return report_exception("registry", "", e); });
  return self->state.behavior(std::move(options));
}

}  // namespace lode::actors
