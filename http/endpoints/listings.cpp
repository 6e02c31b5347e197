// POST /service/check_miner_status, /list/allocations_sql, /list/resources_sql, /list/count_all_gpus,
// /list/count_all_by_model

#include "http/arguments.hpp"
#include "http/endpoint.hpp"
#include "http/page_cache.hpp"
#include "http/replies.hpp"
#include "messages/json.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <iterator>
#include <limits>

namespace lode::http {
namespace {

// Each is asked over the network. A subnet has some hundred miners.
constexpr std::size_t most_hotkeys = 4096;

// Of a listing whose sums alone are wanted: a page beyond the end.
constexpr page_request nothing_of_it{std::numeric_limits<std::int32_t>::max(),
                                     std::numeric_limits<std::int32_t>::max()};

template <class T>
std::string json_list(const std::vector<T>& items) {
  return list_of(items, [](std::string& out, const T& item) { write_json(out, item); });
}

// The same while nothing changes: the answer to the next request like it.
response kept(const endpoint_context& c, const request& req, std::uint64_t asked_at, response answer) {
  c.pages->keep(req, asked_at, answer);
  return answer;
}

void write_status(std::string& out, const hotkey_status& item) {
  out.append("{\"hotkey\":");
  write_json_string(out, item.hotkey);
  if (item.version) {
    fmt::format_to(std::back_inserter(out), ",\"version\":{}}}", *item.version);
    return;
  }
  out.append(",\"status\":");
  write_json_string(out, item.status);
  out.push_back('}');
}

}  // namespace

task<response> post_check_miner_status(const endpoint_context& c, request& req) {
  arguments args{req};
  check_status message;
  message.hotkeys = args.body_list();
  message.query_version = args.boolean_or("query_version", false);
  if (message.hotkeys.size() > most_hotkeys)
    args.fail("body", fmt::format("List should have at most {} items after validation, not {}", most_hotkeys,
                                  message.hotkeys.size()));
  if (!args.ok()) co_return args.refusal();
  message.ctx = c.for_actors(req);
  const auto deadline = message.ctx.deadline;
  const auto answer = co_await ask(c, std::move(message), deadline);
  if (!answer) co_return not_done(req, answer.error());
  co_return succeeded("List hotkey status successfully.", list_of(answer->items, write_status));
}

task<response> post_allocations_sql(const endpoint_context& c, request& req) {
  if (const auto kept = c.pages->find(req); !kept.empty()) co_return response{200, std::string{kept}};
  const auto asked_at = c.pages->now();
  arguments args{req};
  list_allocations message;
  message.page = args.page();
  if (!args.ok()) co_return args.refusal();
  const auto answer = co_await ask(c, message, req.arrived + c.reply_timeout);
  if (!answer) co_return not_done(req, answer.error());
  if (answer->total == 0) {
    // Clients of the original look for the text in either place.
    constexpr std::string_view nothing = "No allocated resources found. Allocate a resource with validator.";
    response none = failed(404, "No resources found.", nothing);
    none.body.pop_back();
    none.body.append(",\"data\":");
    write_json_string(none.body, nothing);
    none.body.push_back('}');
    co_return none;
  }
  co_return kept(c, req, asked_at, succeeded("List allocations successfully.", json_list(answer->items)));
}

task<response> post_resources_sql(const endpoint_context& c, request& req) {
  if (const auto kept = c.pages->find(req); !kept.empty()) co_return response{200, std::string{kept}};
  const auto asked_at = c.pages->now();
  arguments args{req};
  list_resources message;
  message.query = args.body<resource_query>();
  message.page = args.page();
  const bool stats = args.boolean_or("stats", false);
  if (!args.ok()) co_return args.refusal();
  if (stats) message.page = nothing_of_it;
  const page_request asked = message.page;
  const auto answer = co_await ask(c, std::move(message), req.arrived + c.reply_timeout);
  if (!answer) co_return not_done(req, answer.error());
  if (answer->known == 0) co_return failed(404, "There is no resource available", "No resources found.");
  constexpr std::string_view title = "List resources successfully";
  if (stats)
    co_return kept(c, req, asked_at,
                   succeeded(title, fmt::format(R"({{"stats":{{"available":{},"reserved":{},"total":{}}}}})",
                                                answer->available, answer->reserved, answer->total)));
  co_return kept(c, req, asked_at, listed(title, *answer, asked, write_json<resource>));
}

task<response> post_count_all_gpus(const endpoint_context& c, request& req) {
  if (const auto kept = c.pages->find(req); !kept.empty()) co_return response{200, std::string{kept}};
  const auto asked_at = c.pages->now();
  const list_resources everything;
  const auto answer = co_await ask(c, everything, req.arrived + c.reply_timeout);
  if (!answer) co_return not_done(req, answer.error());
  std::int64_t gpus = 0;
  for (const resource& r : answer->items) gpus += r.gpu_count;
  co_return kept(c, req, asked_at, response(200, count_success("List resources successfully", gpus)));
}

task<response> post_count_all_by_model(const endpoint_context& c, request& req) {
  if (const auto kept = c.pages->find(req); !kept.empty()) co_return response{200, std::string{kept}};
  const auto asked_at = c.pages->now();
  arguments args{req};
  count_by_model message;
  message.model = args.required_string("model");
  message.cpu_count = args.maybe_count("cpu_count");
  message.ram_size = args.maybe_number("ram_size");
  if (!args.ok()) co_return args.refusal();
  const auto answer = co_await ask(c, std::move(message), req.arrived + c.reply_timeout);
  if (!answer) co_return not_done(req, answer.error());
  co_return kept(c, req, asked_at, response(200, count_success("List resources successfully", answer->count)));
}

}  // namespace lode::http
