#pragma once
// The events of /connect: one actor hears of every committed event and hands it to the io thread, where it becomes one
// shared frame for all live listeners. Who asks for the past reads the durable log at its own pace and joins the live
// ones without a gap or a repeat.

#include "http/reply_port.hpp"
#include "http/server/message.hpp"
#include "http/server/websocket.hpp"
#include "messages/actors.hpp"

#include <boost/asio/basic_waitable_timer.hpp>
#include <caf/actor_system.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace lode::http {

/// An event as it goes out: {"type":...,"seq":...,"payload":...}
struct event_frame {
  std::uint64_t seq = 0;
  std::shared_ptr<const std::string> text;
};
event_frame frame_of(const logged_event& e);

/// Close codes of ours (4000 to 4999 belong to applications).
enum class feed_close : std::uint16_t {
  no_key = 4401,          ///< its API key was revoked, or there were none in use when it came and now there are
  not_admitted = 4403,    ///< its address is no longer on the allow-list
  ahead_of_log = 4409,    ///< `since` is higher than any event: it is of another store
  no_longer_kept = 4410,  ///< events after `since` were dropped from the log
};

/// Why a listener is sent away.
struct farewell {
  feed_close code = feed_close::no_key;
  std::string_view reason;  ///< of static storage
};

class event_listener;

/// One per edge; everything on its io thread.
class event_feed : public std::enable_shared_from_this<event_feed> {
 public:
  /// `port` must live until stop(). `keepalive`: between two keepalive frames of a listener.
  event_feed(const executor& ex, reply_port& port, event_hub_actor hub, ledger_actor ledger,
             std::chrono::milliseconds keepalive);

  /// Finds out where the log ends and subscribes there.
  void start(caf::actor_system& sys);
  /// Ends the actor and the keepalives. Listeners end with their connections.
  void stop();
  /// Before, nobody can be served.
  [[nodiscard]] bool ready() const noexcept { return ready_; }

  /// The owner of a new connection: live events from its opening on, or from after `since`. `unwelcome` is asked before
  /// each frame, keepalives too, why it may no longer listen; unset, or none: it may.
  using unwelcome = std::function<std::optional<farewell>()>;
  std::shared_ptr<websocket_owner> listen(std::optional<std::uint64_t> since, unwelcome why = {});

 private:
  friend class event_listener;

  void publish(std::span<const event_frame> frames);
  void subscribe_here();
  void subscribe_again();
  void arm_keepalive();
  static std::shared_ptr<const std::string> keepalive_frame();

  using timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, executor>;
  executor ex_;
  reply_port& port_;
  event_hub_actor hub_;
  ledger_actor ledger_;
  std::chrono::milliseconds keepalive_;
  timer timer_;
  timer pause_;
  event_sink sink_;
  bool ready_ = false;
  bool stopped_ = false;
  std::uint64_t last_ = 0;  ///< every event up to this was published or was there before
  std::vector<event_listener*> listeners_;
};

}  // namespace lode::http
