#include "actors/meters.hpp"

namespace lode::actors {
namespace {

// docs/ARCHITECTURE.md, "The life of an allocation".
constexpr std::array events{"reserved",
                            "allocated",
                            "pause_requested",
                            "unpause_requested",
                            "restart_requested",
                            "exchange_key_requested",
                            "paused",
                            "unpaused",
                            "restarted",
                            "key_exchanged",
                            "action_failed",
                            "rolled_back",
                            "offline",
                            "online",
                            "undone",
                            "released",
                            "gone",
                            "extended",
                            "expiring",
                            "other"};
constexpr std::array actions{miner_action::check,      miner_action::holds,        miner_action::reg,
                             miner_action::deregister, miner_action::restart,      miner_action::pause,
                             miner_action::unpause,    miner_action::exchange_key, miner_action::specs};
constexpr std::array outcomes{
    errc::none,           errc::miner_refused, errc::miner_failed, errc::miner_unreachable, errc::miner_timed_out,
    errc::miner_nonsense, errc::shutting_down};
constexpr std::array looks{ssh_state::open, ssh_state::silent, ssh_state::closed, ssh_state::unknown};

telemetry::counter& commits(telemetry::registry& r, const char* outcome) {
  return r.make_counter("lode_ledger_commits_total", "State changes given to the ledger, by what became of them.",
                        {{"outcome", outcome}});
}
telemetry::counter& keys(telemetry::registry& r, const char* kind) {
  return r.make_counter("lode_forge_keys_total", "Key pairs made for allocations.", {{"kind", kind}});
}
telemetry::gauge& allocations(telemetry::registry& r, const char* state) {
  return r.make_gauge("lode_allocations", "Allocations by their state.", {{"state", state}});
}
telemetry::gauge& marks(telemetry::registry& r, mark_kind mark) {
  return r.make_gauge("lode_miners_marked", "Hotkeys that carry this mark, in the metagraph or not.",
                      {{"mark", std::string{to_string(mark)}}});
}
telemetry::gauge& webhooks(telemetry::registry& r, const char* state) {
  return r.make_gauge("lode_webhooks", "Webhooks that wait to be acknowledged, and those given up that are kept.",
                      {{"state", state}});
}
telemetry::counter& attempts(telemetry::registry& r, const char* outcome) {
  return r.make_counter("lode_webhook_attempts_total", "Attempts to deliver a webhook, by what they came to.",
                        {{"outcome", outcome}});
}
telemetry::counter& crashes(telemetry::registry& r, const char* actor) {
  return r.make_counter("lode_actor_crashes_total", "Actors that ended unasked.", {{"actor", actor}});
}
telemetry::counter& restarts(telemetry::registry& r, const char* actor) {
  return r.make_counter("lode_actor_restarts_total", "Actors that were started again from the store.",
                        {{"actor", actor}});
}

}  // namespace

ledger_meters::ledger_meters(telemetry::registry& r)
    : queued(r.make_gauge("lode_ledger_queue_commits", "State changes that wait for the next durable write.")),
      group(r.make_histogram("lode_ledger_group_commits", "State changes of one durable write.",
                             {1, 2, 4, 8, 16, 32, 64, 128, 256, 512})),
      seconds(r.make_histogram("lode_ledger_write_duration_seconds", "Time of one durable write, with its fsync.",
                               telemetry::request_bounds())),
      committed(commits(r, "durable")),
      conflicts(commits(r, "conflict")),
      overloaded(commits(r, "overloaded")),
      failures(r.make_counter("lode_store_write_failures_total",
                              "Durable writes or fsyncs that failed; the first one ends the process.")) {}

forge_meters::forge_meters(telemetry::registry& r)
    : ready(r.make_gauge("lode_forge_ready_keys", "RSA key pairs in the pool.")),
      waiting(r.make_gauge("lode_forge_waiting_requests", "Requests that wait for an RSA key pair.")),
      rsa(keys(r, "rsa2048")),
      x25519(keys(r, "x25519")),
      overloaded(r.make_counter("lode_forge_overloaded_total", "Requests for a key that were turned away.")) {}

hub_meters::hub_meters(telemetry::registry& r)
    : listeners(r.make_gauge("lode_event_listeners", "Subscribers of the event hub.")),
      published(r.make_counter("lode_events_published_total", "Events that the hub passed on as they happened.")),
      dropped(r.make_counter("lode_event_listeners_dropped_total", "Subscribers dropped for not keeping up.")) {}

outbox_meters::outbox_meters(telemetry::registry& r)
    : pending(webhooks(r, "pending")),
      dead(webhooks(r, "dead")),
      acknowledged(attempts(r, "acknowledged")),
      failed(attempts(r, "failed")),
      given_up(r.make_counter("lode_webhooks_given_up_total", "Webhooks that were given up.")),
      seconds(r.make_histogram("lode_webhook_attempt_duration_seconds", "Time of one attempt to deliver a webhook.",
                               telemetry::request_bounds())) {}

miner_meters::miner_meters(telemetry::registry& r)
    : known(r.make_gauge("lode_miners", "Miners in the metagraph.")),
      reachable(r.make_gauge("lode_miners_reachable", "Miners in the metagraph that answered when last asked.")),
      busy(r.make_gauge("lode_miners_busy", "Miners whose slot is taken or is being taken.")),
      offered(r.make_gauge("lode_miners_offered", "Miners that an allocation may be placed on now.")),
      set_aside(
          r.make_gauge("lode_miners_set_aside", "Miners that are not offered because their actors keep crashing.")),
      marked{&marks(r, mark_kind::blacklist), &marks(r, mark_kind::cordon), &marks(r, mark_kind::drain),
             &marks(r, mark_kind::quarantine)} {}

allocation_meters::allocation_meters(telemetry::registry& r)
    : placing(allocations(r, "placing")),
      reserving(allocations(r, "reserving")),
      active(allocations(r, "active")),
      paused(allocations(r, "paused")),
      releasing(allocations(r, "releasing")),
      offline(
          r.make_gauge("lode_allocations_offline", "Live allocations whose container was not seen at the last look.")),
      pending(
          r.make_gauge("lode_allocations_pending", "Live allocations with an action whose effect is not known yet.")) {}

supervision_meters::supervision_meters(telemetry::registry& r)
    : miner_crashes(crashes(r, "miner")),
      miner_restarts(restarts(r, "miner")),
      allocation_crashes(crashes(r, "allocation")),
      allocation_restarts(restarts(r, "allocation")) {}

actor_meters::actor_meters(telemetry::registry_ptr into)
    : registry(std::move(into)),
      ledger(*registry),
      forge(*registry),
      hub(*registry),
      outbox(*registry),
      miners(*registry),
      allocations(*registry),
      supervision(*registry) {
  for (const auto* name : events)
    events_[name] = &registry->make_counter("lode_allocation_events_total", "Durable state changes of allocations.",
                                            {{"event", name}});
  for (const auto ssh : looks)
    looks_[ssh] = &registry->make_counter("lode_health_checks_total",
                                          "Looks at an allocation's health, by what its SSH port showed.",
                                          {{"ssh", std::string{to_string(ssh)}}});
  for (const auto action : actions) {
    const std::string name{to_string(action)};
    auto& meters = calls_[action];
    const auto outcome = [&](std::string text) {
      return &registry->make_counter("lode_miner_calls_total", "Calls to miners, by what they came to.",
                                     {{"action", name}, {"outcome", std::move(text)}});
    };
    for (const auto code : outcomes)
      meters.outcomes[code] = outcome(code == errc::none ? "ok" : std::string{to_string(code)});
    meters.otherwise = outcome("other");
    meters.seconds = &registry->make_histogram("lode_miner_call_duration_seconds", "Time of a call to a miner.",
                                               telemetry::request_bounds(), {{"action", name}});
  }
}

telemetry::counter& actor_meters::event(std::string_view name) const {
  const auto found = events_.find(name);
  return *(found == events_.end() ? events_.find("other") : found)->second;
}

telemetry::counter& actor_meters::looked(ssh_state ssh) const { return *looks_.at(ssh); }

void actor_meters::called(miner_action action, errc outcome, double seconds) const {
  const auto& meters = calls_.at(action);
  const auto found = meters.outcomes.find(outcome);
  (found == meters.outcomes.end() ? meters.otherwise : found->second)->Increment();
  meters.seconds->Observe(seconds);
}

meters_ptr unread_meters() { return std::make_shared<actor_meters>(std::make_shared<telemetry::registry>()); }

}  // namespace lode::actors
