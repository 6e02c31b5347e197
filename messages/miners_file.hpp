#pragma once
// The miners file: {"miners":[{"hotkey","ip","port","version"?,"specs"?}]}.

#include "messages/error.hpp"
#include "messages/types.hpp"

#include <string_view>
#include <vector>

namespace lode {

/// All miners of the file, in its order, or config_invalid naming every wrong place ("miners[3].port: …"). Specs that
/// are missing or malformed leave that miner's specs unset and harm no other. Hotkeys must look like SS58 (the checksum
/// is not checked here) and be unique, IPs must be literal. At most 64 MiB.
result<std::vector<miner_info>> parse_miners_file(std::string_view text);

/// 48 characters of the base58 alphabet that begin with 5: the form of an address of format 42.
bool looks_like_ss58(std::string_view text) noexcept;
/// An IPv4 or IPv6 address in digits.
bool is_literal_ip(std::string_view text);

}  // namespace lode
