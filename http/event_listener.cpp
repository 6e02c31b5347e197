#include "http/event_listener.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <utility>

namespace lode::http {
namespace {

constexpr std::size_t read_limit = 200;  // events of one read; well within what a WebSocket may queue
constexpr std::chrono::seconds read_time{10};

}  // namespace

void event_listener::opened(websocket& socket) {
  socket_ = &socket;
  slot = feed_->listeners_.size();
  feed_->listeners_.push_back(this);
  if (feed_->listeners_.size() == 1) feed_->arm_keepalive();
  keep_alive(event_feed::keepalive_frame());
  sent_ = since_.value_or(feed_->last_);
  live_ = !since_;
  if (!live_) read_on();
}

void event_listener::closed() {
  socket_ = nullptr;
  auto& all = feed_->listeners_;
  all.back()->slot = slot;
  std::swap(all[slot], all.back());
  all.pop_back();
}

void event_listener::keep_alive(const std::shared_ptr<const std::string>& frame) { send(frame); }

bool event_listener::send(const std::shared_ptr<const std::string>& frame) {
  if (!socket_ || ending_) return false;
  if (const auto why = unwelcome_ ? unwelcome_() : std::nullopt) {
    end(why->code, why->reason);
    return false;
  }
  return socket_->send(frame);
}

void event_listener::publish(std::span<const event_frame> frames) {
  if (!live_) return;
  for (const auto& f : frames) {
    if (f.seq <= sent_) continue;
    if (!send(f.text)) return;
    sent_ = f.seq;
  }
}

void event_listener::drained() {
  if (!live_) read_on();
}

// One step at a time: the next when this one is with the system, so at the listener's pace.
void event_listener::read_on() {
  if (reading_ || ending_ || !socket_ || feed_->stopped_) return;
  reading_ = true;
  read_events message;
  message.after = sent_;
  message.limit = read_limit;
  async_ask(feed_->port_, feed_->ledger_, message, reply_port::clock::now() + read_time,
            [self = shared_from_this()](caf::expected<event_batch> batch) {
              self->reading_ = false;
              if (self->socket_ && !self->ending_) self->took(batch);
            });
}

void event_listener::took(caf::expected<event_batch>& batch) {
  if (!batch) {
    ending_ = true;
    return socket_->close(1011, "the event log cannot be read now");
  }
  if (sent_ < batch->dropped)
    return end(feed_close::no_longer_kept, fmt::format("events up to {} are no longer kept", batch->dropped));
  if (sent_ > batch->head) return end(feed_close::ahead_of_log, fmt::format("the event log ends at {}", batch->head));
  for (const auto& e : batch->items) {
    if (!send(frame_of(e).text)) {
      ending_ = true;
      return;
    }
    sent_ = e.seq;
  }
  if (batch->items.size() < read_limit) {
    // That was all up to the head, which is no event's in general.
    sent_ = std::max(sent_, batch->head);
    live_ = feed_->last_ <= sent_;  // else something was published meanwhile, and is in the log
  }
  if (!live_ && socket_->queued() == 0) read_on();
}

void event_listener::end(feed_close code, std::string_view reason) {
  ending_ = true;
  socket_->close(static_cast<std::uint16_t>(code), reason);
}

}  // namespace lode::http
