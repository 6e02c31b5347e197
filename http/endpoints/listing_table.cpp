// POST /list/...: what there is.
#include "http/endpoint.hpp"

#include <array>

namespace lode::http {
namespace {

using enum place;
using type = value_type;

constexpr parameter page_size{"page_size", query, type::integer, "", true, "items on a page; 0 or none: 50", "50"};
constexpr parameter page_number{
    "page_number", query, type::integer, "", true, "which page, from 1; 0 or none: everything is page 1", "1"};

constexpr std::array paging{page_size, page_number};
constexpr std::array resource_parameters{parameter{"", body, type::resource_query, "{}", true},
                                         parameter{"stats", query, type::boolean, "false", true}, page_size,
                                         page_number};

constexpr std::array allocations_replies{reply_row{200, "List allocations successfully."},
                                         reply_row{404, "No resources found."}};
constexpr std::array resources_replies{reply_row{200, "List resources successfully"},
                                       reply_row{404, "There is no resource available"}};
constexpr std::array table{
    endpoint{verb::post, "/list/allocations_sql", "list", "Acknowledged allocations", role::read, paging,
             allocations_replies, post_allocations_sql},
    endpoint{verb::post, "/list/resources_sql", "list", "Miners with specs", role::read, resource_parameters,
             resources_replies, post_resources_sql},
    endpoint{verb::post, "/list/resources_wandb", "list", "", role::read, {}, {}, nullptr},
    endpoint{verb::post, "/list/count_all_gpus", "list", "", role::read, {}, {}, nullptr},
    endpoint{verb::post, "/list/count_all_by_model", "list", "", role::read, {}, {}, nullptr},
    endpoint{verb::post, "/list/all_runs", "list", "", role::read, {}, {}, nullptr},
    endpoint{verb::post, "/list/specs", "list", "", role::read, {}, {}, nullptr},
    endpoint{verb::post, "/list/run_by_name", "list", "", role::read, {}, {}, nullptr},
    endpoint{verb::post, "/list/available", "list", "", role::read, {}, {}, nullptr},
    endpoint{verb::post, "/list/allocated_hotkeys", "list", "", role::read, {}, {}, nullptr},
};

}  // namespace

std::span<const endpoint> listing_endpoints() { return table; }

}  // namespace lode::http
