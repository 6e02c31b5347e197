#pragma once
// allocation: one lease of one miner, from its reservation until nothing is left of it. Child of its miner actor.
//
//   place ──check──▶ key ──▶ commit reserving ──▶ register ──▶ commit active ──▶ reply
//                 │fail                        │fail
//                 ▼                            ▼
//               reply, end      commit releasing, reply ──▶ deregister until answered ──▶ commit erase ──▶ end
//
// Every arrow to the miner that changes something has its intent durable before it, so a new actor that adopts the
// record knows what the miner may hold: `reserving` is undone, `releasing` goes on, a pending action is rolled back. A
// commit that fails after the first ends the actor with that error; its miner starts it again from the store.
//
// Split by concern: allocation.cpp (frame), allocation_place.cpp, allocation_actions.cpp, allocation_lease.cpp,
// allocation_release.cpp, allocation_health.cpp.

#include "actors/environment.hpp"
#include "actors/guarded.hpp"
#include "messages/actors.hpp"

#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace lode::actors {

struct allocation_options {
  environment_ptr env;
  miner_actor miner;
  miner_info info;                          ///< of the miner, as of now
  bool left = false;                        ///< the hotkey is not in the metagraph
  std::optional<stored_allocation> stored;  ///< set to adopt a record, unset for a new placement
};

/// One look at an allocation's health, until both answers are there. Whoever wants one meanwhile shares it.
struct look_state {
  std::vector<guarded<done>> rounds;        ///< of the periodic check; only with one of these a miss counts
  std::vector<guarded<port_report>> asked;  ///< of the renter
  bool axon_done = false, ssh_done = false;
  miner_reply axon;
  ssh_state ssh = ssh_state::unknown;
};

class allocation_actor_state {
 public:
  static inline const char* name = "allocation";
  explicit allocation_actor_state(allocation_actor::base* self) : self_(self) {}
  allocation_actor::behavior_type behavior(allocation_options options);

 private:
  // The wheel's slots of this actor.
  enum timer : std::uint32_t { lease_timer, retry_timer, answer_timer };
  enum class phase : std::uint8_t {
    placing,    // nothing durable yet
    reserving,  // the intent is durable, the miner may be told
    live,       // active or paused
    acting,     // live, with an action under way
    rolling_back,
    releasing,
    ending
  };

  // -- frame (allocation.cpp)
  void adopt(stored_allocation stored);
  void commit(std::string event, std::string reason, bool erase, std::function<void()> then,
              std::vector<webhook> webhooks = {}, std::optional<kept_reply> reply = std::nullopt);
  void next_commit();
  template <class F>
  void call_miner(miner_call call, F then);
  [[nodiscard]] miner_call make_call(miner_action action, std::chrono::milliseconds timeout) const;
  void arm_timer(timer slot, unix_ms due);
  void on_deadline(const deadline_reached& d);
  void tell_miner(bool gone);
  void measure();
  void crash(const caf::error& reason);
  [[nodiscard]] bool is_live() const;  ///< acknowledged, and not being released
  [[nodiscard]] unix_ms now() const { return opts_.env->now(); }
  [[nodiscard]] std::chrono::milliseconds remaining() const;  ///< of the placing request
  [[nodiscard]] const config::allocation_settings& settings() const { return opts_.env->settings.allocation; }

  // -- placing (allocation_place.cpp)
  caf::result<allocation> start(place& p);
  void check_slot();
  void on_checked(const miner_reply& reply);
  void reserve(forged_key key);
  void register_with_miner();
  void on_registered(miner_reply& reply);
  void on_access(const opened_info& info);
  [[nodiscard]] std::optional<kept_reply> answer_to_keep() const;  // of a call under an idempotency key
  void give_up(const caf::error& why);                             // nothing durable: end
  void undo(const error& why, bool may_still_happen);              // the intent is durable: release, then answer

  // -- actions of the renter (allocation_actions.cpp)
  caf::result<done> act(docker_action& a);
  void begin_action(docker_action a, guarded<done> promise);
  void on_acted(const miner_reply& reply);
  void finish_action();
  void roll_back();
  void next_action();
  [[nodiscard]] std::optional<error> authorise(const std::string& uuid) const;

  // -- the lease (allocation_lease.cpp)
  caf::result<allocation> extend(const extend_lease& e);
  void arm_lease();
  void disarm_lease();
  void on_lease_timer();
  void on_lease_end();
  void warn_of_end();

  // -- releasing (allocation_release.cpp)
  caf::result<done> end_lease(const deallocate& d);
  /// `notify`: its receiver is promised a DEALLOCATION.
  void release(std::string event, std::string reason, bool notify);
  [[nodiscard]] webhook webhook_of(std::string_view event) const;
  void attempt_release();
  void deregister();
  void on_deregistered(const miner_reply& reply);
  void ask_whether_held();
  void retry_release(const std::string& why);
  void erase_record(const std::string& why);
  void report_gone(const std::string& why);
  void keep_answer_in_time();
  void on_miner_left();

  // -- health (allocation_health.cpp)
  caf::result<done> look();
  caf::result<port_report> look_for_renter(const check_port& c);
  [[nodiscard]] bool due_for_a_look() const;
  look_state& begin_look();
  void on_looked();
  void finish_look(const look_state& look) const;

  allocation_actor::base* self_;
  allocation_options opts_;
  phase phase_ = phase::placing;
  allocation_record record_;
  std::uint64_t revision_ = 0;
  struct {
    telemetry::member state, offline, pending;
  } counted_;
  std::uint64_t timer_generation_[3] = {0, 0, 0};

  struct queued_commit {
    commit_allocation message;  // its `expected` is filled in when it is sent
    std::function<void()> then;
  };
  std::deque<queued_commit> commits_;  // the first one is under way

  std::string
      request_id_;  // on whose behalf the miner is called; stays that of the last request for what follows from it
  place request_;
  guarded<allocation> placed_;
  int checks_left_ = 0;

  struct queued_action {
    docker_action action;
    guarded<done> promise;
  };
  docker_action action_;
  unix_ms rollback_pause_ = 5000;
  guarded<done> acted_;
  std::deque<queued_action> actions_;

  guarded<done> released_;
  unix_ms answer_due_ = 0;     // when whoever gave it back is answered whatever the miner does; 0: nobody waits
  bool answer_armed_ = false;  // with the wheel
  bool told_gone_ = false;
  int release_attempts_ = 0;
  bool attempting_ = false;
  int denials_ = 0;  // times in a row that the miner said that it holds nothing of ours

  std::optional<look_state> looking_;
  int misses_ = 0;
  std::optional<bool> healthy_;  // what the last look that showed something showed
};

allocation_actor::behavior_type allocation_behavior(allocation_actor::stateful_pointer<allocation_actor_state> self,
                                                    allocation_options options);

}  // namespace lode::actors
