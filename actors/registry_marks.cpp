// Marks: what keeps a miner from being offered although its slot may be free. Operators set and remove them; we
// quarantine a miner that keeps failing, and end that again. A mark counts once it is durable, and never before.

#include "actors/registry.hpp"
#include "crypto/hotkey.hpp"
#include "messages/caf_error.hpp"
#include "messages/json.hpp"
#include "messages/record_codec.hpp"

#include <caf/all.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace lode::actors {
namespace {

constexpr std::size_t most_marked = 100'000;
constexpr std::size_t most_waiting = 1'000;
constexpr std::uint32_t marks_timer = 0;
constexpr unix_ms retry_pause = 1'000;
constexpr unix_ms minute_ms = 60'000;
constexpr std::string_view ourselves = "lode";

std::string event_of(std::string_view hotkey, std::string_view event, mark_kind mark, std::string_view reason,
                     std::string_view by) {
  std::string out;
  const auto member = [&out](std::string_view key, std::string_view text) {
    out.append(key);
    write_json_string(out, text);
  };
  member(R"({"hotkey":)", hotkey);
  member(R"(,"event":)", event);
  member(R"(,"mark":)", to_string(mark));
  member(R"(,"reason":)", reason);
  member(R"(,"by":)", by);
  out.push_back('}');
  return out;
}

auto find_mark(marks_record& in, mark_kind kind) {
  return std::find_if(in.marks.begin(), in.marks.end(), [kind](const miner_mark& m) { return m.mark == kind; });
}

}  // namespace

const miner_mark* registry_state::mark_of(const std::string& hotkey, mark_kind kind) const {
  const auto it = marks_.find(hotkey);
  if (it == marks_.end()) return nullptr;
  const auto& marks = it->second.record.marks;
  const auto found = std::find_if(marks.begin(), marks.end(), [kind](const miner_mark& m) { return m.mark == kind; });
  return found == marks.end() ? nullptr : &*found;
}

unix_ms registry_state::end_of(const miner_mark& quarantine) const {
  return quarantine.since + opts_.env->settings.placement.quarantine_minutes * minute_ms;
}

// -- operators --------------------------------------------------------------------------------------------------------

caf::result<done> registry_state::mark(mark_miner& m) {
  if (auto e = not_serving()) return std::move(*e);
  if (m.reason.size() > longest_mark_reason) return to_caf(errc::bad_request, "the reason is too long");
  const bool heard_of = miners_.contains(m.hotkey) || marks_.contains(m.hotkey);
  if (!heard_of && (m.mark != mark_kind::blacklist || !crypto::ss58_decode(m.hotkey)))
    return to_caf(errc::unknown_hotkey, "no such hotkey in the metagraph");
  mark_change c;
  c.hotkey = std::move(m.hotkey);
  c.mark = m.mark;
  c.reason = std::move(m.reason);
  return change_for_operator(std::move(c), m.ctx);
}

caf::result<done> registry_state::unmark(unmark_miner& m) {
  if (auto e = not_serving()) return std::move(*e);
  mark_change c;
  c.change = mark_change::what::unmark;
  c.hotkey = std::move(m.hotkey);
  c.mark = m.mark;
  return change_for_operator(std::move(c), m.ctx);
}

caf::result<done> registry_state::change_for_operator(mark_change change, const request_context& ctx) {
  if (mark_changes_.size() >= most_waiting) return to_caf(errc::overloaded, "too many marks wait to be written");
  auto promise = self_->make_response_promise<done>();
  change.by = ctx.caller;
  change.deadline = ctx.deadline;
  change.promise = guarded<done>{promise};
  change_marks(std::move(change));
  return promise;
}

// -- one change after the other ---------------------------------------------------------------------------------------

// Ours are bounded too: by the miners (drained) and by the placements under way (quarantines).
void registry_state::change_marks(mark_change change) {
  mark_changes_.push_back(std::move(change));
  if (!changing_marks_) next_mark_change();
}

void registry_state::next_mark_change() {
  while (!stopping_) {
    mark_change change;
    if (!mark_changes_.empty()) {
      change = std::move(mark_changes_.front());
      mark_changes_.pop_front();
    } else if (!quarantine_ends_.empty() && quarantine_ends_.begin()->first <= opts_.env->now()) {
      change.change = mark_change::what::quarantine_over;
      change.hotkey = quarantine_ends_.begin()->second;
      change.mark = mark_kind::quarantine;
      change.reason = "its time is over";
      change.by = ourselves;
    } else {
      if (!quarantine_ends_.empty()) arm_marks_timer(quarantine_ends_.begin()->first);
      return;
    }
    const auto it = marks_.find(change.hotkey);
    auto next = it == marks_.end() ? marks_record{} : it->second.record;
    if (const auto refused = apply(change, next)) {
      change.promise.fail(to_caf(*refused));
      continue;
    }
    return commit_marks(std::move(change), std::move(next));
  }
}

