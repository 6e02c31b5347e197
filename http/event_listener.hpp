#pragma once
// One listener of /connect: a keepalive on opening, then the log from where it asked, then live events.

#include "http/event_feed.hpp"

namespace lode::http {

class event_listener final : public websocket_owner, public std::enable_shared_from_this<event_listener> {
 public:
  event_listener(std::shared_ptr<event_feed> feed, std::optional<std::uint64_t> since, event_feed::unwelcome why)
      : feed_(std::move(feed)), since_(since), unwelcome_(std::move(why)) {}

  void opened(websocket& socket) override;
  void drained() override;
  void closed() override;

  /// Live events, in order.
  void publish(std::span<const event_frame> frames);
  void keep_alive(const std::shared_ptr<const std::string>& frame);
  std::size_t slot = 0;  ///< its place in the feed's list

 private:
  void read_on();
  void took(caf::expected<event_batch>& batch);
  void end(feed_close code, std::string_view reason);
  bool send(const std::shared_ptr<const std::string>& frame);

  std::shared_ptr<event_feed> feed_;
  std::optional<std::uint64_t> since_;
  event_feed::unwelcome unwelcome_;
  websocket* socket_ = nullptr;  ///< while it is open
  std::uint64_t sent_ = 0;       ///< everything up to this was sent, or lies before `since`
  bool live_ = false;
  bool reading_ = false;
  bool ending_ = false;
};

}  // namespace lode::http
