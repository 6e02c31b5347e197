#include "http/event_feed.hpp"

#include "http/event_listener.hpp"
#include "messages/caf_error.hpp"

#include <boost/asio/post.hpp>
#include <caf/all.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <utility>

namespace lode::http {
namespace {

constexpr std::chrono::seconds ask_time{60};

using batch_handler = std::function<void(std::vector<event_frame>)>;

// The frames are made here, on the actors' thread, once for all listeners. `take` must not block.
event_sink::behavior_type feed_sink(event_sink::pointer /*self*/, batch_handler take) {
  return {[take = std::move(take)](const event_batch& batch) {
    std::vector<event_frame> frames;
    frames.reserve(batch.items.size());
    for (const auto& e : batch.items) frames.push_back(frame_of(e));
    take(std::move(frames));
  }};
}

}  // namespace

event_frame frame_of(const logged_event& e) {
  return {e.seq, std::make_shared<const std::string>(
                     fmt::format(R"({{"type":"{}","seq":{},"payload":{}}})", e.type, e.seq, e.payload))};
}

event_feed::event_feed(const executor& ex, reply_port& port, event_hub_actor hub, ledger_actor ledger,
                       std::chrono::milliseconds keepalive)
    : ex_(ex),
      port_(port),
      hub_(std::move(hub)),
      ledger_(std::move(ledger)),
      keepalive_(keepalive),
      timer_(ex),
      pause_(ex) {}

void event_feed::start(caf::actor_system& sys) {
  if (stopped_) return;
  auto take = [ex = ex_, weak = weak_from_this()](std::vector<event_frame> frames) {
    boost::asio::post(ex, [weak, frames = std::move(frames)] {
      const auto self = weak.lock();
      if (!self || self->stopped_) return;
      // The hub's word for: you are too slow, I forget you.
      if (frames.empty()) return self->subscribe_again();
      self->publish(frames);
      caf::anon_send(self->hub_, event_ack{self->sink_.address(), self->last_});
    });
  };
  sink_ = sys.spawn(feed_sink, batch_handler{std::move(take)});
  read_events where;
  where.limit = 0;
  async_ask(port_, ledger_, where, reply_port::clock::now() + ask_time,
            [self = shared_from_this()](caf::expected<event_batch> end) {
              if (self->stopped_) return;
              if (!end) {
                spdlog::error("/connect cannot serve: {}", from_caf(end.error()).to_string());
                return;
              }
              self->last_ = end->head;
              self->ready_ = true;
              self->subscribe_here();
            });
}

void event_feed::subscribe_here() { caf::anon_send(hub_, subscribe{sink_, last_}); }

// Not at once: the hub also forgets who it cannot read the log for.
void event_feed::subscribe_again() {
  pause_.expires_after(std::chrono::seconds{1});
  pause_.async_wait([weak = weak_from_this()](const boost::system::error_code& ec) {
    const auto self = weak.lock();
    if (self && !ec && !self->stopped_) self->subscribe_here();
  });
}

void event_feed::stop() {
  if (stopped_) return;
  stopped_ = true;
  ready_ = false;
  timer_.cancel();
  pause_.cancel();
  if (sink_) caf::anon_send_exit(sink_, caf::exit_reason::user_shutdown);
  // Whoever still holds the feed must not keep the actors.
  sink_ = nullptr;
  hub_ = nullptr;
  ledger_ = nullptr;
}

std::shared_ptr<websocket_owner> event_feed::listen(std::optional<std::uint64_t> since, unwelcome why) {
  return std::make_shared<event_listener>(shared_from_this(), since, std::move(why));
}

void event_feed::publish(std::span<const event_frame> frames) {
  // A listener that is dropped leaves the list when its coroutine ends, never inside this loop.
  for (event_listener* l : listeners_) l->publish(frames);
  last_ = std::max(last_, frames.back().seq);
}

std::shared_ptr<const std::string> event_feed::keepalive_frame() {
  const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  return std::make_shared<const std::string>(
      fmt::format(R"({{"type":"keepalive","payload":{{"time":"{}"}}}})", rfc3339(now.count())));
}

void event_feed::arm_keepalive() {
  if (stopped_) return;
  timer_.expires_after(keepalive_);
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& ec) {
    const auto self = weak.lock();
    if (!self || ec || self->listeners_.empty()) return;
    const auto frame = keepalive_frame();
    for (event_listener* l : self->listeners_) l->keep_alive(frame);
    self->arm_keepalive();
  });
}

}  // namespace lode::http
