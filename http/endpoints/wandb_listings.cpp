// POST /list/resources_wandb, all_runs, specs, run_by_name, available, allocated_hotkeys: what the subnet publishes on
// Weights & Biases. loded does not read from there, so each checks its parameters and then says so as the contract
// says.

#include "http/arguments.hpp"
#include "http/endpoint.hpp"
#include "http/replies.hpp"

namespace lode::http {
namespace {

response not_set_up(std::string_view message) {
  return failed(404, message,
                "W&B is not set up: this version of loded does not read from it. /list/resources_sql and "
                "/list/allocations_sql answer from loded's own store.");
}

}  // namespace

task<response> post_resources_wandb(const endpoint_context& /*c*/, request& req) {
  arguments args{req};
  args.body<resource_query>();
  args.page();
  args.boolean_or("stats", false);
  if (!args.ok()) co_return args.refusal();
  co_return not_set_up("There is no resource available");
}

task<response> post_all_runs(const endpoint_context& /*c*/, request& req) {
  arguments args{req};
  args.maybe_string("hotkey");
  args.page();
  if (!args.ok()) co_return args.refusal();
  co_return not_set_up("Error occurred while getting runs from wandb");
}

task<response> post_specs(const endpoint_context& /*c*/, request& req) {
  arguments args{req};
  args.maybe_string("hotkey");
  args.page();
  if (!args.ok()) co_return args.refusal();
  co_return not_set_up("Error occurred while getting specs from wandb");
}

task<response> post_run_by_name(const endpoint_context& /*c*/, request& req) {
  arguments args{req};
  args.required_string("run_name");
  if (!args.ok()) co_return args.refusal();
  co_return not_set_up("Error occurred while run from wandb");
}

task<response> post_available(const endpoint_context& /*c*/, request& req) {
  arguments args{req};
  args.boolean_or("rent_status", false);
  args.page();
  if (!args.ok()) co_return args.refusal();
  co_return not_set_up("Error occurred while fetching available miner from wandb");
}

task<response> post_allocated_hotkeys(const endpoint_context& /*c*/, request& /*req*/) {
  co_return not_set_up("Error occurred while fetching allocated hotkey from wandb");
}

}  // namespace lode::http
