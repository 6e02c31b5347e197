#pragma once
// outbox: delivers webhooks at least once. The ledger writes them in the same commit as the change that promises them;
// this actor sends what lies in the column, erases what was acknowledged and keeps what was given up. What the column
// held when the process ended is read at the start and sent on.

#include "actors/guarded.hpp"
#include "actors/meters.hpp"
#include "actors/outbox_queue.hpp"
#include "config/settings.hpp"
#include "links/webhook.hpp"
#include "messages/actors.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace lode::actors {

struct outbox_options {
  ledger_actor ledger;
  lease_wheel_actor wheel;
  std::shared_ptr<links::webhook_sender> sender;
  outbox_limits limits;
  std::function<unix_ms()> now;
  meters_ptr meters = unread_meters();
};

/// The limits as the settings say them.
outbox_limits outbox_limits_from(const config::daemon_settings& settings);

class outbox_state {
 public:
  static inline const char* name = "outbox";
  explicit outbox_state(outbox_actor::base* self) : self_(self) {}
  outbox_actor::behavior_type behavior(outbox_options options);

 private:
  // The wheel's slots of this actor.
  enum timer : std::uint32_t { attempt_timer, save_timer };
  static constexpr std::size_t most_tests = 8;
  static constexpr std::uint64_t of_a_test = std::uint64_t{1} << 63U;

  void load();
  /// Starts what may start, tells the store what is new, and sees to being woken.
  void go_on();
  void post(std::uint64_t delivery, const webhook& hook, const std::string& key, const std::string& request_id);
  void save();
  void write();
  void arm_attempts();
  void measure();
  caf::result<notify_outcome> test(test_notify& t);
  caf::result<resent_notifications> resend(const resend_notifications& r);
  void on_answer(const webhook_answer& a);
  [[nodiscard]] unix_ms now() const { return options_.now(); }

  outbox_actor::base* self_;
  outbox_options options_;
  std::optional<outbox_queue> queue_;            ///< unset until the column is read
  std::shared_ptr<const save_webhooks> saving_;  ///< under way
  struct answer_after_save {
    guarded<resent_notifications> promise;
    resent_notifications answer;
  };
  std::vector<answer_after_save> resends_;         ///< for the next save
  std::vector<answer_after_save> saving_resends_;  ///< of the one under way
  std::unordered_map<std::uint64_t, guarded<notify_outcome>> tests_;
  std::uint64_t last_test_ = of_a_test;
  std::uint64_t generation_ = 0;
  std::optional<unix_ms> armed_;
};

outbox_actor::behavior_type outbox(outbox_actor::stateful_pointer<outbox_state> self, outbox_options options);

}  // namespace lode::actors
