#include "actors/ledger.hpp"

#include "actors/ledger_rows.hpp"
#include "messages/caf_error.hpp"
#include "messages/event_codec.hpp"

#include <caf/all.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

namespace lode::actors {
namespace {

using storage::column;

// Bound to the hotkey, and not to be moved to its allocation's record.
std::string seal_context(const webhook& w) { return "outbox " + w.hotkey; }

}  // namespace

void ledger_state::waiting::fail(const error& e) {
  commit_promise.fail(to_caf(e));
  done_promise.fail(to_caf(e));
}

bool ledger_state::accept(waiting w) {
  if (broken_) {
    w.fail(*broken_);
    return false;
  }
  const auto& meters = options_.meters->ledger;
  if (queue_.size() >= options_.queue_limit) {
    meters.overloaded.Increment();
    w.fail(error{errc::overloaded, "too many writes are waiting"});
    return false;
  }
  queue_.push_back(std::move(w));
  meters.queued.Set(static_cast<double>(queue_.size()));
  if (!flush_sent_) {
    // Queues behind everything that is in the mailbox now: that is the group.
    flush_sent_ = true;
    self_->send(caf::actor_cast<ledger_actor>(self_), flush{});
  }
  return true;
}

caf::result<committed> ledger_state::enqueue(commit_allocation& c) {
  auto promise = self_->make_response_promise<committed>();
  waiting w;
  w.commit_promise = guarded<committed>{promise};
  const auto& r = c.record;
  w.request.preconditions.push_back({column::allocations, r.hotkey, c.expected});
  if (c.erase) {
    w.request.writes.erase(column::allocations, r.hotkey);
    seals_.forget(r.hotkey);
  } else {
    w.request.writes.put(column::allocations, r.hotkey, seals_.encode(r, *options_.sealer));
  }
  log(w, allocation_event(r, c.event, c.at, c.reason));
  w.counted = &options_.meters->event(c.event);
  if (c.reply) keep(w, *c.reply);
  queue(w, std::move(c.webhooks));
  accept(std::move(w));
  return promise;
}

caf::result<committed> ledger_state::enqueue(const commit_event& e) {
  if (!is_event(e.type, e.payload)) return to_caf(error{errc::bad_request, "not an event: " + e.type});
  auto promise = self_->make_response_promise<committed>();
  waiting w;
  w.commit_promise = guarded<committed>{promise};
  log(w, encode_event(e.type, e.payload, e.at));
  accept(std::move(w));
  return promise;
}

caf::result<committed> ledger_state::enqueue(const commit_row& c) {
  if (c.key.empty() || c.key.find('/') != std::string::npos)
    return to_caf(error{errc::bad_request, "not a key: " + c.key});
  if (!c.event_type.empty() && !is_event(c.event_type, c.event_payload))
    return to_caf(error{errc::bad_request, "not an event: " + c.event_type});
  auto promise = self_->make_response_promise<committed>();
  waiting w;
  w.commit_promise = guarded<committed>{promise};
  const auto place = place_of(c.kind);
  const auto key = std::string{place.prefix}.append(c.key);
  if (c.erase)
    w.request.writes.erase(place.in, key);
  else
    w.request.writes.put(place.in, key, c.value);
  if (!c.event_type.empty()) log(w, encode_event(c.event_type, c.event_payload, c.at));
  accept(std::move(w));
  return promise;
}

caf::result<stored_rows> ledger_state::load(const load_rows& l) {
  const auto place = place_of(l.kind);
  auto found = options_.store->scan(place.in, place.prefix);
  if (!found) return to_caf(found.error());
  stored_rows out;
  out.items.reserve(found->size());
  for (auto& entry : *found) out.items.push_back({entry.key.substr(place.prefix.size()), std::move(entry.value)});
  return out;
}

void ledger_state::log(waiting& w, std::string encoded_event) {
  w.request.writes.append(column::events, encoded_event);
  w.event = std::move(encoded_event);
}

void ledger_state::queue(waiting& w, std::vector<webhook> webhooks) {
  for (const auto& m : w.request.writes.mutations())
    if (m.what == storage::mutation::kind::append) ++w.webhook_appends;
  for (const auto& hook : webhooks)
    w.request.writes.append(column::outbox, encode(hook, [&](std::string_view plain) {
                              return options_.sealer->seal(plain, seal_context(hook));
                            }));
  w.webhooks = std::move(webhooks);
}

caf::result<webhook_batch> ledger_state::load(const load_webhooks& l) {
  auto found = options_.store->scan(column::outbox, "");
  if (!found) return to_caf(found.error());
  webhook_batch out;
  out.items.reserve(found->size());
  for (auto& entry : *found) {
    // What it is sealed for is a member of it.
    auto hook =
        decode_webhook(entry.value, [](std::string_view text) { return result<std::string>{std::string{text}}; });
    if (hook) {
      if (auto uuid = options_.sealer->open(hook->uuid, seal_context(*hook)))
        hook->uuid = std::move(*uuid);
      else
        hook = uuid.error();
    }
    // One that does not read must not keep the daemon from serving; it stays where it is, for a person to look at.
    if (hook)
      out.items.push_back({std::move(entry.key), std::move(*hook)});
    else
      spdlog::error("webhook {} does not read and is not sent: {}", entry.key, hook.error().to_string());
  }
  outbox_ = l.sink;
  return out;
}

caf::result<done> ledger_state::save(const save_webhooks& s) {
  storage::batch writes;
  for (const auto& key : s.settled) writes.erase(column::outbox, key);
  for (const auto& w : s.changed)
    writes.put(column::outbox, w.key, encode(w.hook, [&](std::string_view plain) {
                 return options_.sealer->seal(plain, seal_context(w.hook));
               }));
  return enqueue_plain(std::move(writes));
}

caf::result<done> ledger_state::enqueue_plain(storage::batch writes) {
  if (writes.empty()) return done{};
  auto promise = self_->make_response_promise<done>();
  waiting w;
  w.done_promise = guarded<done>{promise};
  w.request.writes = std::move(writes);
  accept(std::move(w));
  return promise;
}

void ledger_state::commit_group() {
  flush_sent_ = false;
  std::vector<waiting> group;
  if (queue_.size() <= options_.group_limit) {
    group.swap(queue_);
  } else {
    const auto cut = queue_.begin() + static_cast<std::ptrdiff_t>(options_.group_limit);
    group.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(cut));
    queue_.erase(queue_.begin(), cut);
    flush_sent_ = true;
    self_->send(caf::actor_cast<ledger_actor>(self_), flush{});
  }
  const auto& meters = options_.meters->ledger;
  meters.queued.Set(static_cast<double>(queue_.size()));
  if (group.empty()) return;
  std::vector<storage::commit_request> requests;
  requests.reserve(group.size());
  for (auto& w : group) requests.push_back(std::move(w.request));

