// Supervision: recovery at start, miners that crash, rounds of health checks, the end.

#include "actors/registry.hpp"
#include "messages/caf_error.hpp"

#include <caf/all.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace lode::actors {
namespace {

constexpr std::size_t looks_under_way = 64;
constexpr std::uint32_t crashes_to_set_aside = 5;
constexpr unix_ms settled_ms = 60000;

}  // namespace

void registry_state::fail(const error& e) {
  if (!store_ok_) return;
  store_ok_ = false;
  spdlog::critical("the registry stops serving: {}", e.to_string());
  if (opts_.on_fatal) opts_.on_fatal(e);
}

void registry_state::recover() {
  const auto failed = [this](caf::error& e) { fail(from_caf(e)); };
  const auto load_records = [this, failed](stored_miners& known) {
    self_->request(opts_.env->ledger, caf::infinite, load_allocations{})
        .then([this, known = std::move(known)](stored_allocations& stored) mutable { on_recovered(known, stored); },
              failed);
  };
  self_->request(opts_.env->ledger, caf::infinite, load_rows{row_kind::miner_marks})
      .then(
          [this, failed, load_records](const stored_rows& rows) {
            // As with a record: serving without it could give away a miner that an operator took out.
            if (const auto damaged = load_marks(rows)) return fail(*damaged);
            self_->request(opts_.env->ledger, caf::infinite, load_miners{}).then(load_records, failed);
          },
          failed);
}

void registry_state::on_recovered(stored_miners& miners, stored_allocations& allocations) {
  std::map<std::string, stored_allocation> by_hotkey;
  for (auto& a : allocations.items) by_hotkey.emplace(a.record.hotkey, std::move(a));
  const auto start = [&](miner_info info, bool known) {
    auto& e = entry_of(info.hotkey);
    e.info = std::move(info);
    e.known = known;
    std::optional<stored_allocation> stored;
    if (auto found = by_hotkey.extract(e.info.hotkey)) stored = std::move(found.mapped());
    // Listed at once: its actor's own word comes later, and a renter must never find the lease missing.
    if (stored && (stored->record.state == lode::allocation_state::active ||
                   stored->record.state == lode::allocation_state::paused))
      set_view(e, view_of(stored->record));
    start_miner(e, std::move(stored));
    refresh_offer(e);
  };
  for (auto& info : miners.items) start(std::move(info), true);
  while (!by_hotkey.empty()) {
    // Not among the remembered miners: a simulated one, which the first snapshot will bring back.
    const auto& r = by_hotkey.begin()->second.record;
    miner_info info;
    info.hotkey = r.hotkey;
    info.ip = r.ssh_ip;
    info.simulated = r.simulated;
    start(std::move(info), r.simulated);
  }
  recovered_ = true;
  recover_marks();
  opts_.env->listings->changed();
  spdlog::info("recovered: {} miners, {} allocations", miners_.size(), allocations.items.size());
  if (early_) {
    auto snapshot = std::move(*early_);
    early_.reset();
    on_snapshot(snapshot);
  }
  if (opts_.on_recovered) opts_.on_recovered();
}

void registry_state::on_down(const caf::down_msg& down) {
  const auto found = by_actor_.extract(down.source.id());
  if (!found) return;
  const auto it = miners_.find(found.mapped());
  if (it == miners_.end()) return;
  auto& e = it->second;
  e.actor = nullptr;
  refresh_offer(e);
  if (stopping_) {
    if (by_actor_.empty()) stopped_.deliver(done{});
    return;
  }
  if (opts_.env->now() - e.started > settled_ms) e.crashes = 0;
  ++e.crashes;
  if (e.crashes >= crashes_to_set_aside) e.set_aside = true;
  refresh_offer(e);
  opts_.env->meters->supervision.miner_crashes.Increment();
  spdlog::error("miner {}: its actor crashed ({} in a row): {}", it->first, e.crashes,
                from_caf(down.reason).to_string());
  const std::chrono::milliseconds pause{std::min<std::int64_t>(100LL << std::min(e.crashes, 20U), 60000)};
  self_->delayed_send(caf::actor_cast<registry_actor>(self_), pause, restart_due{it->first});
}

void registry_state::restart_miner(const std::string& hotkey) {
  if (stopping_) return;
  if (const auto it = miners_.find(hotkey); it != miners_.end() && it->second.actor) {
    // It was started again since, and has lived long enough to be trusted.
    if (opts_.env->now() - it->second.started > settled_ms) {
      it->second.crashes = 0;
      it->second.set_aside = false;
      refresh_offer(it->second);
    }
    return;
  }
  self_->request(opts_.env->ledger, caf::infinite, load_allocation{hotkey})
      .then(
          [this, hotkey](maybe_stored& found) {
            const auto it = miners_.find(hotkey);
            if (it == miners_.end() || it->second.actor || stopping_) return;
            auto& e = it->second;
            if (e.set_aside)
              self_->delayed_send(caf::actor_cast<registry_actor>(self_), std::chrono::milliseconds{settled_ms + 1000},
                                  restart_due{hotkey});
            e.busy = false;
            if (!found.stored) set_view(e, std::nullopt);
            opts_.env->meters->supervision.miner_restarts.Increment();
            start_miner(e, std::move(found.stored));
            refresh_offer(e);
            forget_if_gone(it);
          },
          [this, hotkey](caf::error& e) {
            spdlog::error("miner {}: its allocation cannot be read back: {}", hotkey, from_caf(e).to_string());
            self_->delayed_send(caf::actor_cast<registry_actor>(self_), std::chrono::minutes{1}, restart_due{hotkey});
          });
}

caf::result<done> registry_state::look_at_all() {
  if (round_ || stopping_ || !recovered_) return done{};
  auto promise = self_->make_response_promise<done>();
  round_ = std::make_shared<round>();
  round_->promise = guarded<done>{promise};
  for (const auto& [hotkey, e] : miners_)
    if (e.view && e.actor) round_->todo.push_back(e.actor);
  look_on(round_);
  return promise;
}

void registry_state::look_on(
    std::shared_ptr<round> r) {  // NOLINT(performance-unnecessary-value-param): outlives round_
  while (r->under_way < looks_under_way && !r->todo.empty()) {
    auto miner = std::move(r->todo.back());
    r->todo.pop_back();
    ++r->under_way;
    const auto next = [this, r] {
      --r->under_way;
      look_on(r);
    };
    self_->request(miner, caf::infinite, check_health{})
        .then([next](done&) { next(); }, [next](caf::error&) { next(); });
  }
  if (r->under_way == 0 && r->todo.empty()) {
    round_.reset();
    r->promise.deliver(done{});
  }
}

caf::result<done> registry_state::stop() {
  if (stopping_) return to_caf(errc::shutting_down);
  stopping_ = true;
  if (by_actor_.empty()) return done{};
  auto promise = self_->make_response_promise<done>();
  stopped_ = guarded<done>{promise};
  for (const auto& [hotkey, e] : miners_)
    if (e.actor) self_->send_exit(e.actor, caf::exit_reason::user_shutdown);
  return promise;
}

}  // namespace lode::actors
