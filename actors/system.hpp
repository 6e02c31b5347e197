#pragma once
// The actor tree of one loded process: started bottom up, stopped top down.

#include "actors/environment.hpp"
#include "crypto/key_ring.hpp"
#include "links/webhook.hpp"
#include "messages/access.hpp"
#include "storage/sealing.hpp"
#include "storage/store.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>

namespace caf {
class actor_system;
class actor_system_config;
}  // namespace caf

namespace lode::actors {

/// Scheduler threads and policy from the settings; our error category.
void configure(caf::actor_system_config& cfg, const config::daemon_settings& settings);

struct system_options {
  config::daemon_settings settings;
  telemetry::registry_ptr metrics = std::make_shared<telemetry::registry>();  ///< the actors add theirs
  std::shared_ptr<storage::store> store;
  std::shared_ptr<const storage::sealer> sealer;
  std::shared_ptr<links::miner_link> link;
  std::shared_ptr<links::webhook_sender> webhooks;
  std::vector<api_key> keys;                                                         ///< of load_keys(*store)
  std::shared_ptr<crypto::key_board> board = std::make_shared<crypto::key_board>();  ///< where those in force hang
  std::vector<miner_info> simulated;                                                 ///< offered beside the miners file
  std::function<void()> on_recovered;          ///< from an actor's thread: every stored allocation is served again
  std::function<void(const error&)> on_fatal;  ///< from an actor's thread: the process should end and recover
};

class actor_tree {
 public:
  actor_tree(caf::actor_system& sys, system_options options);
  actor_tree(const actor_tree&) = delete;
  actor_tree& operator=(const actor_tree&) = delete;
  /// Stops if stop() was not called.
  ~actor_tree();

  [[nodiscard]] const registry_actor& registry() const { return registry_; }
  [[nodiscard]] const idempotency_actor& idempotency() const { return idempotency_; }
  [[nodiscard]] const access_actor& access() const { return access_; }
  [[nodiscard]] const event_hub_actor& events() const { return hub_; }
  [[nodiscard]] const outbox_actor& outbox() const { return env_->outbox; }
  [[nodiscard]] std::shared_ptr<const listing_clock> listings() const { return env_->listings; }
  [[nodiscard]] const ledger_actor& ledger() const { return env_->ledger; }

  /// Ends jobs, miners and allocations, then the ledger once everything it was sent is durable. Blocks the calling
  /// thread, which must not be an actor's, for at most about `bound`. What is still under way then is recovered at the
  /// next start. False when the bound was reached.
  bool stop(std::chrono::milliseconds bound);

 private:
  caf::actor_system& sys_;
  std::shared_ptr<environment> env_;
  registry_actor registry_;
  idempotency_actor idempotency_;
  access_actor access_;
  event_hub_actor hub_;
  std::vector<job_actor> jobs_;
  bool stopped_ = false;
  std::shared_ptr<std::atomic<bool>> ending_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace lode::actors
