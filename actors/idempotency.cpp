#include "actors/idempotency.hpp"

#include "messages/caf_error.hpp"
#include "messages/json.hpp"

#include <caf/all.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace lode::actors {
namespace {

constexpr std::size_t page = 1000;
constexpr std::size_t most_dropping = 4096;  // beyond, the store does not keep up
constexpr unix_ms drop_pause = 1000;

}  // namespace

const request_context& idempotency_state::waiter::ctx() const {
  return std::visit([](const auto& call) -> const request_context& { return call.ctx; }, message.call);
}

std::chrono::steady_clock::time_point idempotency_state::clock() const { return self_->system().clock().now(); }

void idempotency_state::arm_timer(timer slot, unix_ms due) {
  self_->send(opts_.env->wheel, arm{caf::actor_cast<deadline_sink>(caf::actor_cast<idempotency_actor>(self_)), slot,
                                    due, ++generation_[slot]});
}

caf::result<once_reply> idempotency_state::ask(allocate_once& message) {
  waiter w{std::move(message), {}};
  const auto claim = w.ctx().claim;
  if (!claim) return to_caf(errc::bad_request, "no idempotency key");
  const auto& key = claim->key;
  const auto found = entries_.find(key);
  if (found != entries_.end() && found->second.fingerprint != claim->fingerprint)
    return to_caf(errc::validation, "this key was used with another request");
  if (found == entries_.end()) {
    if (dropping_.contains(key) || !make_room())
      return to_caf(errc::overloaded, "too many idempotency keys are in use");
  }
  auto promise = self_->make_response_promise<once_reply>();
  w.promise = guarded<once_reply>{promise};
  if (found != entries_.end() && !under_way_.contains(key)) {
    replay(key, w.promise);
    return promise;
  }
  auto& e = found == entries_.end() ? entries_[key] : found->second;
  e.fingerprint = claim->fingerprint;
  e.waiting.push_back(std::move(w));
  if (e.waiting.size() == 1) {
    under_way_.insert(key);
    call(key);
  } else {
    time_out();
  }
  return promise;
}

void idempotency_state::call(const std::string& key) {
  const auto on_reply = [this, key](const allocation& a) {
    std::string data;
    write_json(data, a);
    settle(key, data);
  };
  const auto on_error = [this, key](const caf::error& why) { on_failed(key, why); };
  std::visit(
      [&](auto message) { self_->request(opts_.registry, caf::infinite, std::move(message)).then(on_reply, on_error); },
      entries_.at(key).waiting.front().message.call);
}

void idempotency_state::on_failed(const std::string& key, const caf::error& why) {
  // It may have been made although nobody could say so.
  self_->request(opts_.env->ledger, caf::infinite, load_reply{key})
      .then(
          [this, key, why](kept_replies& kept) {
            const auto& e = entries_.at(key);
            if (!kept.items.empty() && kept.items.front().fingerprint == e.fingerprint)
              return settle(key, kept.items.front().data);
            give_up(key, why);
          },
          [this, key](const caf::error& store) { give_up(key, store); });
}

void idempotency_state::settle(const std::string& key, const std::string& data) {
  auto& e = entries_.at(key);
  auto waiting = std::move(e.waiting);
  e.waiting.clear();
  under_way_.erase(key);
  finished(key, opts_.env->now());
  bool replayed = false;
  for (auto& w : waiting) {
    w.promise.deliver(once_reply{data, replayed});
    replayed = true;
  }
}

void idempotency_state::give_up(const std::string& key, const caf::error& why) {
  auto& waiting = entries_.at(key).waiting;
  waiting.front().promise.fail(why);
  waiting.pop_front();
  // Only its own time was up: whoever waits has more, and takes its turn.
  if (from_caf(why).code == errc::deadline_exceeded) {
    while (!waiting.empty() && !waiting.front().promise.pending()) waiting.pop_front();
    if (!waiting.empty()) return call(key);
  }
  for (auto& w : waiting) w.promise.fail(why);
  under_way_.erase(key);
  entries_.erase(key);
}

void idempotency_state::replay(const std::string& key, const guarded<once_reply>& promise) {
  self_->request(opts_.env->ledger, caf::infinite, load_reply{key})
      .then(
          [promise](kept_replies& kept) {
            if (kept.items.empty())
              return promise.fail(to_caf(errc::overloaded, "the reply was just dropped; ask again"));
            promise.deliver(once_reply{std::move(kept.items.front().data), true});
          },
          [promise](caf::error& e) { promise.fail(e); });
}

