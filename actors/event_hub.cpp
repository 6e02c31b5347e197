#include "actors/event_hub.hpp"

#include <caf/all.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace lode::actors {

void event_hub_state::forget(caf::actor_id id) {
  listeners_.erase(id);
  options_.meters->hub.listeners.Set(static_cast<double>(listeners_.size()));
}

void event_hub_state::drop(caf::actor_id id) {
  const auto found = listeners_.find(id);
  if (found == listeners_.end()) return;
  self_->send(found->second.sink, event_batch{});
  forget(id);
}

void event_hub_state::send_batch(listener& l, event_batch batch) {
  l.sent = batch.items.back().seq;
  l.outstanding += batch.items.size();
  l.unacked[l.sent] = batch.items.size();
  self_->send(l.sink, std::move(batch));
}

void event_hub_state::read_on(caf::actor_id id) {
  auto& l = listeners_.at(id);
  // The log is read no faster than the listener acknowledges.
  if (l.live || l.reading || l.outstanding >= options_.read_ahead * 2) return;
  l.reading = true;
  self_->request(ledger_, caf::infinite, read_events{l.sent, options_.read_ahead})
      .then(
          [this, id](event_batch& batch) {
            const auto found = listeners_.find(id);
            if (found == listeners_.end()) return;
            auto& l = found->second;
            l.reading = false;
            // A short read is the end of the log as of now; what is committed later reaches this mailbox behind it.
            l.live = batch.items.size() < options_.read_ahead;
            if (!batch.items.empty()) send_batch(l, std::move(batch));
            if (!l.live) read_on(id);
          },
          [this, id](caf::error&) { drop(id); });
}

void event_hub_state::publish(const event_batch& batch) {
  options_.meters->hub.published.Increment(static_cast<double>(batch.items.size()));
  std::vector<caf::actor_id> slow;
  for (auto& [id, l] : listeners_) {
    if (!l.live) continue;
    const auto first = std::find_if(batch.items.begin(), batch.items.end(),
                                    [&, sent = l.sent](const logged_event& e) { return e.seq > sent; });
    if (first == batch.items.end()) continue;
    if (l.outstanding + batch.items.size() > options_.unacknowledged)
      slow.push_back(id);
    else
      send_batch(l, event_batch{{first, batch.items.end()}});
  }
  for (const auto id : slow) {
    spdlog::warn("event_hub: a listener does not keep up and is dropped");
    options_.meters->hub.dropped.Increment();
    drop(id);
  }
}

void event_hub_state::acknowledge(const event_ack& ack) {
  const auto found = listeners_.find(ack.sink.id());
  if (found == listeners_.end()) return;
  auto& l = found->second;
  while (!l.unacked.empty() && l.unacked.begin()->first <= ack.seq) {
    l.outstanding -= l.unacked.begin()->second;
    l.unacked.erase(l.unacked.begin());
  }
  read_on(found->first);
}

event_hub_actor::behavior_type event_hub_state::behavior(ledger_actor ledger, hub_options options) {
  ledger_ = std::move(ledger);
  options_ = std::move(options);
  const auto me = caf::actor_cast<event_hub_actor>(self_);
  self_->send(ledger_, publish_to{me});
  self_->delayed_send(me, options_.trim_every, tick{});
  return {
      [this](const event_batch& batch) { publish(batch); },
      [this](subscribe& s) {
        const auto id = s.sink.id();
        self_->monitor(s.sink);
        auto& l = listeners_[id];
        l = listener{};
        l.sink = std::move(s.sink);
        l.sent = s.after;
        options_.meters->hub.listeners.Set(static_cast<double>(listeners_.size()));
        read_on(id);
        return done{};
      },
      [this](const event_ack& ack) { acknowledge(ack); },
      [this](const tick&) {
        const auto oldest = options_.keep_for.count() > 0 ? options_.now() - options_.keep_for.count() : 0;
        self_->request(ledger_, caf::infinite, trim_events{options_.keep, options_.keep_bytes, oldest})
            .then([](done&) {},
                  [](caf::error&) { /* the ledger reports its own failures; the log is trimmed the next time */ });
        self_->delayed_send(caf::actor_cast<event_hub_actor>(self_), options_.trim_every, tick{});
      },
  };
}

event_hub_actor::behavior_type event_hub(event_hub_actor::stateful_pointer<event_hub_state> self, ledger_actor ledger,
                                         hub_options options) {
  self->set_down_handler([self](const caf::down_msg& down) { self->state.forget(down.source.id()); });
  return self->state.behavior(std::move(ledger), std::move(options));
}

}  // namespace lode::actors
