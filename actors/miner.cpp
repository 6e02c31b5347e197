#include "actors/miner.hpp"

#include "actors/allocation.hpp"
#include "messages/caf_error.hpp"
#include "messages/json.hpp"

#include <caf/all.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <thread>

namespace lode::actors {
namespace {

constexpr std::size_t lane_limit = 64;
constexpr std::chrono::milliseconds probe_timeout{10000};
constexpr std::chrono::milliseconds ssh_timeout{10000};
constexpr std::chrono::milliseconds specs_pause{15000};
constexpr std::uint32_t crashes_to_report = 5;
constexpr unix_ms settled_ms = 60000;  // an allocation actor that lived this long has recovered

}  // namespace

caf::error miner_state::no_child() const {
  return slot_taken_ ? to_caf(errc::not_ready, "the allocation is being recovered") : to_caf(errc::no_allocation);
}

// -- the slot ---------------------------------------------------------------------------------------------------------

void miner_state::spawn_allocation(std::optional<stored_allocation> stored) {
  slot_taken_ = true;
  child_started_ = opts_.env->now();
  allocation_options o;
  o.env = opts_.env;
  o.miner = caf::actor_cast<miner_actor>(self_);
  o.info = opts_.info;
  o.left = opts_.left;
  o.stored = std::move(stored);
  child_ = self_->spawn<caf::monitored>(allocation_behavior, std::move(o));
}

caf::result<allocation> miner_state::start(place& p) {
  if (slot_taken_) return to_caf(errc::busy, "the miner's slot is taken");
  if (opts_.left) {
    report_slot(std::nullopt);
    return to_caf(errc::unknown_hotkey);
  }
  spawn_allocation(std::nullopt);
  return ask_child<allocation>(p);
}

template <class Reply, class Message>
caf::result<Reply> miner_state::ask_child(Message& message) {
  auto promise = self_->make_response_promise<Reply>();
  const guarded<Reply> answer{promise};
  self_->request(child_, caf::infinite, std::move(message))
      .then([answer](Reply& reply) { answer.deliver(std::move(reply)); },
            [answer](caf::error& e) { answer.fail(std::move(e)); });
  return promise;
}

void miner_state::report_slot(std::optional<allocation> view, std::optional<bool> healthy) {
  const auto now = slot_taken_ ? slot_update::slot::busy : slot_update::slot::free;
  self_->send(opts_.registry, slot_update{opts_.info.hotkey, now, std::move(view), healthy});
}

void miner_state::on_changed(const allocation_changed& change) {
  if (change.gone) {
    slot_taken_ = false;
    child_ = nullptr;
    if (crashes_ != 0) self_->send(opts_.registry, crash_report{opts_.info.hotkey, crashes_ = 0});
  }
  report_slot(change.view, change.healthy);
}

void miner_state::on_down(const caf::down_msg& down) {
  // A child that said "gone" has been forgotten already; this one ended without saying so.
  if (!child_ || down.source != child_.address()) return;
  child_ = nullptr;
  if (opts_.env->now() - child_started_ > settled_ms) crashes_ = 0;
  ++crashes_;
  opts_.env->meters->supervision.allocation_crashes.Increment();
  spdlog::error("allocation {}: its actor crashed ({} in a row): {}", opts_.info.hotkey, crashes_,
                from_caf(down.reason).to_string());
  if (crashes_ >= crashes_to_report) self_->send(opts_.registry, crash_report{opts_.info.hotkey, crashes_});
  arm_timer(restart_timer, std::chrono::milliseconds{std::min<std::int64_t>(100LL << std::min(crashes_, 20U), 60000)});
}

void miner_state::restart_allocation() {
  self_->request(opts_.env->ledger, caf::infinite, load_allocation{opts_.info.hotkey})
      .then(
          [this](maybe_stored& found) {
            if (found.stored) {
              opts_.env->meters->supervision.allocation_restarts.Increment();
              return spawn_allocation(std::move(found.stored));
            }
            slot_taken_ = false;
            report_slot(std::nullopt);
          },
          [this](caf::error& e) {
            spdlog::error("allocation {}: cannot be read back: {}", opts_.info.hotkey, from_caf(e).to_string());
            arm_timer(restart_timer, std::chrono::milliseconds{60000});
          });
}

// -- calls ------------------------------------------------------------------------------------------------------------

caf::result<miner_reply> miner_state::enqueue(miner_call& call) {
  auto& lane = lanes_[static_cast<std::size_t>(call.lane)];
  if (lane.waiting.size() >= lane_limit) return to_caf(errc::overloaded, "too many calls wait for this miner");
  auto promise = self_->make_response_promise<miner_reply>();
  const auto which = call.lane;
  lane.waiting.push_back({std::move(call), guarded<miner_reply>{promise}});
  send_next(which);
  return promise;
}

void miner_state::send_next(call_lane which) {
  auto& lane = lanes_[static_cast<std::size_t>(which)];
  if (lane.under_way || lane.waiting.empty()) return;
  auto next = std::move(lane.waiting.front());
  lane.waiting.pop_front();
  lane.under_way = std::move(next.promise);
  lane.action = next.call.action;
  lane.sent = std::chrono::steady_clock::now();
  next.call.to = axon{opts_.info.hotkey, opts_.info.ip, opts_.info.port, opts_.info.simulated};
  // An answer that is there at once needs no message to ourselves.
  struct outcome {
    std::thread::id caller = std::this_thread::get_id();
    bool calling = true;  // looked at by the caller's thread only
    std::optional<miner_reply> reply;
  };
  const auto at_once = std::make_shared<outcome>();
  opts_.env->link->call(std::move(next.call),
                        [me = caf::actor_cast<miner_actor>(self_), which, at_once](miner_reply reply) {
                          if (std::this_thread::get_id() == at_once->caller && at_once->calling)
                            at_once->reply = std::move(reply);
                          else
                            caf::anon_send(me, link_answer{which, std::move(reply)});
                        });
  at_once->calling = false;
  if (!at_once->reply) return;
  link_answer answer{which, std::move(*at_once->reply)};
  on_answer(answer);
}

void miner_state::on_answer(link_answer& answer) {
  auto& lane = lanes_[static_cast<std::size_t>(answer.lane)];
  const bool reachable = answer.reply.code != errc::miner_unreachable && answer.reply.code != errc::miner_timed_out;
  if (reachable != reachable_ && answer.reply.code != errc::shutting_down) {
    reachable_ = reachable;
    self_->send(opts_.registry, reachability_update{opts_.info.hotkey, reachable});
  }
  if (!lane.under_way) return;
  opts_.env->meters->called(lane.action, answer.reply.code,
                            std::chrono::duration<double>(std::chrono::steady_clock::now() - lane.sent).count());
  auto promise = std::move(*lane.under_way);
  lane.under_way.reset();
  promise.deliver(std::move(answer.reply));
  send_next(answer.lane);
}

caf::result<hotkey_status> miner_state::status(const probe& p) {
  auto promise = self_->make_response_promise<hotkey_status>();
  miner_call call;
  call.action = miner_action::check;
  call.lane = call_lane::check;
  call.timeline_days = 1;
  call.timeout = probe_timeout;
  if (p.ctx.deadline <= self_->system().clock().now()) return hotkey_status{opts_.info.hotkey, "Unknown", std::nullopt};
  call.request_id = p.ctx.request_id;
  const auto say = [hotkey = opts_.info.hotkey, guard = guarded<hotkey_status>{promise}](std::string text) {
    guard.deliver(hotkey_status{hotkey, std::move(text), std::nullopt});
  };
  self_->request(caf::actor_cast<miner_actor>(self_), caf::infinite, std::move(call))
      .then(
          [say](const miner_reply& reply) {
            switch (reply.code) {
              case errc::none:
                return say("Docker OFFLINE");
              case errc::miner_refused:
                return say(reply.answered_no ? "Docker ONLINE" : "Unknown");
              case errc::miner_unreachable:
              case errc::miner_timed_out:
                return say("Miner NO_RESPONSE");
              default:
                return say("Unknown");
            }
          },
          [say](caf::error&) { say("Unknown"); });
  return promise;
}

void miner_state::ask_specs() {
  if ((opts_.info.specs && !specs_learned_) || opts_.info.simulated || opts_.left) return;
  miner_call call;
  call.action = miner_action::specs;
  call.lane = call_lane::check;
  call.timeout = probe_timeout;
  call.request_id = "specs";
  self_->request(caf::actor_cast<miner_actor>(self_), caf::infinite, std::move(call))
      .then(
          [this](const miner_reply& reply) {
            if (opts_.info.specs && !specs_learned_) return;  // the metagraph has named them meanwhile
            if (reply.ok()) {
              if (auto specs = parse_specs_text(reply.specs_json)) {
                opts_.info.specs = *specs;
                specs_learned_ = true;
                self_->send(opts_.registry, specs_update{opts_.info.hotkey, *specs});
                // Memory and disk change: what was learned is learned again.
                arm_timer(specs_timer, std::chrono::seconds{opts_.env->settings.metagraph.refresh_seconds});
                return;
              }
              spdlog::warn("miner {}: its specs are malformed and ignored", opts_.info.hotkey);
            }
            // Existing miners do not know the call and say so: their specs come from elsewhere.
            if (reply.code != errc::miner_refused) arm_timer(specs_timer, specs_pause);
          },
          [this](caf::error&) { arm_timer(specs_timer, specs_pause); });
}

void miner_state::arm_timer(timer slot, std::chrono::milliseconds in) {
  self_->send(opts_.env->wheel, arm{caf::actor_cast<deadline_sink>(caf::actor_cast<miner_actor>(self_)), slot,
                                    opts_.env->now() + in.count(), ++timer_generation_[slot]});
}

void miner_state::on_deadline(const deadline_reached& d) {
  if (d.slot >= timer_generation_.size() || d.generation != timer_generation_[d.slot]) return;
  if (d.slot == restart_timer) return restart_allocation();
  ask_specs();
}

void miner_state::on_info(const miner_changed& change) {
  specs_learned_ = specs_learned_ && change.info.specs == opts_.info.specs;
  opts_.info = change.info;
  opts_.left = false;
  if (child_) self_->send(child_, miner_changed{opts_.info});
  ask_specs();
}

miner_actor::behavior_type miner_state::behavior(miner_options options) {
  opts_ = std::move(options);
  if (opts_.stored) {
    auto stored = std::move(opts_.stored);
    opts_.stored.reset();
    spawn_allocation(std::move(stored));
  }
  ask_specs();
  return {
      [this](place& p) { return start(p); },
      [this](deallocate& d) -> caf::result<done> {
        if (!child_) return no_child();
        return ask_child<done>(d);
      },
      [this](docker_action& a) -> caf::result<done> {
        if (!child_) return no_child();
        return ask_child<done>(a);
      },
      [this](extend_lease& e) -> caf::result<allocation> {
        if (!child_) return no_child();
        return ask_child<allocation>(e);
      },
      [this](check_port& c) -> caf::result<port_report> {
        if (!child_) return no_child();
        return ask_child<port_report>(c);
      },
      [this](const probe& p) { return status(p); },
      [this](check_health& c) -> caf::result<done> {
        if (!child_) return done{};
        return self_->delegate(child_, c);
      },
      [this](miner_call& call) { return enqueue(call); },
      [this](const ssh_check& check) -> caf::result<ssh_answer> {
        auto promise = self_->make_response_promise<ssh_answer>();
        const auto id = ++last_probe_;
        probes_.emplace(id, guarded<ssh_answer>{promise});
        opts_.env->link->probe_ssh(axon{opts_.info.hotkey, opts_.info.ip, opts_.info.port, opts_.info.simulated},
                                   check.ip, check.port, ssh_timeout,
                                   [me = caf::actor_cast<miner_actor>(self_), id](ssh_state s) {
                                     caf::anon_send(me, link_ssh_answer{id, s});
                                   });
        return promise;
      },
      [this](const miner_changed& c) { on_info(c); },
      [this](const miner_left& l) {
        opts_.left = true;
        if (child_) self_->send(child_, l);
      },
      [this](const allocation_changed& c) { on_changed(c); },
      [this](link_answer& a) { on_answer(a); },
      [this](const link_ssh_answer& a) {
        if (auto found = probes_.extract(a.id)) found.mapped().deliver(ssh_answer{a.state});
      },
      [this](const deadline_reached& d) { on_deadline(d); },
  };
}

miner_actor::behavior_type miner_behavior(miner_actor::stateful_pointer<miner_state> self, miner_options options) {
  const auto hotkey = options.info.hotkey;
  self->set_down_handler([self](const caf::down_msg& down) { self->state.on_down(down); });
  self->set_exception_handler([hotkey](std::exception_ptr& e) { return report_exception("miner", hotkey, e); });
  return self->state.behavior(std::move(options));
}

}  // namespace lode::actors
