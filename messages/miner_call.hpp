#pragma once
// What is asked of a miner and what comes of it: the vocabulary between allocation, miner actor and link.

#include "messages/error.hpp"
#include "messages/types.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace lode {

/// What the Allocate synapse can ask of a miner.
enum class miner_action : std::uint8_t {
  check,       ///< is the slot free? ok with status true = FREE, refused = OCCUPIED
  holds,       ///< does a running container carry this public key?
  reg,         ///< make a container: DESTROYS whatever container the miner has
  deregister,  ///< remove the container made under this public key
  restart,
  pause,
  unpause,
  exchange_key,
  specs,  ///< lode-miner only: its hardware, in miner_reply::specs_json
};
std::string_view to_string(miner_action a) noexcept;

/// Where to send a call.
struct axon {
  std::string hotkey;
  std::string ip;
  std::uint16_t port = 0;
  bool simulated = false;
};

/// Which of a miner's two sequences of calls this one belongs to. Nonces grow within a lane, so the caller keeps at
/// most one call in flight per miner and lane.
enum class call_lane : std::uint8_t { api, check };

struct miner_call {
  miner_action action = miner_action::check;
  axon to;
  call_lane lane = call_lane::api;
  std::string public_key;  ///< PEM; of holds, reg, deregister
  std::int64_t timeline_days = 0;
  device_requirement device;
  docker_requirement docker;
  std::string ssh_key;   ///< of exchange_key
  std::string key_type;  ///< of exchange_key: "user" or "terminal"
  std::chrono::milliseconds timeout{12000};
  std::string request_id;  ///< for logs
};

/// What a call came to. `code` tells the outcomes apart:
///   none               the miner said yes (status true); the fields below are filled
///   miner_refused      the miner said no (status false), or its axon refused us (4xx: `detail` has its words)
///   miner_failed       the miner raised an error: 5xx, or the connection closed without a byte
///   miner_unreachable  the call never reached the miner; it cannot act on it
///   miner_timed_out    no answer in time; the miner may still act on the call
///   miner_nonsense     an answer outside the protocol
///   shutting_down      the link was closed before the answer
struct miner_reply {
  errc code = errc::miner_unreachable;
  std::string detail;
  bool answered_no = false;   ///< miner_refused by an explicit status false, not by an HTTP refusal
  std::string info;           ///< of reg: base64 ciphertext of the SSH access
  std::int64_t port = 0;      ///< the output's port, 0 when absent
  bool takes_x25519 = false;  ///< the miner announces that it accepts an X25519 public key
  std::string specs_json;     ///< of specs

  [[nodiscard]] bool ok() const noexcept { return code == errc::none; }
};

/// Whether a port shows an SSH banner, as a renter would see it.
enum class ssh_state : std::uint8_t {
  open,    ///< the bytes "SSH-" were read
  silent,  ///< connected, but no banner in time
  closed,  ///< refused or reset
  unknown  ///< unreachable or out of our own resources: says nothing about the container
};
std::string_view to_string(ssh_state s) noexcept;

}  // namespace lode
