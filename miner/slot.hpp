#pragma once
// The one slot of this miner: whose container runs here. One operation at a time; each change of phase is on disk
// before its effect begins, so that after a crash at any instant reconcile() knows what to finish or undo.

#include "miner/container.hpp"
#include "miner/engine.hpp"
#include "miner/rental.hpp"
#include "miner/slot_store.hpp"
#include "miner/turnstile.hpp"

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

namespace lode::miner {

/// What the wire's `output` says, but for the port and the announcements that every output carries.
struct slot_answer {
  bool yes = false;
  std::string reason;  ///< of a no: for the validator's log, never a secret
  std::string info;    ///< of a register: base64 ciphertext of the access

  static slot_answer no(std::string why);
  static slot_answer ok();
};

struct slot_options {
  std::int64_t version = 183;  ///< told to renters with their access
  bool dry_run = false;        ///< reconcile only says what it would remove
};

/// Thread: the io thread. Outlives its calls: stop() first, then let them end.
class slot {
 public:
  slot(boost::asio::io_context& io, slot_store& store, engine& e, container_maker& maker, const rental_options& rentals,
       const host_capacity& host, slot_options options, std::function<unix_ms()> now);

  /// Reads the record. Before anything else.
  result<void> load();

  /// Is the slot free? A paused or stopped container occupies it.
  task<slot_answer> check();
  /// Does a container made under this key run, or is it paused? Yes too while it is not removed yet, and while the
  /// engine does not say.
  task<slot_answer> holds(std::string public_key);
  /// Makes the container, or answers the same access again when this key holds the slot. A slot held under another key
  /// is refused and never touched. Goes on when the caller is gone.
  task<slot_answer> reg(std::string public_key, std::string validator, std::int64_t days, rental_request request);
  /// Removes the container made under this key; cancels its register when that is under way. Yes on a free slot. A
  /// register under this key that arrives later, overtaken on its way, is refused.
  task<slot_answer> deregister(std::string public_key);

  // Docker actions: only for the validator that made the allocation.
  /// Stops and starts: files stay, processes and /dev/shm do not. Starts a stopped container, and a paused one runs
  /// afterwards. Yes once SSH answers. When it does not start, the next cycle of reconcile tries again.
  task<slot_answer> restart(std::string validator);
  task<slot_answer> pause(std::string validator);
  task<slot_answer> unpause(std::string validator);
  /// `key_type`: "user" (line 1 of authorized_keys) or "terminal" (line 2). After a no the keys of before are in force
  /// again, unless the engine does not let them be put back, which is logged. A container whose files the engine does
  /// not reach while it runs (container_maker::sees) is stopped for it and started again; refused when it is paused.
  task<slot_answer> exchange_key(std::string validator, std::string ssh_key, std::string key_type);

  /// One cycle: ends what a crash interrupted, ends a lease that is over, adopts what the engine says of our container,
  /// and removes labelled things that nobody knows once they were seen in two cycles.
  task<result<void>> reconcile();
  /// Only ends a lease that is over, or tries again to; success too when none is. An error leaves the phase at
  /// removing, or as it was where the state could not be saved.
  task<result<void>> end_lease();
  /// Logs, as debug, what our container takes of memory and CPU, when it runs. Takes a second or two; nothing waits.
  task<void> log_usage();
  /// When the lease ends, also while its container is being removed; 0 without one.
  [[nodiscard]] unix_ms lease_end() const;
  /// Set when lease_end() may have changed; a fresh one each time.
  [[nodiscard]] std::shared_ptr<event> lease_changed() const { return lease_changed_; }

  /// Refuses registers from now on and cancels one under way; waits until nothing is under way. Containers live on.
  task<void> stop();

  [[nodiscard]] const slot_record& record() const { return record_; }
  [[nodiscard]] bool engine_reachable() const { return engine_reachable_; }

 private:
  struct registration;

  task<slot_answer> access();
  task<void> run_registration(std::shared_ptr<registration> r, rental_plan plan);
  task<slot_answer> empty_slot(std::string why);
  task<result<slot_answer>> act(std::string validator, std::function<task<slot_answer>(container_state)> action);
  task<slot_answer> restart_container(container_state state);
  task<slot_answer> replace_key(container_state state, std::string ssh_key, std::string key_type);
  task<result<void>> put_and_save(std::string id, slot_record next);
  task<void> finish_interrupted();
  task<void> adopt();
  task<result<void>> remove_unknown();
  void remember_ended(const std::string& allocation);
  bool is_known(const container_state& c) const;
  result<void> save(slot_record next);

  boost::asio::io_context& io_;
  slot_store& store_;
  engine& engine_;
  container_maker& maker_;
  const rental_options& rentals_;
  const host_capacity& host_;
  slot_options options_;
  std::function<unix_ms()> now_;

  slot_record record_;
  std::shared_ptr<registration> current_;  ///< the register under way
  turnstile operations_;                   ///< one operation at a time
  std::shared_ptr<event> stopping_;
  std::shared_ptr<event> lease_changed_;
  bool engine_reachable_ = false;
  int missing_ = 0;                ///< cycles in a row in which the engine did not know our container
  std::deque<std::string> ended_;  ///< allocations that were deregistered, the newest last
  std::set<std::string> unknown_;  ///< ids of unknown things seen in the last cycle
};

}  // namespace lode::miner
