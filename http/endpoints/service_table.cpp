// POST /service/...: renting, and what a renter does with an allocation.
#include "http/endpoint.hpp"

#include <array>

namespace lode::http {
namespace {

using enum place;
using type = value_type;

constexpr parameter hotkey{"hotkey",
                           query,
                           type::string,
                           "",
                           false,
                           "SS58 address of the miner",
                           R"("5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX")"};
constexpr parameter uuid_key{"uuid_key",
                             query,
                             type::string,
                             "",
                             false,
                             "uuid_key of the allocation",
                             R"("0e4b6e0c-5c1f-4f6a-9d3c-2f1b7a8c9d0e")"};

constexpr parameter idempotency_key{"idempotency-key",
                                    header,
                                    type::string,
                                    "",
                                    true,
                                    "1 to 128 printable characters; the same call again under the same key is answered "
                                    "with the allocation that the first one made",
                                    R"("6f1c9d52-order-17")"};

constexpr std::string_view ssh_key_line =
    R"("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@host")";
constexpr parameter maybe_ssh_key{"ssh_key",   query, type::string,
                                  "",          true,  "one OpenSSH public key line; goes before that of the body",
                                  ssh_key_line};

constexpr std::array spec_parameters{parameter{"", body, type::device_docker, "", false}, idempotency_key};
constexpr std::array hotkey_parameters{hotkey, maybe_ssh_key, parameter{"", body, type::docker, "{}", true},
                                       idempotency_key};
constexpr std::array deallocate_parameters{
    hotkey, uuid_key,
    parameter{"notify_flag", query, type::boolean, "false", true, "queue a DEALLOCATION webhook", "true"}};
constexpr std::array status_parameters{parameter{"", body, type::list, "", false},
                                       parameter{"query_version", query, type::boolean, "false", true,
                                                 "the version of each axon instead of its status", "true"}};
constexpr std::array rented_parameters{hotkey, uuid_key};
constexpr std::array exchange_parameters{
    hotkey, uuid_key, parameter{"ssh_key", query, type::string, "", false, "one OpenSSH public key line", ssh_key_line},
    parameter{"key_type", query, type::string, "\"user\"", true, "whose key it is", R"("user")", "user terminal"}};

constexpr std::array extend_parameters{
    hotkey, uuid_key,
    parameter{"days", query, type::integer, "", false, "days to add", "7", "", {.ge = 1, .le = 36'500}}};

constexpr std::string_view an_allocation = R"({"$ref":"#/components/schemas/Allocation"})";
constexpr std::array spec_replies{reply_row{200, "Resource was successfully allocated", an_allocation},
                                  reply_row{404, "Fail to allocate resource"}};
constexpr std::array hotkey_replies{
    reply_row{200, "Resource was successfully allocated", an_allocation}, reply_row{400, "Invalid allocation request"},
    reply_row{404, "Fail to allocate resource"}, reply_row{404, "Fail to allocate resource, blacklisted"}};
constexpr reply_row no_details{404, "No allocation details found for the provided hotkey."};
constexpr std::array deallocate_replies{reply_row{200, "Resource deallocated successfully."},
                                        reply_row{400, "Deallocation not successfully, please try again."},
                                        reply_row{403, "An error occurred during deallocation."}, no_details};
constexpr std::array restart_replies{reply_row{200, "Resource restarted successfully."},
                                     reply_row{400, "Restart not successfully, please try again."},
                                     reply_row{403, "An error occurred during restart operation."}, no_details};
constexpr std::array pause_replies{reply_row{200, "Resource paused successfully."},
                                   reply_row{400, "Pause not successfully, please try again."},
                                   reply_row{403, "An error occurred during pause operation."}, no_details};
constexpr std::array unpause_replies{reply_row{200, "Resource unpaused successfully."},
                                     reply_row{400, "Unpause not successfully, please try again."},
                                     reply_row{403, "An error occurred during unpause operation."}, no_details};
constexpr std::array exchange_replies{reply_row{200, "Resource ssh_key is exchanged successfully."},
                                      reply_row{400, "Exchange ssh_key not successfully, please try again."},
                                      reply_row{403, "An error occurred during exchange ssh_key operation."},
                                      no_details};
constexpr std::array extend_replies{reply_row{200, "Lease was extended successfully.", an_allocation},
                                    reply_row{400, "Extension not successfully, please try again."},
                                    reply_row{403, "An error occurred during extend operation."}, no_details};
constexpr std::array port_replies{
    reply_row{200, "Checked the SSH port.",
              R"({"type":"object","required":["hotkey","ssh_ip","ssh_port","port","reachable","healthy","eligible",)"
              R"("misses","checked_at"],"properties":{"hotkey":{"type":"string"},"ssh_ip":{"type":"string"},)"
              R"("ssh_port":{"type":"integer"},"port":{"type":"string","enum":["open","closed","unknown"]},)"
              R"("reachable":{"type":"boolean"},"healthy":{"type":["boolean","null"]},"eligible":{"type":"boolean"},)"
              R"("misses":{"type":"integer","minimum":0},"checked_at":{"type":"string","format":"date-time"}}})"},
    reply_row{400, "Check not successfully, please try again."},
    reply_row{403, "An error occurred during check operation."}, no_details};
constexpr std::array status_replies{
    reply_row{200, "List hotkey status successfully.",
              R"({"type":"array","items":{"$ref":"#/components/schemas/HotkeyStatus"}})"}};
constexpr std::array table{
    endpoint{verb::post, "/service/allocate_spec", "service", "Rent any miner that meets the requirement", role::rent,
             spec_parameters, spec_replies, post_allocate_spec},
    endpoint{verb::post, "/service/allocate_hotkey", "service", "Rent this miner", role::rent, hotkey_parameters,
             hotkey_replies, post_allocate_hotkey},
    endpoint{verb::post, "/service/deallocate", "service", "End a lease", role::rent, deallocate_parameters,
             deallocate_replies, post_deallocate},
    endpoint{verb::post, "/service/check_miner_status", "service", "Ask the axons of these miners", role::read,
             status_parameters, status_replies, post_check_miner_status},
    endpoint{verb::post, "/service/restart_docker", "service", "Restart a rented container", role::rent,
             rented_parameters, restart_replies, post_restart_docker},
    endpoint{verb::post, "/service/pause_docker", "service", "Pause a rented container", role::rent, rented_parameters,
             pause_replies, post_pause_docker},
    endpoint{verb::post, "/service/unpause_docker", "service", "Resume a paused container", role::rent,
             rented_parameters, unpause_replies, post_unpause_docker},
    endpoint{verb::post, "/service/exchange_docker_key", "service", "Exchange the SSH key of a rented container",
             role::rent, exchange_parameters, exchange_replies, post_exchange_docker_key},
    endpoint{verb::post, "/service/extend", "service", "Make a lease longer", role::rent, extend_parameters,
             extend_replies, post_extend},
    endpoint{verb::post, "/service/check_port", "service", "Look now whether a rented container can be reached by SSH",
             role::rent, rented_parameters, port_replies, post_check_port},
};

}  // namespace

std::span<const endpoint> service_endpoints() { return table; }

}  // namespace lode::http
