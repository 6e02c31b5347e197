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
                                         parameter{"stats", query, type::boolean, "false", true, "counts only", "true"},
                                         page_size, page_number};

constexpr std::array allocations_replies{
    reply_row{200, "List allocations successfully.",
              R"({"type":"array","items":{"$ref":"#/components/schemas/Allocation"}})"},
    // Clients of the original look for the text in either place.
    reply_row{404, "No resources found.",
              R"({"type":"object","required":["success","message","err_detail","data"],"additionalProperties":false,)"
              R"("properties":{"success":{"const":false},"message":{"const":"No resources found."},)"
              R"("err_detail":{"const":"No allocated resources found. Allocate a resource with validator."},)"
              R"("data":{"const":"No allocated resources found. Allocate a resource with validator."}}})",
              "application/json"}};
constexpr std::array resources_replies{reply_row{200, "List resources successfully",
                                                 R"({"anyOf":[{"$ref":"#/components/schemas/ResourcePage"},)"
                                                 R"({"$ref":"#/components/schemas/ResourceStats"}]})"},
                                       reply_row{404, "There is no resource available"}};

constexpr std::string_view no_wandb = R"({"type":"string","examples":["W&B is not set up"]})";
constexpr parameter maybe_hotkey{"hotkey",
                                 query,
                                 type::string,
                                 "",
                                 true,
                                 "only this miner's",
                                 R"("5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX")"};
constexpr std::array runs_parameters{maybe_hotkey, page_size, page_number};
constexpr std::array run_name_parameters{
    parameter{"run_name", query, type::string, "", false, "name of the run", R"("miner-5F3sa2TJ")"}};
constexpr std::array available_parameters{
    parameter{"rent_status", query, type::boolean, "false", true, "rented miners instead of available ones", "true"},
    page_size, page_number};

constexpr std::array model_parameters{
    parameter{"model", query, type::string, "", false, "name of the GPU, in any case", R"("nvidia rtx a4000")"},
    parameter{"cpu_count", query, type::integer, "", true, "miners with this many CPUs only", "8"},
    parameter{"ram_size", query, type::number, "", true,
              "miners with so much RAM only, in GiB, theirs rounded up; has no effect beside cpu_count", "32"}};
constexpr std::array count_replies{
    reply_row{200, "List resources successfully", R"({"$ref":"#/components/schemas/Count"})", "application/json"}};
constexpr std::array wandb_resources_replies{reply_row{404, "There is no resource available", no_wandb}};
constexpr std::array runs_replies{reply_row{404, "Error occurred while getting runs from wandb", no_wandb}};
constexpr std::array specs_replies{reply_row{404, "Error occurred while getting specs from wandb", no_wandb}};
constexpr std::array run_by_name_replies{reply_row{404, "Error occurred while run from wandb", no_wandb}};
constexpr std::array available_replies{
    reply_row{404, "Error occurred while fetching available miner from wandb", no_wandb}};
constexpr std::array hotkeys_replies{
    reply_row{404, "Error occurred while fetching allocated hotkey from wandb", no_wandb}};
constexpr std::array table{
    endpoint{verb::post, "/list/allocations_sql", "list", "Acknowledged allocations", role::read, paging,
             allocations_replies, post_allocations_sql},
    endpoint{verb::post, "/list/resources_sql", "list", "Miners with specs", role::read, resource_parameters,
             resources_replies, post_resources_sql},
    endpoint{verb::post, "/list/resources_wandb", "list", "Miners with specs, as published on W&B", role::read,
             resource_parameters, wandb_resources_replies, post_resources_wandb},
    endpoint{verb::post,
             "/list/count_all_gpus",
             "list",
             "How many GPUs the miners have together",
             role::read,
             {},
             count_replies,
             post_count_all_gpus},
    endpoint{verb::post, "/list/count_all_by_model", "list", "How many miners have this GPU, and that many CPUs or RAM",
             role::read, model_parameters, count_replies, post_count_all_by_model},
    endpoint{verb::post, "/list/all_runs", "list", "The miners' runs on W&B", role::read, runs_parameters, runs_replies,
             post_all_runs},
    endpoint{verb::post, "/list/specs", "list", "The miners' specs, as published on W&B", role::read, runs_parameters,
             specs_replies, post_specs},
    endpoint{verb::post, "/list/run_by_name", "list", "One run on W&B", role::read, run_name_parameters,
             run_by_name_replies, post_run_by_name},
    endpoint{verb::post, "/list/available", "list", "Available or rented miners, as published on W&B", role::read,
             available_parameters, available_replies, post_available},
    endpoint{verb::post,
             "/list/allocated_hotkeys",
             "list",
             "Rented hotkeys, as published on W&B",
             role::read,
             {},
             hotkeys_replies,
             post_allocated_hotkeys},
};

}  // namespace

std::span<const endpoint> listing_endpoints() { return table; }

}  // namespace lode::http
