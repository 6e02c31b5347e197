#pragma once
// The value types of the REST contract and of the store. Plain data; JSON and validation come from the field tables in
// fields.hpp. Times are UTC milliseconds since the Unix epoch unless a name says otherwise.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lode {

using unix_ms = std::int64_t;

/// What a client asks of a miner (POST /service/allocate_spec).
struct device_requirement {
  std::int64_t cpu_count = 1;
  std::string gpu_type = "gpu";  ///< substring of the GPU's name; "gpu" any GPU, "" none
  std::int64_t gpu_size = 3;     ///< GB; 0 no GPU condition
  std::int64_t gpu_count = 1;
  std::int64_t ram = 1;        ///< GiB
  std::int64_t hard_disk = 1;  ///< GiB
  std::int64_t timeline = 90;  ///< days
  friend bool operator==(const device_requirement&, const device_requirement&) = default;
};

/// What a client asks of the container.
struct docker_requirement {
  std::string base_image = "ubuntu";
  std::string ssh_key;  ///< one OpenSSH public key line, or empty
  std::string volume_path = "/tmp";
  std::string dockerfile;
  friend bool operator==(const docker_requirement&, const docker_requirement&) = default;
};

/// A miner's hardware as it reports it. Only made from complete, well-formed input (parse_specs).
struct miner_specs {
  std::int64_t cpu_count = 0;
  std::int64_t gpu_count = 0;
  std::int64_t gpu_capacity_mib = 0;
  std::string gpu_name;            ///< of the first GPU, as reported; empty without one
  std::int64_t ram_total = 0;      ///< bytes
  std::int64_t ram_available = 0;  ///< bytes
  std::int64_t disk_total = 0;     ///< bytes
  std::int64_t disk_free = 0;      ///< bytes
  bool has_docker = false;
  friend bool operator==(const miner_specs&, const miner_specs&) = default;
};

/// One neuron of the metagraph: where its axon listens and what it is made of.
struct miner_info {
  std::string hotkey;  ///< SS58, format 42
  std::string ip;
  std::uint16_t port = 0;
  std::int64_t version = 0;          ///< the axon's, 100*major + 10*minor + patch for SN27 miners
  std::optional<miner_specs> specs;  ///< unset: unknown or malformed; then never offered and never listed
  bool simulated = false;
  friend bool operator==(const miner_info&, const miner_info&) = default;
};

/// The life of an allocation: reserving -> active <-> paused -> releasing -> gone (no record).
enum class allocation_state : std::uint8_t { reserving, active, paused, releasing };
std::string_view to_string(allocation_state s) noexcept;
std::optional<allocation_state> allocation_state_from(std::string_view text) noexcept;

/// An action of a renter whose effect on the miner is not yet recorded; set before the miner is told.
enum class pending_action : std::uint8_t { none, restart, pause, unpause, exchange_key };
std::string_view to_string(pending_action a) noexcept;
std::optional<pending_action> pending_action_from(std::string_view text) noexcept;

/// Which kind of key pair encrypts a miner's answer to a register: existing miners take RSA only.
enum class key_kind : std::uint8_t { rsa2048, x25519 };
std::string_view to_string(key_kind k) noexcept;
std::optional<key_kind> key_kind_from(std::string_view text) noexcept;

/// Why a miner is not offered, as an operator (or, for quarantine, repeated failure) decided.
enum class mark_kind : std::uint8_t {
  blacklist,   ///< not to be used at all, not even by name
  cordon,      ///< nothing new; what runs goes on
  drain,       ///< nothing new, and meant to become empty: what runs goes on to the end of its lease
  quarantine,  ///< failed too often in a row; ends by itself
};
std::string_view to_string(mark_kind k) noexcept;
std::optional<mark_kind> mark_kind_from(std::string_view text) noexcept;

/// Bytes, which are fewer characters at times.
inline constexpr std::size_t longest_mark_reason = 512;

struct miner_mark {
  mark_kind mark = mark_kind::cordon;
  std::string reason;  ///< at most longest_mark_reason
  unix_ms since = 0;
  std::string by;  ///< who set it: request_context::caller, or "lode"
  friend bool operator==(const miner_mark&, const miner_mark&) = default;
};

/// Everything known of one allocation, as stored under its hotkey. Holds secrets: seal before storing, never log.
struct allocation_record {
  std::string hotkey;
  std::string uuid;  ///< secret: it authorises the renter
  allocation_state state = allocation_state::reserving;
  pending_action pending = pending_action::none;
  std::string pending_ssh_key;   ///< of pending == exchange_key
  std::string pending_key_type;  ///< of pending == exchange_key
  bool offline = false;
  bool maybe_paused = false;  ///< of releasing: the container may be paused, so it must run before it can be removed

