#pragma once
// The axon's side of the bittensor protocol: what the headers of a signed call say and what the Allocate body holds.
// Pure; any thread.

#include "http/server/message.hpp"
#include "messages/error.hpp"
#include "miner/rental.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lode::miner {

/// SHA3-256 of nothing, in hex: no field of these synapses is hashed, so it is the body hash of each of them.
inline constexpr std::string_view empty_body_hash = "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a";

/// The headers of a call. Texts are as sent.
struct synapse_headers {
  std::string timeout_text;
  double timeout_seconds = 12;
  std::optional<std::int64_t> dendrite_version;
  std::optional<std::int64_t> nonce;
  std::string uuid;
  std::string hotkey;
  std::string signature;
  std::string body_hash;
};

/// An error for a number that is not one: existing axons answer that as their own failure, not as a bad request.
result<synapse_headers> parse_headers(const http::request& r);

/// `<nonce>.<caller's hotkey>.<our hotkey>.<uuid>.<body hash>`: what the caller signed.
std::string signed_message(const synapse_headers& h, std::string_view own_hotkey);

/// Whether the signature is the caller's over signed_message(). The error's detail is what existing axons say.
result<void> verify_signature(const synapse_headers& h, std::string_view own_hotkey);

/// An Allocate body with defaults filled in.
struct allocate_body {
  boost::json::object dump;  ///< all fields, to be sent back with `output` filled
  bool checking = true;
  std::int64_t timeline = 0;
  std::string public_key;
  bool docker_change = false;
  std::string action, ssh_key, key_type;  ///< of docker_action
  boost::json::object device_requirement;
  std::string base_image, user_key, script;  ///< of docker_requirement
};

/// What is wrong with a body, as the list under "detail" of a 422.
struct body_errors {
  boost::json::array detail;
  void add(std::string_view field, std::string_view type, std::string_view text);
};

/// Parses and checks types as pydantic does in its lax mode: an int may be "4" or 4.0, a bool "true" or 1. Unknown keys
/// are ignored, missing ones take the reference's defaults.
std::optional<allocate_body> parse_allocate(std::string_view body, body_errors& errors);
/// The same for a synapse that has only the fields that all have; gives the dump.
std::optional<boost::json::object> parse_plain_synapse(std::string_view name, std::string_view body,
                                                       body_errors& errors);

/// What a register asks for. bad_request when one of cpu.count, ram.capacity, hard_disk.capacity and gpu is missing or
/// senseless; the reason may go to the validator.
result<rental_request> rental_request_of(const allocate_body& b);

}  // namespace lode::miner
