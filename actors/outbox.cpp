#include "actors/outbox.hpp"

#include "actors/environment.hpp"
#include "crypto/crypto.hpp"
#include "messages/caf_error.hpp"

#include <caf/all.hpp>
#include <spdlog/spdlog.h>

#include <chrono>

namespace lode::actors {
namespace {

constexpr unix_ms save_again_ms = 1000;

}  // namespace

outbox_limits outbox_limits_from(const config::daemon_settings& settings) {
  const auto& n = settings.notify;
  outbox_limits out;
  out.retry = n.retry_seconds * 1000;
  out.retry_most = std::max(n.retry_max_seconds, n.retry_seconds) * 1000;
  out.keep = n.keep_days * 24 * 60 * 60 * 1000;
  out.parallel = static_cast<std::size_t>(n.parallel);
  out.queue = static_cast<std::size_t>(n.queue);
  out.keep_dead = static_cast<std::size_t>(n.keep_dead);
  return out;
}

void outbox_state::load() {
  self_
      ->request(options_.ledger, caf::infinite,
                load_webhooks{caf::actor_cast<webhook_sink>(caf::actor_cast<outbox_actor>(self_))})
      .then(
          [this](webhook_batch& rows) {
            outbox_receivers receivers;
            receivers.deallocation = options_.sender->reaches(links::webhook_kind::deallocation);
            receivers.status = options_.sender->reaches(links::webhook_kind::status);
            receivers.same = options_.sender->one_receiver();
            queue_.emplace(options_.limits, receivers);
            for (auto& row : rows.items) queue_->add(std::move(row), now());
            if (queue_->waiting() > 0) spdlog::info("outbox: {} webhooks wait to be sent", queue_->waiting());
            go_on();
          },
          [this](caf::error& e) { self_->quit(e); });
}

void outbox_state::go_on() {
  if (!queue_) return;
  while (auto d = queue_->next(now())) post(d->id, d->hook, d->key, crypto::uuid_v4());
  measure();
  save();
  arm_attempts();
}

void outbox_state::measure() {
  const auto& m = options_.meters->outbox;
  m.pending.Set(static_cast<double>(queue_->waiting()));
  m.dead.Set(static_cast<double>(queue_->dead()));
  m.given_up.Increment(static_cast<double>(queue_->take_given_up()));
}

void outbox_state::post(std::uint64_t delivery, const webhook& hook, const std::string& key,
                        const std::string& request_id) {
  links::webhook_post p;
  p.to = kind_of(hook);
  p.body = webhook_body(hook);
  p.delivery_id = key.empty() ? crypto::uuid_v4() : key;
  p.request_id = request_id;
  options_.sender->send(std::move(p), [me = caf::actor_cast<outbox_actor>(self_), delivery, meters = options_.meters,
                                       began = std::chrono::steady_clock::now()](links::webhook_reply r) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    meters->outbox.seconds.Observe(took.count());
    (r.acknowledged ? meters->outbox.acknowledged : meters->outbox.failed).Increment();
    caf::anon_send(me, webhook_answer{delivery, {r.acknowledged, std::move(r.detail)}});
  });
}

void outbox_state::save() {
  if (saving_) return;
  auto changes = queue_->take_changes();
  saving_resends_ = std::exchange(resends_, {});
  if (changes.settled.empty() && changes.changed.empty()) {
    for (auto& r : std::exchange(saving_resends_, {})) r.promise.deliver(r.answer);
    return;
  }
  saving_ = std::make_shared<const save_webhooks>(std::move(changes));
  write();
}

void outbox_state::write() {
  self_->request(options_.ledger, caf::infinite, *saving_)
      .then(
          [this](const done&) {
            const auto saved = std::exchange(saving_, nullptr);
            for (const auto& key : saved->settled) queue_->saved(key);
            for (const auto& one : saved->changed) queue_->saved(one.key);
            for (auto& r : std::exchange(saving_resends_, {})) r.promise.deliver(r.answer);
            go_on();
          },
          [this](caf::error& e) {
            // Only a ledger that has too much to do is worth another try; after any other failure the process ends.
            if (from_caf(e).code != errc::overloaded) return self_->quit(e);
            self_->send(options_.wheel, arm{caf::actor_cast<deadline_sink>(caf::actor_cast<outbox_actor>(self_)),
                                            save_timer, now() + save_again_ms, 0});
          });
}

void outbox_state::arm_attempts() {
  const auto due = queue_->next_due();
  if (!due || due == armed_) return;
  armed_ = due;
  self_->send(options_.wheel, arm{caf::actor_cast<deadline_sink>(caf::actor_cast<outbox_actor>(self_)), attempt_timer,
                                  *due, ++generation_});
}

void outbox_state::on_answer(const webhook_answer& a) {
  if (const auto test = tests_.find(a.delivery); test != tests_.end()) {
    test->second.deliver(a.outcome);
    tests_.erase(test);
    return;
  }
  if (!queue_) return;
  if (!a.outcome.acknowledged) spdlog::warn("a webhook was not acknowledged: {}", a.outcome.detail);
  queue_->answered(a.delivery, a.outcome.acknowledged, a.outcome.detail, now());
  go_on();
}

caf::result<notify_outcome> outbox_state::test(test_notify& t) {
  if (!options_.sender->reaches(kind_of(t.hook)))
    return notify_outcome{false, kind_of(t.hook) == links::webhook_kind::deallocation
                                     ? "No URL is set: notify.deallocation-url"
                                     : "No URL is set: notify.status-url"};
  if (tests_.size() >= most_tests) return to_caf(errc::overloaded, "too many tests of notifications are under way");
  auto promise = self_->make_response_promise<notify_outcome>();
  t.hook.at = now();
  tests_.emplace(++last_test_, guarded<notify_outcome>{promise});
  post(last_test_, t.hook, {}, t.ctx.request_id);
  return promise;
}

caf::result<resent_notifications> outbox_state::resend(const resend_notifications& r) {
  if (!queue_) return to_caf(errc::not_ready);
  if (r.id && !queue_->knows(*r.id)) return to_caf(errc::not_found, "No such notification.");
  auto promise = self_->make_response_promise<resent_notifications>();
  resent_notifications answer;
  answer.count = r.id ? queue_->resend(*r.id, now()) : queue_->resend_dead(now());
  resends_.push_back({guarded<resent_notifications>{promise}, answer});
  go_on();
  return promise;
}

outbox_actor::behavior_type outbox_state::behavior(outbox_options options) {
  options_ = std::move(options);
  load();
  return {
      [this](webhook_batch& batch) {
        if (!queue_) return;
        for (auto& row : batch.items) queue_->add(std::move(row), now());
        go_on();
      },
      [this](webhook_heartbeat& beat) {
        if (!queue_) return;
        queue_->add_heartbeat(std::move(beat.hook));
        go_on();
      },
      [this](test_notify& t) { return test(t); },
      [this](const list_notifications& l) -> caf::result<notification_list> {
        if (!queue_) return to_caf(errc::not_ready);
        return queue_->list(l);
      },
      [this](const resend_notifications& r) { return resend(r); },
      [this](const webhook_answer& a) { on_answer(a); },
      [this](const deadline_reached& d) {
        if (d.slot == save_timer) return write();
        if (d.generation != generation_) return;
        armed_.reset();
        go_on();
      },
  };
}

outbox_actor::behavior_type outbox(outbox_actor::stateful_pointer<outbox_state> self, outbox_options options) {
  self->set_exception_handler([](std::exception_ptr& e) { return report_exception("outbox", "", e); });
  return self->state.behavior(std::move(options));
}

}  // namespace lode::actors
