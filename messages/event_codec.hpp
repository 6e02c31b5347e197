#pragma once
// How an event looks in the log: "TYPE PAYLOAD", where PAYLOAD is a JSON object whose first member is the time. An
// allocation's event is the payload alone. Pure; any thread.

#include "messages/types.hpp"

#include <string>
#include <string_view>

namespace lode {

inline constexpr std::string_view allocation_event_type = "allocation";

/// True for a type of lower-case letters, and a payload that is the text of a JSON object (braces are looked at only).
bool is_event(std::string_view type, std::string_view payload) noexcept;

/// The stored form; `payload` gets "time" as its first member, so it must have none. is_event() must hold.
std::string encode_event(std::string_view type, std::string_view payload, unix_ms at);

/// A stored event taken apart; both point into `stored`.
struct event_parts {
  std::string_view type;
  std::string_view payload;
};
event_parts split_event(std::string_view stored) noexcept;

/// Whether the event happened before `cutoff` (rfc3339()). False for a text that has no time where it belongs.
bool happened_before(std::string_view stored, std::string_view cutoff) noexcept;

}  // namespace lode
