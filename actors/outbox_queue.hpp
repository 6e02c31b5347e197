#pragma once
// What the outbox decides with: which webhook is due, what follows from an outcome, what is given up. No actor, no
// clock, no I/O of its own.
//
// A lane is what one receiver hears of one allocation. In a lane one webhook is under way at a time, and the next one
// starts when the store has let go of the one before. Lanes go in parallel, up to a bound a receiver.

#include "links/webhook.hpp"
#include "messages/actors.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lode::actors {

struct outbox_limits {
  unix_ms retry = 15'000;           ///< between the first three attempts; then it doubles
  unix_ms retry_most = 900'000;     ///< up to this
  unix_ms keep = 604'800'000;       ///< what is older is given up when an attempt fails
  std::size_t parallel = 16;        ///< attempts under way to a receiver
  std::size_t queue = 100'000;      ///< webhooks that wait; beyond, the oldest is given up
  std::size_t keep_dead = 1'000;    ///< given up and still kept; beyond, the oldest is dropped
  std::size_t heartbeats = 10'000;  ///< that wait; beyond, new ones are dropped
};

struct outbox_receivers {
  bool deallocation = false;  ///< the URL is set
  bool status = false;        ///< the URL is set
  bool same = false;          ///< both URLs name one receiver
};

/// The URL that a webhook goes to.
links::webhook_kind kind_of(const webhook& w);

class outbox_queue {
 public:
  outbox_queue(outbox_limits limits, outbox_receivers receivers) : limits_(limits), receivers_(receivers) {}

  /// A row of the store, or one that was just committed. Keys come in no particular order.
  void add(stored_webhook row, unix_ms now);
  /// Dropped while anything of its allocation waits for the same receiver; of two that wait the newer is kept.
  void add_heartbeat(webhook beat);

  struct delivery {
    std::uint64_t id = 0;
    std::string key;  ///< empty: a heartbeat
    webhook hook;
  };
  /// The next attempt that may start now; answered() must follow.
  std::optional<delivery> next(unix_ms now);
  void answered(std::uint64_t id, bool acknowledged, const std::string& detail, unix_ms now);
  /// When next() may have something, as far as it depends on time.
  [[nodiscard]] std::optional<unix_ms> next_due() const;

  /// What the store is to be told since the last call; saved() must follow, once for each key.
  save_webhooks take_changes() { return std::exchange(changes_, {}); }
  void saved(const std::string& key);

  /// A dead one waits again, a waiting one is due now; 0: there is no such one. A dead one whose URL is no longer set
  /// stays dead and is not counted.
  std::size_t resend(const std::string& key, unix_ms now);
  std::size_t resend_dead(unix_ms now);
  [[nodiscard]] bool knows(const std::string& key) const { return items_.contains(key) || dead_.contains(key); }
  [[nodiscard]] notification_list list(const list_notifications& asked) const;

  [[nodiscard]] std::size_t waiting() const noexcept { return items_.size(); }
  [[nodiscard]] std::size_t dead() const noexcept { return dead_.size(); }
  /// How many were given up since the last call.
  std::size_t take_given_up() noexcept { return std::exchange(given_up_, 0); }

 private:
  using lane_key = std::pair<std::size_t, std::string>;  // receiver, uuid
  struct item {
    webhook hook;
    unix_ms next_at = 0;
  };
  struct lane {
    std::set<std::string> keys;
    std::optional<webhook> heartbeat;
    bool busy = false;
    std::optional<unix_ms> due;  // as in due_
  };
  struct flight {
    lane_key in;
    std::string key;
  };

  [[nodiscard]] lane_key lane_of(const webhook& w) const;
  [[nodiscard]] bool reachable(const webhook& w) const;
  [[nodiscard]] unix_ms pause_after(std::int64_t attempts) const;
  void schedule(const lane_key& k);
  void give_up(const std::string& key, webhook hook, const std::string& why);
  void keep_dead(std::string key, webhook hook);
  void revive(const std::string& key, unix_ms now);
  void make_room();

  outbox_limits limits_;
  outbox_receivers receivers_;
  std::map<std::string, item> items_;
  std::map<std::string, webhook> dead_;
  std::map<lane_key, lane> lanes_;
  std::array<std::set<std::pair<unix_ms, lane_key>>, 2> due_;
  std::array<std::size_t, 2> under_way_{0, 0};
  std::size_t heartbeats_ = 0;
  std::size_t given_up_ = 0;
  std::unordered_map<std::uint64_t, flight> flights_;
  std::unordered_map<std::string, lane_key> closing_;  // lanes that wait for saved()
  std::uint64_t last_id_ = 0;
  save_webhooks changes_;
};

}  // namespace lode::actors
