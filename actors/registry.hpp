#pragma once
// registry: the root supervisor. Owns the map hotkey -> miner actor and the placement index, answers the listings from
// memory, restarts miners that crash, and starts every stored allocation again before it takes requests.
//
// Split by concern: registry.cpp (frame, metagraph), registry_place.cpp (allocation, actions), registry_listing.cpp
// (listings, status, readiness), registry_supervise.cpp (recovery, crashes, health rounds, stop).

#include "actors/environment.hpp"
#include "actors/guarded.hpp"
#include "actors/placement_index.hpp"
#include "messages/actors.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace lode::testing {
struct inspector;
}

namespace lode::actors {

struct registry_options {
  environment_ptr env;
  std::function<void()> on_recovered;          ///< every stored allocation is listed again; requests are served
  std::function<void(const error&)> on_fatal;  ///< the store failed or cannot be recovered: the process should end
};

class registry_state {
 public:
  static inline const char* name = "registry";
  explicit registry_state(registry_actor::base* self) : self_(self) {}
  registry_actor::behavior_type behavior(registry_options options);
  void on_down(const caf::down_msg& down);

 private:
  struct entry {
    miner_info info;
    miner_actor actor;
    bool known = false;  // in the metagraph
    bool busy = false;   // slot taken, or a placement is on its way to the miner
    bool reachable = true;
    bool set_aside = false;      // its actors keep crashing
    bool specs_learned = false;  // info.specs are the miner's own word, not the metagraph's
    std::uint32_t crashes = 0;
    unix_ms started = 0;
    std::optional<allocation> view;
    // In the gauges, as refresh_offer() found it.
    struct {
      telemetry::member known, reachable, busy, offered, set_aside;
    } counted;
  };
  using entries = std::map<std::string, entry>;

  // One allocate_spec looking for a miner.
  struct search {
    allocate_spec request;
    guarded<allocation> promise;
    std::set<std::string> tried;
  };
  // One round of health checks.
  struct round {
    std::vector<miner_actor> todo;
    std::size_t under_way = 0;
    guarded<done> promise;
  };

  friend struct testing::inspector;  // finds children, to crash them

  // -- metagraph (registry.cpp)
  void on_snapshot(metagraph_snapshot& snapshot);
  void start_miner(entry& e, std::optional<stored_allocation> stored);
  void refresh_offer(entry& e);
  void on_slot(slot_update& update);
  void forget_if_gone(entries::iterator it);
  void remember(save_miners changes);

  // -- placement (registry_place.cpp)
  caf::result<allocation> place_anywhere(allocate_spec& request);
  caf::result<allocation> place_on(allocate_hotkey& request);
  void next_candidate(const std::shared_ptr<search>& s);
  void dispatch(entry& e, place p, const std::function<void(allocation&)>& ok,
                const std::function<void(caf::error&)>& failed);
  template <class Message>
  caf::result<done> pass_on(Message& message);
  [[nodiscard]] std::optional<caf::error> not_serving() const;  ///< for what changes something
  [[nodiscard]] std::optional<caf::error> not_known() const;    ///< for what only looks: false before the recovery

  // -- listings (registry_listing.cpp)
  caf::result<hotkey_status_list> status(check_status& query);
  [[nodiscard]] caf::result<allocation_list> allocations(const list_allocations& query) const;
  [[nodiscard]] caf::result<resource_list> resources(const list_resources& query) const;
  [[nodiscard]] caf::result<model_count> models(const count_by_model& query) const;
  [[nodiscard]] readiness ready() const;

  // -- supervision (registry_supervise.cpp)
  void recover();
  void on_recovered(stored_miners& miners, stored_allocations& allocations);
  void restart_miner(const std::string& hotkey);
  caf::result<done> look_at_all();
  void look_on(std::shared_ptr<round> r);
  caf::result<done> stop();
  void fail(const error& e);

  registry_actor::base* self_;
  registry_options opts_;
  std::optional<placement_index> index_;
  entries miners_;
  std::unordered_map<caf::actor_id, std::string> by_actor_;
  bool recovered_ = false;
  bool store_ok_ = true;
  bool stopping_ = false;
  std::optional<metagraph_snapshot> early_;  // came before the recovery was over
  std::shared_ptr<round> round_;
  guarded<done> stopped_;
};

registry_actor::behavior_type registry(registry_actor::stateful_pointer<registry_state> self, registry_options options);

}  // namespace lode::actors