std::optional<error> registry_state::apply(const mark_change& change, marks_record& to) const {
  using enum mark_change::what;
  if (change.deadline <= self_->system().clock().now()) return error{errc::deadline_exceeded, {}};
  const auto found = find_mark(to, change.mark);
  const bool there = found != to.marks.end();
  switch (change.change) {
    case mark: {
      if (to.marks.empty() && marks_.size() >= most_marked)
        return error{errc::bad_request, "too many hotkeys are marked"};
      const miner_mark m{change.mark, change.reason, opts_.env->now(), change.by};
      if (there)
        *found = m;
      else
        to.marks.push_back(m);
      return std::nullopt;
    }
    case quarantine_over:
      if (!there || end_of(*found) > opts_.env->now()) return error{errc::not_found, {}};
      [[fallthrough]];
    case unmark:
      if (!there) return error{errc::not_found, "it has no such mark"};
      to.marks.erase(found);
      if (change.mark == mark_kind::drain) to.drained = false;
      return std::nullopt;
    case drained:
      break;
  }
  const auto e = miners_.find(change.hotkey);
  if (!there || to.drained || (e != miners_.end() && e->second.busy)) return error{errc::not_found, {}};
  to.drained = true;
  return std::nullopt;
}

void registry_state::commit_marks(mark_change change, marks_record next) {
  using enum mark_change::what;
  commit_row row;
  row.key = change.hotkey;
  row.erase = next.marks.empty();
  if (!row.erase) row.value = encode(next);
  row.event_type = "miner";
  row.event_payload = event_of(change.hotkey,
                               change.change == mark      ? "marked"
                               : change.change == drained ? "drained"
                                                          : "unmarked",
                               change.mark, change.reason, change.by);
  row.at = opts_.env->now();
  changing_marks_ = true;
  auto shared = std::make_shared<mark_change>(std::move(change));
  self_->request(opts_.env->ledger, caf::infinite, std::move(row))
      .then(
          [this, shared, next = std::move(next)](const committed&) mutable {
            keep_marks(shared->hotkey, std::move(next));
            shared->promise.deliver(done{});
            changing_marks_ = false;
            next_mark_change();
          },
          [this, shared](const caf::error& e) {
            changing_marks_ = false;
            const auto why = from_caf(e);
            if (shared->promise.pending()) {
              shared->promise.fail(e);
              return next_mark_change();
            }
            // Ours: nobody would ask again. Only a queue that is full passes; a store that fails ends the process.
            spdlog::warn("miner {}: its marks could not be written: {}", shared->hotkey, why.to_string());
            if (shared->change != quarantine_over) mark_changes_.push_back(std::move(*shared));
            arm_marks_timer(opts_.env->now() + retry_pause);
          });
}

void registry_state::keep_marks(const std::string& hotkey, marks_record next) {
  if (const auto* q = mark_of(hotkey, mark_kind::quarantine)) quarantine_ends_.erase({end_of(*q), hotkey});
  if (next.marks.empty()) {
    marks_.erase(hotkey);
  } else {
    auto& m = marks_[hotkey];
    const auto& gauges = opts_.env->meters->miners.marked;
    for (std::size_t i = 0; i < gauges.size(); ++i)
      m.counted[i].set(*gauges[i], find_mark(next, static_cast<mark_kind>(i)) != next.marks.end());
    m.record = std::move(next);
  }
  if (const auto* q = mark_of(hotkey, mark_kind::quarantine)) quarantine_ends_.emplace(end_of(*q), hotkey);
  if (const auto it = miners_.find(hotkey); it != miners_.end()) refresh_offer(it->second);
  say_when_drained(hotkey);
}

void registry_state::say_when_drained(const std::string& hotkey) {
  const auto it = miners_.find(hotkey);
  if (!recovered_ || (it != miners_.end() && it->second.busy)) return;
  if (!mark_of(hotkey, mark_kind::drain) || marks_.at(hotkey).record.drained) return;
  mark_change c;
  c.change = mark_change::what::drained;
  c.hotkey = hotkey;
  c.mark = mark_kind::drain;
  c.by = ourselves;
  change_marks(std::move(c));
}

// -- quarantine -------------------------------------------------------------------------------------------------------

void registry_state::quarantine(const std::string& hotkey, std::string reason) {
  if (mark_of(hotkey, mark_kind::quarantine)) return;
  spdlog::warn("miner {}: quarantined for {} minutes: {}", hotkey, opts_.env->settings.placement.quarantine_minutes,
               reason);
  mark_change c;
  c.hotkey = hotkey;
  c.mark = mark_kind::quarantine;
  c.reason = reason.substr(0, longest_mark_reason);
  c.by = ourselves;
  change_marks(std::move(c));
}

void registry_state::arm_marks_timer(unix_ms due) {
  self_->send(opts_.env->wheel, arm{caf::actor_cast<deadline_sink>(caf::actor_cast<registry_actor>(self_)), marks_timer,
                                    due, ++marks_timer_});
}

// -- recovery ---------------------------------------------------------------------------------------------------------

std::optional<error> registry_state::load_marks(const stored_rows& rows) {
  for (const auto& row : rows.items) {
    auto record = decode_marks(row.value);
    if (!record) return error{record.error().code, row.key + ": " + record.error().detail};
    keep_marks(row.key, std::move(*record));
  }
  return std::nullopt;
}

void registry_state::recover_marks() {
  // Also what may have become empty, or ended, while nobody looked.
  for (const auto& [hotkey, m] : marks_) say_when_drained(hotkey);
  if (!changing_marks_) next_mark_change();
}

}  // namespace lode::actors
