#include "actors/outbox_queue.hpp"

#include "actors/paging.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace lode::actors {
namespace {

constexpr std::int64_t quick_tries = 3;

notification shown(const std::string& key, const webhook& hook, unix_ms next_at) {
  constexpr std::size_t tail = 4;
  notification n;
  n.id = key;
  n.event = hook.event;
  n.hotkey = hook.hotkey;
  n.uuid_end = hook.uuid.size() > tail ? hook.uuid.substr(hook.uuid.size() - tail) : "";
  n.url_kind = kind_of(hook) == links::webhook_kind::deallocation ? "deallocation" : "status";
  n.attempts = hook.attempts;
  n.created_at = hook.at;
  n.next_at = next_at;
  n.last_error = hook.last_error;
  n.dead = hook.dead;
  return n;
}

}  // namespace

links::webhook_kind kind_of(const webhook& w) {
  return w.event == deallocation_event ? links::webhook_kind::deallocation : links::webhook_kind::status;
}

outbox_queue::lane_key outbox_queue::lane_of(const webhook& w) const {
  const bool second = kind_of(w) == links::webhook_kind::status && !receivers_.same;
  return {second ? 1U : 0U, w.uuid};
}

bool outbox_queue::reachable(const webhook& w) const {
  return kind_of(w) == links::webhook_kind::deallocation ? receivers_.deallocation : receivers_.status;
}

unix_ms outbox_queue::pause_after(std::int64_t attempts) const {
  if (attempts < quick_tries) return std::min(limits_.retry, limits_.retry_most);
  const auto doublings = std::min<std::int64_t>(attempts - quick_tries + 1, 20);
  return std::min(limits_.retry << doublings, limits_.retry_most);
}

void outbox_queue::schedule(const lane_key& k) {
  const auto found = lanes_.find(k);
  if (found == lanes_.end()) return;
  auto& l = found->second;
  auto& index = due_[k.first];
  if (l.due) index.erase({*l.due, k});
  l.due.reset();
  if (l.busy) return;
  if (!l.keys.empty())
    l.due = items_.at(*l.keys.begin()).next_at;
  else if (l.heartbeat)
    l.due = 0;
  else
    return void(lanes_.erase(found));
  index.emplace(*l.due, k);
}

void outbox_queue::add(stored_webhook row, unix_ms now) {
  if (row.hook.dead) return keep_dead(std::move(row.key), std::move(row.hook));
  if (!reachable(row.hook)) return give_up(row.key, std::move(row.hook), "no URL is set");
  if (items_.size() >= limits_.queue) make_room();
  const auto k = lane_of(row.hook);
  auto& l = lanes_[k];
  if (l.heartbeat) {
    l.heartbeat.reset();
    --heartbeats_;
  }
  l.keys.insert(row.key);
  items_[row.key] = item{std::move(row.hook), now};
  schedule(k);
}

void outbox_queue::add_heartbeat(webhook beat) {
  if (!reachable(beat)) return;
  const auto k = lane_of(beat);
  const auto found = lanes_.find(k);
  if (found != lanes_.end() && !found->second.keys.empty()) return;
  if (found == lanes_.end() || !found->second.heartbeat) {
    if (heartbeats_ >= limits_.heartbeats) return;
    ++heartbeats_;
  }
  lanes_[k].heartbeat = std::move(beat);
  schedule(k);
}

std::optional<outbox_queue::delivery> outbox_queue::next(unix_ms now) {
  for (std::size_t receiver = 0; receiver < due_.size(); ++receiver) {
    auto& index = due_[receiver];
    if (under_way_[receiver] >= limits_.parallel || index.empty() || index.begin()->first > now) continue;
    const auto k = index.begin()->second;
    auto& l = lanes_.at(k);
    delivery d;
    d.id = ++last_id_;
    if (!l.keys.empty()) {
      d.key = *l.keys.begin();
      d.hook = items_.at(d.key).hook;
    } else {
      d.hook = std::move(*l.heartbeat);
      l.heartbeat.reset();
      --heartbeats_;
    }
    l.busy = true;
    schedule(k);
    ++under_way_[receiver];
    flights_[d.id] = flight{k, d.key};
    return d;
  }
  return std::nullopt;
}

