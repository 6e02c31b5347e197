#pragma once
// The Allocate synapse as bittensor validators put it on the wire, and what the answers to it mean.
// Pure apart from the clock and the random generator; no I/O.

#include "crypto/hotkey.hpp"
#include "messages/miner_call.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lode::links {

/// SHA3-256 of nothing. Allocate declares no hashed fields, so this is the body hash of every request, whatever its
/// body.
inline constexpr std::string_view empty_body_hash = "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a";

/// The dendrite version that we claim: 9.0.0 as major * 1e6 + minor * 1e3 + patch. From 7002000 on axons use the nonce
/// rule that reads the nonce as wall clock nanoseconds.
inline constexpr std::int64_t dendrite_version = 9'000'000;

/// One request: what follows POST, the header fields beyond Host, Content-Type and Content-Length, and the JSON body.
struct synapse_request {
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

/// Encodes and signs calls under one hotkey. Any thread.
///
/// The UUID in a request is one per lane, made anew by each encoder. A miner keeps the highest nonce of each
/// (hotkey, uuid) in memory until it restarts, so a UUID per request would make its memory grow with our calls; and
/// with a UUID that stays, a delayed request that a newer one of its lane has overtaken is refused by the miner (its
/// nonce is too old) instead of being acted on late. The price is that a caller keeps one call in flight per miner and
/// lane. A new process must not reuse a UUID: its clock may be behind the last nonce.
class synapse_encoder {
 public:
  /// `own_ip` is what the requests name as the caller's address; axons overwrite it with the address that they see.
  synapse_encoder(crypto::hotkey key, std::string own_ip);

  /// Encode as late as possible: the nonce is taken here and an axon accepts a new UUID's nonce for 4 s + timeout.
  /// Never fails for a call that the actors can make: numbers out of the protocol's range are moved into it.
  [[nodiscard]] synapse_request encode(const miner_call& c);

  [[nodiscard]] const std::string& address() const noexcept { return key_.address; }

 private:
  std::int64_t next_nonce() noexcept;

  const crypto::hotkey key_;
  const std::string own_ip_;
  const std::string uuid_api_;
  const std::string uuid_check_;
  std::atomic<std::int64_t> last_nonce_{0};
};

/// What an answer to `action` means. `status` is the HTTP status of the final (not 1xx) answer.
///   200 and a JSON object with an object `output`:
///     boolean output.status: none or miner_refused (answered_no); missing or no boolean: miner_nonsense.
///     A register's yes without an `info` string is miner_nonsense.
///     specs has no status: any non-empty object is `specs_json`, unless it has a status of false.
///   4xx: miner_refused with the axon's words; 5xx: miner_failed; anything else: miner_nonsense.
/// takes_x25519 is filled whenever there is an `output`. `detail` is short and free of control characters.
/// miner_failed and miner_nonsense do not say whether the miner acted.
miner_reply decode_answer(miner_action action, unsigned status, std::string_view body);

/// Whether repeating the action, or sending it without knowing what came of it, changes nothing on the miner.
bool is_read_only(miner_action a) noexcept;

/// At most `limit` bytes of `words`, control characters as spaces and bytes outside ASCII as '?', fit for a log line.
std::string printable(std::string_view words, std::size_t limit = 200);

}  // namespace lode::links
