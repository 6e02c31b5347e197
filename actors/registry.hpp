#pragma once
// registry: the root supervisor. Owns the map hotkey -> miner actor and the placement index, answers the listings from
// memory, restarts miners that crash, and starts every stored allocation again before it takes requests.
//
// Split by concern: registry.cpp (frame, metagraph), registry_place.cpp (allocation, actions), registry_listing.cpp
// (listings, status, readiness), registry_supervise.cpp (recovery, crashes, health rounds, stop), registry_marks.cpp
// (marks, quarantine), registry_admin.cpp (what operators see).

#include "actors/environment.hpp"
#include "actors/guarded.hpp"
#include "actors/listing_rows.hpp"
#include "actors/placement_index.hpp"
#include "messages/actors.hpp"
#include "messages/marks_record.hpp"

#include <array>
#include <chrono>
#include <deque>
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
    placement_index::miner_number number = 0;
    miner_actor actor;
    bool known = false;  // in the metagraph
    bool busy = false;   // slot taken, or a placement is on its way to the miner
    bool reachable = true;
    bool set_aside = false;      // its actors keep crashing
    bool specs_learned = false;  // info.specs are the miner's own word, not the metagraph's
    std::uint32_t crashes = 0;
    std::int64_t failures = 0;  // placements in a row that were its fault
    unix_ms started = 0;
    std::optional<allocation> view;  // set by set_view() only
    std::optional<bool> healthy;     // of the allocation in view
    // In the gauges, as refresh_offer() found it.
    struct {
      telemetry::member known, reachable, busy, offered, set_aside;
    } counted;
  };
  using entries = std::map<std::string, entry>;

  // Why a miner is not in the index: a set of bits. The only place that decides it is obstacles_of().
  enum obstacle : unsigned { unknown = 1, marked = 2, set_aside = 4, no_specs = 8, restarting = 16, slot_taken = 32 };

  // The marks of a hotkey, whether it is in the metagraph or not; never none.
  struct marks_of_miner {
    marks_record record;
    std::array<telemetry::member, 4> counted;  // by mark_kind
  };
  // One change of a hotkey's marks. They are made one after the other, since each writes the whole row.
  struct mark_change {
    enum class what : std::uint8_t { mark, unmark, drained, quarantine_over };
    what change = what::mark;
    std::string hotkey;
    mark_kind mark = mark_kind::cordon;
    std::string reason;
    std::string by;
    std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
    guarded<done> promise;  // of an operator; our own have none
  };

  // One allocate_spec looking for a miner.
  struct search {
    allocate_spec request;
    guarded<allocation> promise;
    std::vector<std::string> tried;
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
  entry& entry_of(const std::string& hotkey);  ///< made when there is none
  void start_miner(entry& e, std::optional<stored_allocation> stored);
  [[nodiscard]] unsigned obstacles_of(const entry& e) const;
  [[nodiscard]] bool eligible(const entry& e) const;  ///< would be offered if its slot were free
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
  void placed(const std::string& hotkey);
  void not_placed(const std::string& hotkey, const error& why, std::chrono::steady_clock::time_point deadline);
  template <class Reply, class Message>
  caf::result<Reply> pass_on(Message& message);
  [[nodiscard]] std::string no_longer_leases(const std::string& hotkey) const;  ///< why; empty: they may be extended
  [[nodiscard]] std::optional<caf::error> not_serving() const;                  ///< for what changes something
  [[nodiscard]] std::optional<caf::error> not_known() const;  ///< for what only looks: false before the recovery

  // -- listings (registry_listing.cpp)
  caf::result<hotkey_status_list> status(check_status& query);
  [[nodiscard]] caf::result<allocation_list> allocations(const list_allocations& query) const;
  [[nodiscard]] caf::result<resource_list> resources(const list_resources& query) const;
  [[nodiscard]] caf::result<model_count> models(const count_by_model& query) const;
  [[nodiscard]] readiness ready() const;
  /// The allocation as clients see it, from now on. What it changes is counted before anybody is told.
  void set_view(entry& e, std::optional<allocation> view);
  void refresh_row(const entry& e);

  // -- marks (registry_marks.cpp)
  caf::result<done> mark(mark_miner& m);
  caf::result<done> unmark(unmark_miner& m);
  caf::result<done> change_for_operator(mark_change change, const request_context& ctx);
  void change_marks(mark_change change);
  void next_mark_change();
  std::optional<error> apply(const mark_change& change, marks_record& to) const;
  void commit_marks(mark_change change, marks_record next);
  void keep_marks(const std::string& hotkey, marks_record next);
  void say_when_drained(const std::string& hotkey);
  void quarantine(const std::string& hotkey, std::string reason);
  void arm_marks_timer(unix_ms due);
  std::optional<error> load_marks(const stored_rows& rows);
  void recover_marks();
  [[nodiscard]] const miner_mark* mark_of(const std::string& hotkey, mark_kind kind) const;
  [[nodiscard]] unix_ms end_of(const miner_mark& quarantine) const;

  // -- what operators see (registry_admin.cpp)
  [[nodiscard]] std::vector<std::string> hotkeys(const std::optional<std::string>& only) const;
  [[nodiscard]] miner_status status_of(const std::string& hotkey) const;
  [[nodiscard]] caf::result<miner_status_list> miners(const list_miners& query) const;
  [[nodiscard]] explained_miner explained(const std::string& hotkey, const device_requirement& need) const;
  [[nodiscard]] caf::result<explained_list> explain(const explain_placement& query) const;

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
  std::vector<const std::string*> numbered_;  // hotkeys by the miner's number; null: the number is free
  std::vector<placement_index::miner_number> free_numbers_;
  listing_rows rows_;
  std::map<std::string, const entry*> rented_;  // those with a view
  std::unordered_map<caf::actor_id, std::string> by_actor_;
  std::map<std::string, marks_of_miner> marks_;                // as the ledger has them
  std::set<std::pair<unix_ms, std::string>> quarantine_ends_;  // of those in marks_
  std::deque<mark_change> mark_changes_;
  bool changing_marks_ = false;  // a change is with the ledger
  std::uint64_t marks_timer_ = 0;
  bool recovered_ = false;
  bool store_ok_ = true;
  bool stopping_ = false;
  std::optional<metagraph_snapshot> early_;  // came before the recovery was over
  std::shared_ptr<round> round_;
  guarded<done> stopped_;
};

registry_actor::behavior_type registry(registry_actor::stateful_pointer<registry_state> self, registry_options options);

}  // namespace lode::actors
