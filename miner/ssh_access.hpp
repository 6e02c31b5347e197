#pragma once
// The files that let a renter in by SSH, made here and never by a shell. Pure but for randomness; any thread.

#include "messages/error.hpp"
#include "miner/tar.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lode::miner {

/// An ed25519 host key as OpenSSH keeps it in files.
struct host_key {
  std::string private_file;  ///< secret
  std::string public_line;
};

/// A fresh one.
result<host_key> make_host_key();

/// `shadow` (the text of /etc/shadow) with root's password set to `password`, hashed by crypt(3) with SHA-512 and a
/// random salt. engine_failed when there is no entry for root.
result<std::string> with_root_password(std::string_view shadow, std::string_view password);

/// Line 1 is the renter's key, line 2 the key of the validator's terminal; either may be empty.
std::string authorized_keys(std::string_view user_key, std::string_view terminal_key);

/// Archive entries for authorized_keys. Parents that every image has are left out: an entry would change their mode.
std::vector<tar_entry> key_files(std::string_view user_key, std::string_view terminal_key);

/// Archive entries for everything before the first start.
std::vector<tar_entry> access_files(const host_key& host, std::string shadow, std::string_view user_key,
                                    std::string_view terminal_key);

/// Hex of the SHA-256 of a public key's PEM text without surrounding space: names an allocation in labels and logs.
std::string allocation_id(std::string_view public_pem);

}  // namespace lode::miner