  const auto began = std::chrono::steady_clock::now();
  auto outcome = options_.store->commit(requests);
  meters.seconds.Observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  meters.group.Observe(static_cast<double>(group.size()));
  if (!outcome) {
    meters.failures.Increment();
    broken_ = outcome.error();
    spdlog::critical("the store can no longer write: {}", broken_->to_string());
    for (auto& w : group) w.fail(*broken_);
    for (auto& w : queue_) w.fail(*broken_);
    queue_.clear();
    if (options_.on_failed) options_.on_failed(*broken_);
    return;
  }
  event_batch events;
  webhook_batch webhooks;
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (!(*outcome)[i]) continue;
    auto n = group[i].webhook_appends;
    for (auto& hook : group[i].webhooks)
      webhooks.items.push_back({storage::appended_key("", *(*outcome)[i], n++), std::move(hook)});
  }
  // Before the promises: what an allocation says later must reach the outbox later.
  if (outbox_ && !webhooks.items.empty()) self_->send(outbox_, std::move(webhooks));
  for (std::size_t i = 0; i < group.size(); ++i) {
    auto& one = (*outcome)[i];
    if (!one) {
      meters.conflicts.Increment();
      group[i].fail(one.error());
      continue;
    }
    meters.committed.Increment();
    if (group[i].counted) group[i].counted->Increment();
    if (const auto parts = split_event(group[i].event); !parts.payload.empty())
      events.items.push_back({*one, std::string{parts.type}, std::string{parts.payload}});
    group[i].commit_promise.deliver(committed{*one});
    group[i].done_promise.deliver(done{});
  }
  if (hub_ && !events.items.empty()) self_->send(hub_, std::move(events));
}