void outbox_queue::answered(std::uint64_t id, bool acknowledged, const std::string& detail, unix_ms now) {
  auto landed = flights_.extract(id);
  if (landed.empty()) return;
  const auto [k, key] = std::move(landed.mapped());
  --under_way_[k.first];
  auto& l = lanes_.at(k);
  if (key.empty()) {
    l.busy = false;
    return schedule(k);
  }
  const auto found = items_.find(key);
  auto& hook = found->second.hook;
  if (acknowledged) {
    l.keys.erase(key);
    items_.erase(found);
    changes_.settled.push_back(key);
    closing_[key] = k;
    return;
  }
  ++hook.attempts;
  hook.last_error = detail;
  if (now - hook.since >= limits_.keep) {
    l.keys.erase(key);
    closing_[key] = k;
    auto gone = std::move(hook);
    items_.erase(found);
    return give_up(key, std::move(gone), detail);
  }
  // The last try is not later than its end.
  found->second.next_at = std::min(now + pause_after(hook.attempts), std::max(now + 1, hook.since + limits_.keep));
  l.busy = false;
  schedule(k);
}

std::optional<unix_ms> outbox_queue::next_due() const {
  std::optional<unix_ms> out;
  for (std::size_t receiver = 0; receiver < due_.size(); ++receiver) {
    if (under_way_[receiver] >= limits_.parallel || due_[receiver].empty()) continue;
    const auto due = due_[receiver].begin()->first;
    out = out ? std::min(*out, due) : due;
  }
  return out;
}

void outbox_queue::saved(const std::string& key) {
  auto closed = closing_.extract(key);
  if (closed.empty()) return;
  const auto k = closed.mapped();
  lanes_.at(k).busy = false;
  schedule(k);
}

void outbox_queue::give_up(const std::string& key, webhook hook, const std::string& why) {
  spdlog::error("webhook {} ({} of {}) is given up after {} attempts: {}", key, hook.event, hook.hotkey, hook.attempts,
                why);
  ++given_up_;
  hook.dead = true;
  hook.last_error = why;
  changes_.changed.push_back({key, hook});
  keep_dead(key, std::move(hook));
}

void outbox_queue::keep_dead(std::string key, webhook hook) {
  dead_[std::move(key)] = std::move(hook);
  while (dead_.size() > limits_.keep_dead) {
    const auto oldest = dead_.begin();
    spdlog::error("webhook {} ({} of {}) was given up and is dropped: too many dead ones", oldest->first,
                  oldest->second.event, oldest->second.hotkey);
    std::erase_if(changes_.changed, [&](const stored_webhook& s) { return s.key == oldest->first; });
    changes_.settled.push_back(oldest->first);
    dead_.erase(oldest);
  }
}

void outbox_queue::make_room() {
  for (auto& [key, waiting] : items_) {
    const auto k = lane_of(waiting.hook);
    auto& l = lanes_.at(k);
    const bool under_way = l.busy && !l.keys.empty() && *l.keys.begin() == key;
    if (under_way) continue;
    const std::string name = key;
    auto hook = std::move(waiting.hook);
    l.keys.erase(name);
    items_.erase(name);
    schedule(k);
    return give_up(name, std::move(hook), "too many webhooks wait");
  }
}

void outbox_queue::revive(const std::string& key, unix_ms now) {
  auto taken = dead_.extract(key);
  webhook hook = std::move(taken.mapped());
  hook.dead = false;
  hook.attempts = 0;
  hook.since = now;
  std::erase_if(changes_.changed, [&](const stored_webhook& s) { return s.key == key; });
  changes_.changed.push_back({key, hook});
  add({key, std::move(hook)}, now);
}

std::size_t outbox_queue::resend(const std::string& key, unix_ms now) {
  if (const auto dead = dead_.find(key); dead != dead_.end()) {
    if (!reachable(dead->second)) return 0;
    revive(key, now);
    return 1;
  }
  const auto found = items_.find(key);
  if (found == items_.end()) return 0;
  found->second.next_at = now;
  schedule(lane_of(found->second.hook));
  return 1;
}

std::size_t outbox_queue::resend_dead(unix_ms now) {
  std::vector<std::string> keys;
  for (const auto& [key, hook] : dead_)
    if (reachable(hook)) keys.push_back(key);
  for (const auto& key : keys) revive(key, now);
  return keys.size();
}

notification_list outbox_queue::list(const list_notifications& asked) const {
  notification_list out;
  if (!asked.dead.value_or(false))
    for (const auto& [key, waiting] : items_) out.items.push_back(shown(key, waiting.hook, waiting.next_at));
  if (asked.dead.value_or(true))
    for (const auto& [key, hook] : dead_) out.items.push_back(shown(key, hook, 0));
  std::sort(out.items.begin(), out.items.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  out.total = out.items.size();
  const auto [first, last] = page_of(asked.page);
  const auto from = std::min(first, out.total);
  const auto to = std::min(last, out.total);
  out.items = {out.items.begin() + static_cast<std::ptrdiff_t>(from),
               out.items.begin() + static_cast<std::ptrdiff_t>(to)};
  return out;
}

}  // namespace lode::actors
