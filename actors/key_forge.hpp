#pragma once
// key_forge: hands out key pairs. RSA ones come from a pool that its rsa_maker child keeps full on a thread of its own;
// X25519 ones are made on the spot. Also decrypts miners' answers, so that no scheduler thread does RSA. (What X25519
// takes is less than the way to this thread and back, so allocations do that themselves.) Spawn it detached.

#include "actors/guarded.hpp"
#include "actors/meters.hpp"
#include "messages/actors.hpp"

#include <deque>

namespace lode::actors {

/// What is said of a miner's answer to a register that its key does not open.
inline constexpr const char* does_not_decrypt = "the SSH access in the miner's answer does not decrypt";

struct forge_options {
  std::size_t pool = 8;           ///< RSA keys kept ready
  std::size_t queue_limit = 256;  ///< requests that may wait for an RSA key; beyond: overloaded
  bool detached = true;           ///< false in deterministic tests: then RSA keys are made on the scheduler's thread
  meters_ptr meters = unread_meters();
};

class key_forge_state {
 public:
  static inline const char* name = "key_forge";
  explicit key_forge_state(key_forge_actor::base* self) : self_(self) {}
  key_forge_actor::behavior_type behavior(forge_options options);

 private:
  caf::result<forged_key> forge(key_kind kind);
  void keep_full();
  void on_made(forged_key key);
  void measure() const;

  key_forge_actor::base* self_;
  forge_options options_;
  rsa_maker_actor maker_;
  bool making_ = false;
  std::deque<forged_key> pool_;
  std::deque<guarded<forged_key>> waiting_;
};

key_forge_actor::behavior_type key_forge(key_forge_actor::stateful_pointer<key_forge_state> self,
                                         forge_options options);

}  // namespace lode::actors
