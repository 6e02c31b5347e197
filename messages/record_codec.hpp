#pragma once
// How records look in the store: versioned JSON that a person can read, secrets sealed by the caller's functions so
// that this folder needs no storage. Pure; any thread.

#include "messages/error.hpp"
#include "messages/marks_record.hpp"
#include "messages/types.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace lode {

using seal_function = std::function<std::string(std::string_view)>;
using open_function = std::function<result<std::string>(std::string_view)>;

/// `{"v":1,...}`; uuid, private_key and ssh_password pass through `seal`.
std::string encode(const allocation_record& r, const seal_function& seal);
/// store_damaged for text that is not such a record, store_newer for another version, `open`'s error for a bad seal.
result<allocation_record> decode_allocation(std::string_view text, const open_function& open);

/// The same for a webhook; its uuid passes through `seal`.
std::string encode(const webhook& w, const seal_function& seal);
result<webhook> decode_webhook(std::string_view text, const open_function& open);

std::string encode(const miner_info& m);
result<miner_info> decode_miner(std::string_view text);

/// Marks hold no secret. A list that names a mark twice is store_damaged.
std::string encode(const marks_record& m);
result<marks_record> decode_marks(std::string_view text);

/// The payload of the event log: {"time","hotkey","event","state","offline","reason"}. Holds no secret.
std::string allocation_event(const allocation_record& r, std::string_view event, unix_ms at, std::string_view reason);

}  // namespace lode