caf::result<maybe_stored> ledger_state::load(const std::string& hotkey) {
  auto found = options_.store->get(column::allocations, hotkey);
  if (!found) return to_caf(found.error());
  maybe_stored out;
  if (!*found) return out;
  auto record = decode_allocation((*found)->value, open_for(hotkey));
  if (!record) return to_caf(record.error());
  out.stored = stored_allocation{std::move(*record), (*found)->mod_revision};
  return out;
}

caf::result<stored_allocations> ledger_state::load_all() {
  auto found = options_.store->scan(column::allocations, "");
  if (!found) return to_caf(found.error());
  stored_allocations out;
  out.items.reserve(found->size());
  for (auto& entry : *found) {
    auto record = decode_allocation(entry.value, open_for(entry.key));
    // Serving without knowing an allocation could give its miner away: better not to start.
    if (!record) return to_caf(error{errc::store_damaged, "allocation of " + entry.key + ": " + record.error().detail});
    out.items.push_back({std::move(*record), entry.mod_revision});
  }
  return out;
}

caf::result<stored_miners> ledger_state::load_known_miners() {
  auto found = options_.store->scan(column::miners, "");
  if (!found) return to_caf(found.error());
  stored_miners out;
  for (auto& entry : *found) {
    if (auto info = decode_miner(entry.value))
      out.items.push_back(std::move(*info));
    else
      spdlog::warn("remembered miner {} does not parse and is left out: {}", entry.key, info.error().to_string());
  }
  return out;
}

caf::result<event_batch> ledger_state::read(const read_events& r) {
  auto found = events_.read(*options_.store, r);
  if (!found) return to_caf(found.error());
  return std::move(*found);
}

caf::result<done> ledger_state::trim(const trim_events& bounds) {
  // What the log lets go must be committed, so nothing is let go while that may be refused.
  if (broken_ || queue_.size() >= options_.queue_limit) return done{};
  auto writes = events_.trim(*options_.store, bounds);
  if (!writes) return to_caf(writes.error());
  return enqueue_plain(std::move(*writes));
}

ledger_actor::behavior_type ledger_state::behavior(ledger_options options) {
  options_ = std::move(options);
  return {
      [this](commit_allocation& c) { return enqueue(c); },
      [this](const commit_event& e) { return enqueue(e); },
      [this](const commit_row& c) { return enqueue(c); },
      [this](const load_rows& l) { return load(l); },
      [this](const load_allocation& l) { return load(l.hotkey); },
      [this](const load_allocations&) { return load_all(); },
      [this](const save_miners& s) {
        storage::batch writes;
        for (const auto& m : s.changed) writes.put(column::miners, m.hotkey, encode(m));
        for (const auto& hotkey : s.left) writes.erase(column::miners, hotkey);
        return enqueue_plain(std::move(writes));
      },
      [this](const load_miners&) { return load_known_miners(); },
      [this](const read_events& r) { return read(r); },
      [this](const trim_events& t) { return trim(t); },
      [this](const load_webhooks& l) { return load(l); },
      [this](const save_webhooks& s) { return save(s); },
      [this](const load_reply& l) { return load(l); },
      [this](const load_reply_index& l) { return load(l); },
      [this](drop_replies& d) {
        storage::batch writes;
        for (auto& key : d.keys) writes.erase(column::idempotency, std::move(key));
        return enqueue_plain(std::move(writes));
      },
      [this](publish_to& p) { hub_ = std::move(p.sink); },
      [this](const flush&) { commit_group(); },
  };
}

ledger_actor::behavior_type ledger(ledger_actor::stateful_pointer<ledger_state> self, ledger_options options) {
  // What was accepted before the exit is committed before the end.
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    self->state.commit_all();
    self->quit(exit.reason);
  });
  return self->state.behavior(std::move(options));
}

}  // namespace lode::actors
