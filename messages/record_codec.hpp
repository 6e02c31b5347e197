#pragma once
// How records look in the store: JSON with a version, {"v":1,…}, so that they can be read by eye; secret fields are
// sealed by functions that the caller brings. Pure, any thread.

#include "messages/error.hpp"
#include "messages/types.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace lode {

using seal_function = std::function<std::string(std::string_view)>;  ///< its text must be UTF-8
using open_function = std::function<result<std::string>(std::string_view)>;

/// uuid, private_key and ssh_password go through `seal`, everything else is in the clear.
std::string encode(const allocation_record& r, const seal_function& seal);
/// store_newer for a version that this program does not know, store_damaged for anything malformed, and whatever `open`
/// answers. The text of an error names fields, never their contents.
result<allocation_record> decode_allocation(std::string_view text, const open_function& open);

std::string encode(const miner_info& m);
/// As decode_allocation. Malformed specs are dropped, not an error.
result<miner_info> decode_miner(std::string_view text);

/// Payload of an event: {"time","hotkey","event","state","offline","reason"}, time in RFC 3339. Holds no secret.
std::string allocation_event(const allocation_record& r, std::string_view what, unix_ms at, std::string_view reason);

}  // namespace lode
