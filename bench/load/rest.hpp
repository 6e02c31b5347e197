#pragma once
// The calls of the REST API that the load consists of, as bytes. What is read of a reply is what loded and the original
// RegisterAPI both promise. `headers` is in each case what target::headers holds.

#include "messages/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lode::bench {

/// What a renter needs to give an allocation back.
struct granted_miner {
  std::string hotkey;
  std::string uuid;
};

/// One line of the listing of allocations.
struct listed_allocation {
  std::string hotkey;
  std::string uuid;
  std::string ssh_key;
  std::string state;  ///< loded only
};

/// A request without a body, or with a JSON one; `method` as in HTTP.
std::string plain_request(std::string_view method, std::string_view headers, std::string_view target,
                          std::string_view json = {});
/// One line of an SSH key whose comment is `tag`: the listing shows it, so that an allocation of ours is known even
/// when the reply that named it was lost.
std::string tagged_ssh_key(std::string_view tag);
/// `requirements` is a JSON object; empty: any miner, all of DeviceRequirement spelt out.
std::string allocate_request(std::string_view headers, std::string_view requirements, std::string_view tag);
std::string allocate_hotkey_request(std::string_view headers, std::string_view hotkey, std::string_view tag);
/// `action`: deallocate, pause_docker, unpause_docker.
std::string renter_request(std::string_view headers, std::string_view action, const granted_miner& m);
std::string status_request(std::string_view headers, const std::vector<std::string>& hotkeys);

/// From the body of a 200: success is true, uuid_key a UUID, hotkey an SS58 address, and there is an address to log in
/// to. The error (internal: the server is wrong) names the field, never a value.
result<granted_miner> read_allocation(std::string_view body);
/// Empty when the body says success, else what is wrong.
std::string read_success(std::string_view body);
/// Of a page of `page_size` (0: everything): success, and not more items than were asked for. Else what is wrong.
std::string read_page(std::string_view body, unsigned page_size);
/// One element for each hotkey asked, in that order. Else what is wrong.
std::string read_status(std::string_view body, const std::vector<std::string>& hotkeys);
/// The error is internal, as in read_allocation().
result<std::vector<listed_allocation>> read_allocations(std::string_view body);
/// The hotkeys of a page of resources that are not reserved.
result<std::vector<std::string>> read_available(std::string_view body);

}  // namespace lode::bench
