#pragma once
// miner: one known hotkey. The only one that talks to that miner and the authority over its slot: at most one
// allocation actor lives below it, and only it may be told to register. Calls to the miner go out one at a time on each
// of two lanes, because nonces must grow. Child of the registry; restarts its allocation from the store when that
// crashes.

#include "actors/environment.hpp"
#include "actors/guarded.hpp"
#include "messages/actors.hpp"

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <string>

namespace lode::testing {
struct inspector;
}

namespace lode::actors {

struct miner_options {
  environment_ptr env;
  registry_actor registry;
  miner_info info;
  bool left = false;                        ///< not in the metagraph, known only for its allocation
  std::optional<stored_allocation> stored;  ///< the allocation to adopt
};

class miner_state {
 public:
  static inline const char* name = "miner";
  explicit miner_state(miner_actor::base* self) : self_(self) {}
  miner_actor::behavior_type behavior(miner_options options);
  void on_down(const caf::down_msg& down);

 private:
  friend struct testing::inspector;  // finds the child, to crash it

  enum timer : std::uint32_t { restart_timer, specs_timer };

  caf::result<allocation> start(place& p);
  /// The reply passes through here, not beside: so it comes after the child's report of what it changed, and whoever
  /// hears it finds the change in the listings.
  template <class Reply, class Message>
  caf::result<Reply> ask_child(Message& message);
  caf::result<hotkey_status> status(const probe& p);
  caf::result<miner_reply> enqueue(miner_call& call);
  void send_next(call_lane lane);
  void on_answer(link_answer& answer);
  void on_deadline(const deadline_reached& d);
  void on_changed(const allocation_changed& change);
  void on_info(const miner_changed& change);
  void spawn_allocation(std::optional<stored_allocation> stored);
  void restart_allocation();
  void ask_specs();
  void report_slot(std::optional<allocation> view, std::optional<bool> healthy = std::nullopt);
  void arm_timer(timer slot, std::chrono::milliseconds in);
  [[nodiscard]] caf::error no_child() const;

  struct lane_call {
    miner_call call;
    guarded<miner_reply> promise;
  };
  struct lane_state {
    std::deque<lane_call> waiting;
    std::optional<guarded<miner_reply>> under_way;
    miner_action action = miner_action::check;  // of the one under way
    std::chrono::steady_clock::time_point sent;
  };

  miner_actor::base* self_;
  miner_options opts_;
  allocation_actor child_;  // set while the slot is taken, but not between a crash and the restart
  bool slot_taken_ = false;
  std::uint32_t crashes_ = 0;  // of the allocation, in a row
  unix_ms child_started_ = 0;
  bool reachable_ = true;
  bool specs_learned_ = false;  // opts_.info.specs are the miner's own word
  std::array<lane_state, 2> lanes_;
  std::uint64_t last_probe_ = 0;
  std::map<std::uint64_t, guarded<ssh_answer>> probes_;
  std::array<std::uint64_t, 2> timer_generation_{};
};

miner_actor::behavior_type miner_behavior(miner_actor::stateful_pointer<miner_state> self, miner_options options);

}  // namespace lode::actors
