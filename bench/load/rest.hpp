#pragma once
// The two calls of loded's REST API that the load consists of, as bytes.

#include "messages/error.hpp"

#include <string>
#include <string_view>

namespace lode::bench {

/// What a renter needs to give an allocation back.
struct granted_miner {
  std::string hotkey;
  std::string uuid;
};

/// A request without a body; `method` as in HTTP.
std::string plain_request(std::string_view method, std::string_view host, std::string_view path);
/// Any miner, with what a usual client sends: all of DeviceRequirement, an SSH key, an image. Replaces `out`.
void allocate_request(std::string& out, std::string_view host);
/// Replaces `out`.
void deallocate_request(std::string& out, std::string_view host, std::string_view hotkey, std::string_view uuid);

/// From the body of a 200: success is true, uuid_key a UUID, hotkey an SS58 address, and there is an address to log in
/// to. The error (internal: the server is wrong) names the field, never a value.
result<granted_miner> read_allocation(std::string_view body);
/// Empty when the body says success, else what is wrong.
std::string read_success(std::string_view body);

/// The parts of a base URL http://HOST[:PORT], the host of an IPv6 address without its brackets.
struct base_url {
  std::string host;
  std::string port = "80";
  std::string authority;  ///< for the host header
};
/// The error is config_invalid and says what was expected.
result<base_url> parse_base_url(std::string_view url);

}  // namespace lode::bench