  key_kind key = key_kind::rsa2048;
  std::string public_key;   ///< PEM SubjectPublicKeyInfo; names us to the miner
  std::string private_key;  ///< secret; PEM PKCS#8

  std::string resource;  ///< GPU name in lower case
  device_requirement device;
  docker_requirement docker;
  std::int64_t miner_timeline_days = 0;  ///< what the miner was told

  std::string ssh_ip;
  std::uint16_t ssh_port = 0;
  std::string ssh_username;
  std::string ssh_password;  ///< secret
  std::string ssh_key;       ///< the renter's current public key
  std::int64_t miner_version = 0;

  unix_ms created_at = 0;
  unix_ms expires_at = 0;
  unix_ms released_at = 0;   ///< when it became releasing
  unix_ms settle_until = 0;  ///< until then a register that timed out may still succeed
  std::string release_reason;
  unix_ms warned_at = 0;  ///< when the renter was warned of the end of the lease as it is now; 0: not yet
  bool simulated = false;
  friend bool operator==(const allocation_record&, const allocation_record&) = default;
};

/// One event that a receiver is promised, as stored until it acknowledges. Holds a secret: seal before storing.
struct webhook {
  std::string event;  ///< DEALLOCATION, for the deallocation URL; ONLINE, OFFLINE or another, for the status URL
  std::string hotkey;
  std::string uuid;        ///< secret
  unix_ms at = 0;          ///< when it happened
  unix_ms expires_at = 0;  ///< of EXPIRING: the end of the lease; 0: not told
  unix_ms since = 0;       ///< when it was queued, or queued again by an operator: its age counts from here
  bool dead = false;       ///< given up; kept for an operator to send again
  std::int64_t attempts = 0;
  std::string last_error;  ///< of the last attempt; holds no secret
  friend bool operator==(const webhook&, const webhook&) = default;
};
inline constexpr std::string_view deallocation_event = "DEALLOCATION";

/// An allocation as the API shows it.
struct allocation {
  std::string resource;
  std::string hotkey;
  std::string regkey;  ///< always empty
  std::string ssh_ip;
  std::int64_t ssh_port = 0;
  std::string ssh_username;
  std::string ssh_password;
  std::string ssh_command;
  std::string ssh_key;
  std::string uuid_key;
  std::int64_t miner_version = 0;
  std::string state;
  std::string created_at;  ///< RFC 3339, UTC
  std::string expires_at;  ///< RFC 3339, UTC
  friend bool operator==(const allocation&, const allocation&) = default;
};

/// What the API shows of a record: `ssh_command` and times filled in. Pure.
allocation view_of(const allocation_record& r);

/// A miner's hardware as the listings show it.
struct resource {
  std::string hotkey;
  std::int64_t cpu_count = 0;
  std::string gpu_name;     ///< lower case
  double gpu_capacity = 0;  ///< GB, two decimals
  std::int64_t gpu_count = 0;
  double ram = 0;               ///< GiB, two decimals
  double hard_disk = 0;         ///< GiB, two decimals
  std::string allocate_status;  ///< "available" or "reserved"
  friend bool operator==(const resource&, const resource&) = default;
};

/// Filter of the resource listings; bounds are inclusive, unset means any.
struct resource_query {
  std::optional<std::string> gpu_name;  ///< case-insensitive substring
  std::optional<std::int64_t> cpu_count_min, cpu_count_max;
  std::optional<double> gpu_capacity_min, gpu_capacity_max;
  std::optional<double> hard_disk_total_min, hard_disk_total_max;
  std::optional<double> ram_total_min, ram_total_max;
  friend bool operator==(const resource_query&, const resource_query&) = default;
};

/// One failing field of a request. `index` instead of `name` for an element of a list or a byte offset.
struct field_error {
  std::string name;
  std::optional<std::int64_t> index;
  std::string message;
  friend bool operator==(const field_error&, const field_error&) = default;
};

/// `2026-11-25T02:00:00Z` for milliseconds since the epoch (fraction dropped).
std::string rfc3339(unix_ms t);
/// `2026-11-25T02:00:00.123000Z`.
std::string rfc3339_micro(unix_ms t);

/// What the receiver of `w` is sent: {"time","deallocated_at" or "status_change_at","hotkey","status","uuid"}, and
/// "expires_at" where the end of a lease is told. The same at every attempt.
std::string webhook_body(const webhook& w);

}  // namespace lode
