#pragma once
// The interface of the actor that keeps the API keys.

#include "messages/actors.hpp"
#include "messages/api_key.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include <string>
#include <vector>

namespace lode {

/// Every key, oldest first.
struct list_keys {};
struct key_list {
  std::vector<api_key> items;
};
/// Make a key, answered with an added_key. It holds from before the answer on, and after any crash.
struct add_key {
  std::string name;
  role grants = role::read;
  request_context ctx;
};
/// Make a key useless. It is so from before the answer on, and after any crash.
struct revoke_key {
  std::string id;
  request_context ctx;
};
/// A key was used; at most once a minute and key.
struct key_used {
  std::string id;
  unix_ms at = 0;
};

// clang-format off
using access_actor = caf::typed_actor<
    caf::replies_to<list_keys>::with<key_list>,   // from memory
    caf::replies_to<add_key>::with<added_key>,    // bad_request: name, first not an admin's, too many; store_io
    caf::replies_to<revoke_key>::with<done>,      // not_found; bad_request: the last of an admin; store_io
    caf::reacts_to<key_used>>;                    // from the edge
// clang-format on

}  // namespace lode

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lode::list_keys)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lode::key_list)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lode::add_key)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lode::added_key)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lode::revoke_key)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lode::key_used)
