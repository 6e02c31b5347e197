#pragma once
// One endpoint of the contract as data: the router is filled from the table, and so can a description of the API be.

#include "http/reply_port.hpp"
#include "http/server/message.hpp"
#include "messages/access.hpp"
#include "messages/actors.hpp"
#include "messages/caf_error.hpp"
#include "messages/error.hpp"
#include "messages/validation.hpp"

#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace lode::telemetry {
class registry;
}
namespace lode::crypto {
class key_board;
}

namespace lode::http {

class event_feed;
class edge_metrics;
class page_cache;
class gatekeeper;

/// What handlers share. Lives as long as the edge.
struct endpoint_context {
  reply_port& port;
  registry_actor registry;
  std::chrono::milliseconds reply_timeout;
  event_feed* feed = nullptr;                          ///< of /connect; null: none
  edge_metrics* counts = nullptr;                      ///< set
  telemetry::registry* metrics = nullptr;              ///< set; of /metrics
  idempotency_actor idempotency = {};                  ///< null: none
  outbox_actor outbox = {};                            ///< null: none
  access_actor access = {};                            ///< null: none
  std::shared_ptr<const crypto::key_board> keys = {};  ///< set
  std::string_view document{};                         ///< of /openapi.json
  page_cache* pages = nullptr;                         ///< set
  const gatekeeper* gate = nullptr;                    ///< set

  /// The context of the messages that `req` causes.
  [[nodiscard]] request_context for_actors(const request& req) const {
    request_context out;
    out.request_id = req.request_id;
    out.deadline = req.arrived + reply_timeout;
    out.caller = req.caller;
    return out;
  }
};

enum class place : unsigned char {
  query,  ///< query string; a JSON object body is looked at too, the query wins
  body,   ///< the body itself
  header,
};
enum class value_type : unsigned char {
  string,
  integer,
  number,
  boolean,
  list,           ///< of strings
  device_docker,  ///< allocate_spec_body
  device,         ///< device_requirement
  docker,         ///< docker_requirement
  resource_query,
};

/// One parameter. `fallback` is the default as JSON; empty: required, or, with `optional`, simply absent.
struct parameter {
  std::string_view name;
  place in = place::query;
  value_type type = value_type::string;
  std::string_view fallback;
  bool optional = false;
  std::string_view doc{};
  std::string_view example{};  ///< as JSON
  std::string_view choices{};  ///< of a string: the values that there are, with blanks between; empty: any
  constraint bounds{.ge = 0};  ///< of a number
};

/// One possible reply beside those that every endpoint may give (401, 403, 413, 422, 429, 500, 503).
struct reply_row {
  unsigned status = 200;
  std::string_view message;
  /// JSON schema of `data`, or of an error's `err_detail`, as text; empty: no data, or a detail that is a text or
  /// absent.
  std::string_view data{};
  std::string_view media{};  ///< not empty: not in the envelope but of this type, and `data` is the schema of it all
};

struct endpoint {
  verb method = verb::get;
  std::string_view path;
  std::string_view tag;      ///< group in the documentation
  std::string_view summary;  ///< one line of the documentation
  role needs = role::admin;
  std::span<const parameter> parameters;
  std::span<const reply_row> replies;
  task<response> (*run)(const endpoint_context&, request&) = nullptr;  ///< set
  std::string_view description{};                                      ///< more for the documentation, in Markdown
  bool reads_only = false;  ///< changes nothing although it needs more than `read`: not in the audit log
};

/// The groups, one table file each in http/endpoints/.
std::span<const endpoint> process_endpoints();
std::span<const endpoint> service_endpoints();
std::span<const endpoint> listing_endpoints();
std::span<const endpoint> admin_endpoints();
std::span<const endpoint> key_endpoints();

/// All of them, in the order of the documentation.
std::span<const endpoint> endpoints();

task<response> get_root(const endpoint_context&, request&);
task<response> get_healthz(const endpoint_context&, request&);
task<response> get_readyz(const endpoint_context&, request&);
task<response> get_connect(const endpoint_context&, request&);
task<response> get_openapi(const endpoint_context&, request&);
task<response> get_docs(const endpoint_context&, request&);
task<response> get_ui(const endpoint_context&, request&);
task<response> get_metrics(const endpoint_context&, request&);
task<response> post_allocate_spec(const endpoint_context&, request&);
task<response> post_allocate_hotkey(const endpoint_context&, request&);
task<response> post_deallocate(const endpoint_context&, request&);
task<response> post_check_miner_status(const endpoint_context&, request&);
task<response> post_restart_docker(const endpoint_context&, request&);
task<response> post_pause_docker(const endpoint_context&, request&);
task<response> post_unpause_docker(const endpoint_context&, request&);
task<response> post_exchange_docker_key(const endpoint_context&, request&);
task<response> post_extend(const endpoint_context&, request&);
task<response> post_check_port(const endpoint_context&, request&);
task<response> post_allocations_sql(const endpoint_context&, request&);
task<response> post_resources_sql(const endpoint_context&, request&);
task<response> post_resources_wandb(const endpoint_context&, request&);
task<response> post_count_all_gpus(const endpoint_context&, request&);
task<response> post_count_all_by_model(const endpoint_context&, request&);
task<response> post_all_runs(const endpoint_context&, request&);
task<response> post_specs(const endpoint_context&, request&);
task<response> post_run_by_name(const endpoint_context&, request&);
task<response> post_available(const endpoint_context&, request&);
task<response> post_allocated_hotkeys(const endpoint_context&, request&);
task<response> post_test_notify(const endpoint_context&, request&);
task<response> post_admin_notifications(const endpoint_context&, request&);
task<response> post_admin_notifications_resend(const endpoint_context&, request&);
task<response> post_admin_miners(const endpoint_context&, request&);
task<response> post_admin_mark(const endpoint_context&, request&);
task<response> post_admin_unmark(const endpoint_context&, request&);
task<response> post_admin_explain(const endpoint_context&, request&);
task<response> post_admin_keys(const endpoint_context&, request&);
task<response> post_admin_keys_add(const endpoint_context&, request&);
task<response> post_admin_keys_revoke(const endpoint_context&, request&);

/// Asks `who`; the error is ours again. Waits beyond the message's own deadline for a moment, because an actor that
/// minds it has the better answer.
template <class H, class M>
task<result<detail::reply_of<H, M>>> ask(const endpoint_context& c, H who, M message,
                                         std::chrono::steady_clock::time_point deadline) {
  using reply = detail::reply_of<H, M>;
  constexpr std::chrono::seconds grace{2};
  caf::expected<reply> answer = co_await async_ask(c.port, std::move(who), std::move(message), deadline + grace,
                                                   boost::asio::use_awaitable_t<executor>{});
  if (!answer) co_return result<reply>{from_caf(answer.error())};
  co_return result<reply>{std::move(*answer)};
}

/// Asks the registry.
template <class M>
task<result<detail::reply_of<registry_actor, M>>> ask(const endpoint_context& c, M message,
                                                      std::chrono::steady_clock::time_point deadline) {
  return ask(c, c.registry, std::move(message), deadline);
}

}  // namespace lode::http
