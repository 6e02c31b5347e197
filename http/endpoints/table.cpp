#include "http/endpoint.hpp"

#include <array>

namespace lode::http {
namespace {

using enum place;
using type = value_type;

constexpr parameter hotkey{"hotkey", query, type::string, "", false};
constexpr parameter uuid_key{"uuid_key", query, type::string, "", false};
constexpr parameter page_size{"page_size", query, type::integer, "", true};
constexpr parameter page_number{"page_number", query, type::integer, "", true};

constexpr std::array spec_parameters{parameter{"", body, type::device_docker, "", false}};
constexpr std::array hotkey_parameters{hotkey, parameter{"ssh_key", query, type::string, "", true},
                                       parameter{"", body, type::docker, "{}", true}};
constexpr std::array deallocate_parameters{hotkey, uuid_key,
                                           parameter{"notify_flag", query, type::boolean, "false", true}};
constexpr std::array status_parameters{parameter{"", body, type::list, "", false},
                                       parameter{"query_version", query, type::boolean, "false", true}};
constexpr std::array rented_parameters{hotkey, uuid_key};
constexpr std::array exchange_parameters{hotkey, uuid_key, parameter{"ssh_key", query, type::string, "", false},
                                         parameter{"key_type", query, type::string, "\"user\"", true}};
constexpr std::array paging{page_size, page_number};
constexpr std::array resource_parameters{parameter{"", body, type::resource_query, "{}", true},
                                         parameter{"stats", query, type::boolean, "false", true}, page_size,
                                         page_number};

constexpr std::array spec_replies{reply_row{200, "Resource was successfully allocated"},
                                  reply_row{404, "Fail to allocate resource"}};
constexpr std::array hotkey_replies{
    reply_row{200, "Resource was successfully allocated"}, reply_row{400, "Invalid allocation request"},
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
constexpr std::array status_replies{reply_row{200, "List hotkey status successfully."}};
constexpr std::array allocations_replies{reply_row{200, "List allocations successfully."},
                                         reply_row{404, "No resources found."}};
constexpr std::array resources_replies{reply_row{200, "List resources successfully"},
                                       reply_row{404, "There is no resource available"}};
constexpr std::array ready_replies{reply_row{200, "ready"}, reply_row{503, "not ready"}};
constexpr std::array alive_replies{reply_row{200, "alive"}};

constexpr std::array table{
    endpoint{verb::get, "/", {}, {}, get_root},
    endpoint{verb::post, "/service/allocate_spec", spec_parameters, spec_replies, post_allocate_spec},
    endpoint{verb::post, "/service/allocate_hotkey", hotkey_parameters, hotkey_replies, post_allocate_hotkey},
    endpoint{verb::post, "/service/deallocate", deallocate_parameters, deallocate_replies, post_deallocate},
    endpoint{verb::post, "/service/check_miner_status", status_parameters, status_replies, post_check_miner_status},
    endpoint{verb::post, "/service/restart_docker", rented_parameters, restart_replies, post_restart_docker},
    endpoint{verb::post, "/service/pause_docker", rented_parameters, pause_replies, post_pause_docker},
    endpoint{verb::post, "/service/unpause_docker", rented_parameters, unpause_replies, post_unpause_docker},
    endpoint{verb::post, "/service/exchange_docker_key", exchange_parameters, exchange_replies,
             post_exchange_docker_key},
    endpoint{verb::post, "/list/allocations_sql", paging, allocations_replies, post_allocations_sql},
    endpoint{verb::post, "/list/resources_sql", resource_parameters, resources_replies, post_resources_sql},
    endpoint{verb::get, "/healthz", {}, alive_replies, get_healthz},
    endpoint{verb::get, "/readyz", {}, ready_replies, get_readyz},
    endpoint{verb::post, "/list/resources_wandb", {}, {}, nullptr},
    endpoint{verb::post, "/list/count_all_gpus", {}, {}, nullptr},
    endpoint{verb::post, "/list/count_all_by_model", {}, {}, nullptr},
    endpoint{verb::post, "/list/all_runs", {}, {}, nullptr},
    endpoint{verb::post, "/list/specs", {}, {}, nullptr},
    endpoint{verb::post, "/list/run_by_name", {}, {}, nullptr},
    endpoint{verb::post, "/list/available", {}, {}, nullptr},
    endpoint{verb::post, "/list/allocated_hotkeys", {}, {}, nullptr},
    endpoint{verb::post, "/test/notify", {}, {}, nullptr},
    endpoint{verb::get, "/connect", {}, {}, nullptr},
    endpoint{verb::get, "/metrics", {}, {}, nullptr},
    endpoint{verb::get, "/openapi.json", {}, {}, nullptr},
    endpoint{verb::get, "/docs", {}, {}, nullptr},
    endpoint{verb::get, "/ui", {}, {}, nullptr},
};

}  // namespace

std::span<const endpoint> endpoints() { return table; }

}  // namespace lode::http