void idempotency_state::finished(const std::string& key, unix_ms at) {
  entries_.at(key).at = at;
  finished_.emplace(at, key);
  if (finished_.begin()->second == key)
    arm_timer(expiry_timer, at + opts_.env->settings.idempotency.keep_hours * 3'600'000);
}

bool idempotency_state::make_room() {
  if (entries_.size() < static_cast<std::size_t>(opts_.env->settings.idempotency.keys)) return true;
  if (finished_.empty() || dropping_.size() >= most_dropping) return false;
  auto key = finished_.begin()->second;
  finished_.erase(finished_.begin());
  entries_.erase(key);
  drop({std::move(key)});
  return true;
}

void idempotency_state::drop(std::vector<std::string> keys) {
  dropping_.insert(keys.begin(), keys.end());
  self_->request(opts_.env->ledger, caf::infinite, drop_replies{keys})
      .then(
          [this, keys](const done&) {
            for (const auto& key : keys) dropping_.erase(key);
          },
          [this, keys](const caf::error& e) {
            spdlog::warn("{} expired idempotency keys could not be dropped yet: {}", keys.size(),
                         from_caf(e).to_string());
            undropped_.insert(undropped_.end(), keys.begin(), keys.end());
            arm_timer(drop_timer, opts_.env->now() + drop_pause);
          });
}

void idempotency_state::expire() {
  const auto keep = opts_.env->settings.idempotency.keep_hours * 3'600'000;
  std::vector<std::string> gone;
  while (!finished_.empty() && finished_.begin()->first + keep <= opts_.env->now() && gone.size() < page &&
         dropping_.size() + gone.size() < most_dropping) {
    gone.push_back(finished_.begin()->second);
    finished_.erase(finished_.begin());
    entries_.erase(gone.back());
  }
  if (!gone.empty()) drop(std::move(gone));
  // Not before a moment has passed: what is due still and was left waits for the store.
  if (!finished_.empty())
    arm_timer(expiry_timer, std::max(finished_.begin()->first + keep, opts_.env->now() + drop_pause));
}

// Answers those whose time is up, and comes again for the next one.
void idempotency_state::time_out() {
  auto next = std::chrono::steady_clock::time_point::max();
  const auto now = clock();
  for (const auto& key : under_way_) {
    auto& waiting = entries_.at(key).waiting;
    // The first one's call minds its deadline itself.
    for (std::size_t i = 1; i < waiting.size(); ++i) {
      if (!waiting[i].promise.pending()) continue;
      const auto due = waiting[i].ctx().deadline;
      if (due <= now)
        waiting[i].promise.fail(to_caf(errc::deadline_exceeded, "an earlier call with this key is still under way"));
      else
        next = std::min(next, due);
    }
  }
  if (next == std::chrono::steady_clock::time_point::max()) return;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - now);
  arm_timer(waiter_timer, opts_.env->now() + left.count());
}

void idempotency_state::on_deadline(const deadline_reached& d) {
  if (d.slot > drop_timer || d.generation != generation_[d.slot]) return;
  switch (d.slot) {
    case expiry_timer:
      return expire();
    case waiter_timer:
      return time_out();
    default:
      return drop(std::exchange(undropped_, {}));
  }
}

void idempotency_state::load(std::string after) {
  // Awaited: until the keys are known no call is looked at.
  self_->request(opts_.env->ledger, caf::infinite, load_reply_index{std::move(after), page})
      .await(
          [this](kept_replies& some) {
            for (auto& r : some.items) {
              make_room();
              entries_[r.key].fingerprint = std::move(r.fingerprint);
              finished(r.key, r.at);
            }
            if (some.items.size() == page) load(some.items.back().key);
          },
          [this](const caf::error& e) {
            spdlog::critical("the idempotency keys cannot be read: {}", from_caf(e).to_string());
            if (opts_.on_fatal) opts_.on_fatal(from_caf(e));
            self_->quit(e);
          });
}

idempotency_actor::behavior_type idempotency_state::behavior(idempotency_options options) {
  opts_ = std::move(options);
  load({});
  return {
      [this](allocate_once& message) { return ask(message); },
      [this](const deadline_reached& d) { on_deadline(d); },
  };
}

idempotency_actor::behavior_type idempotency(idempotency_actor::stateful_pointer<idempotency_state> self,
                                             idempotency_options options) {
  self->set_exception_handler([](std::exception_ptr& e) { return report_exception("idempotency", "", e); });
  return self->state.behavior(std::move(options));
}

}  // namespace lode::actors
