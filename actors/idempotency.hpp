#pragma once
// idempotency: allocate calls under an idempotency key. Owns the index of keys; asks the registry for the first call of
// a key, lets further ones wait for it, and answers later ones with the reply that the ledger keeps. Started beside the
// registry, no supervisor: its end ends the process.
//
// A key is known while its call is under way and while its reply is kept. Only the reply to an allocation that was made
// is kept, in the commit that made it (commit_allocation::reply); a call that failed leaves nothing. Whether it failed
// the ledger is asked, so an actor that crashed between commit and reply loses nothing, and the ledger refuses a second
// reply under one key, so the store never holds two allocations of one.

#include "actors/environment.hpp"
#include "actors/guarded.hpp"
#include "messages/actors.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lode::actors {

struct idempotency_options {
  environment_ptr env;  ///< settings.idempotency bounds it
  registry_actor registry;
  std::function<void(const error&)> on_fatal;  ///< the index cannot be read: the process should end
};

class idempotency_state {
 public:
  static inline const char* name = "idempotency";
  explicit idempotency_state(idempotency_actor::base* self) : self_(self) {}
  idempotency_actor::behavior_type behavior(idempotency_options options);

 private:
  enum timer : std::uint32_t { expiry_timer, waiter_timer, drop_timer };

  struct waiter {
    allocate_once message;
    guarded<once_reply> promise;
    [[nodiscard]] const request_context& ctx() const;
  };
  struct entry {
    std::string fingerprint;
    unix_ms at = 0;              // of the reply
    std::deque<waiter> waiting;  // while under way; the first one's call is the one that was made
  };
  using entries = std::unordered_map<std::string, entry>;

  caf::result<once_reply> ask(allocate_once& message);
  void call(const std::string& key);
  void on_failed(const std::string& key, const caf::error& why);
  void settle(const std::string& key, const std::string& data);
  void give_up(const std::string& key, const caf::error& why);
  void replay(const std::string& key, const guarded<once_reply>& promise);
  void finished(const std::string& key, unix_ms at);
  bool make_room();
  void load(std::string after);
  void drop(std::vector<std::string> keys);
  void on_deadline(const deadline_reached& d);
  void expire();
  void time_out();
  void arm_timer(timer slot, unix_ms due);
  [[nodiscard]] std::chrono::steady_clock::time_point clock() const;

  idempotency_actor::base* self_;
  idempotency_options opts_;
  entries entries_;
  std::set<std::pair<unix_ms, std::string>> finished_;  // by age
  std::set<std::string> under_way_;
  std::set<std::string> dropping_;  // let go, but perhaps still in the store
  std::vector<std::string> undropped_;
  std::uint64_t generation_[3] = {0, 0, 0};
};

idempotency_actor::behavior_type idempotency(idempotency_actor::stateful_pointer<idempotency_state> self,
                                             idempotency_options options);

}  // namespace lode::actors
