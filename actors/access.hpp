#pragma once
// access: the API keys. Changes them one after the other, durable first, then in force, then answered, and hangs the
// ring of those in force where the edge reads it. Started beside the registry, no supervisor: its end ends the process.

#include "crypto/key_ring.hpp"
#include "messages/access.hpp"
#include "storage/store.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace lode::actors {

/// Keys at most; each costs some hundred bytes of memory.
inline constexpr std::size_t most_keys = 1000;

/// Every key of the store, by id. store_damaged when one does not read: to serve without it could open the API to
/// everybody.
result<std::vector<api_key>> load_keys(const storage::store& s);

/// How many keys the store in this folder holds, also while a daemon serves it (storage::count_in_rocksdb_store()).
result<std::size_t> count_keys(const std::string& store_path);

/// Puts an admin's key into a store that no daemon serves, from the store's writer. bad_request: the name, too many.
result<added_key> add_admin_key(storage::store& s, const std::string& name, unix_ms now);

struct access_options {
  ledger_actor ledger;
  std::vector<api_key> keys;                 ///< of load_keys(), before anything is served
  std::shared_ptr<crypto::key_board> board;  ///< set at once
  std::function<unix_ms()> now;
};

class access_state {
 public:
  static inline const char* name = "access";
  explicit access_state(access_actor::base* self) : self_(self) {}
  access_actor::behavior_type behavior(access_options options);

 private:
  caf::result<added_key> add(const add_key& a);
  caf::result<done> revoke(const revoke_key& r);
  void used(const key_used& u);
  void hang();

  access_actor::base* self_;
  access_options options_;
  std::map<std::string, api_key> keys_;
};

access_actor::behavior_type access(access_actor::stateful_pointer<access_state> self, access_options options);

}  // namespace lode::actors
