#pragma once
// Errors as values: one code enum for the whole system, its HTTP status in one place, and the result type used outside
// actors (inside actors: caf::expected, see caf_error.hpp).

#include <boost/system/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace lode {

/// Every way a call into Lode can fail. The numbers are stable: they are logged and travel in caf::error.
enum class errc : std::uint8_t {
  none = 0,

  // The request itself.
  bad_request = 10,   ///< understood, but senseless
  validation = 11,    ///< fields are missing or of the wrong type
  unauthorized = 12,  ///< no or an unknown credential
  forbidden = 13,     ///< known, but not allowed
  not_found = 14,     ///< no such path or thing
  method_not_allowed = 15,
  payload_too_large = 16,
  rate_limited = 17,
  not_implemented = 18,
  header_too_large = 19,

  // This process.
  overloaded = 30,  ///< a bounded queue is full; retry later
  shutting_down = 31,
  deadline_exceeded = 32,  ///< the request's deadline passed before there was an answer
  internal = 33,           ///< a bug
  not_ready = 34,          ///< recovery is still under way

  // Allocations.
  no_candidate = 50,    ///< no miner meets the requirement and is free
  unknown_hotkey = 51,  ///< not in the metagraph
  blacklisted = 52,
  busy = 53,           ///< the miner's slot is taken or in transition
  no_allocation = 54,  ///< the hotkey has no live allocation
  wrong_uuid = 55,
  wrong_state = 56,  ///< the action does not apply in the allocation's state

  // What a call to a miner came to.
  miner_refused = 70,      ///< answered no
  miner_failed = 71,       ///< raised an error while handling the call
  miner_unreachable = 72,  ///< never received the call
  miner_timed_out = 73,    ///< may still act on the call
  miner_nonsense = 74,     ///< answered something that is not in the protocol

  // The store.
  conflict = 90,      ///< a precondition did not hold; nothing was written
  store_locked = 91,  ///< another process holds it
  store_newer = 92,   ///< written by a newer version of Lode
  store_damaged = 93,
  store_io = 94,
  compacted = 95,  ///< the revision asked for is no longer kept

  // Set-up and input files.
  config_invalid = 110,
  key_invalid = 111,    ///< a key, signature or ciphertext that does not parse or verify
  engine_failed = 112,  ///< the container engine answered with an error
  engine_unreachable = 113,
};

/// The stable name of a code, as in logs: "miner_timed_out".
std::string_view to_string(errc code) noexcept;

/// The HTTP status that an error becomes unless an endpoint's contract says otherwise. The only such mapping.
unsigned http_status(errc code) noexcept;

/// A code with what a person needs to know to act on it. Never holds a secret.
struct error {
  errc code = errc::internal;
  std::string detail;

  error() = default;
  error(errc c, std::string d = {}) : code(c), detail(std::move(d)) {}  // NOLINT(google-explicit-constructor)

  /// "code: detail", or the code alone.
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const error& e, errc c) noexcept { return e.code == c; }
  friend bool operator==(const error&, const error&) = default;
};

/// Called by result::value() on an error, which is a bug at the call site.
[[noreturn]] void throw_exception_from_error(const error& e, const boost::source_location& loc);

/// A value or an error. Test it before use; an ignored one is a compile error.
template <class T>
class [[nodiscard]] result : public boost::system::result<T, error> {
 public:
  using boost::system::result<T, error>::result;
};

}  // namespace lode
