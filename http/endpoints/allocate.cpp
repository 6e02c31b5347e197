// POST /service/allocate_spec, /service/allocate_hotkey

#include "crypto/digest.hpp"
#include "http/arguments.hpp"
#include "http/edge_metrics.hpp"
#include "http/endpoint.hpp"
#include "http/replies.hpp"
#include "messages/json.hpp"
#include "messages/requests.hpp"
#include "messages/validation.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

namespace lode::http {
namespace {

constexpr std::string_view not_allocated = "Fail to allocate resource";

// Whatever stood in the way of this miner or of all, to a renter there was nothing to rent.
response refused(const request& req, const error& e) {
  if (e == errc::blacklisted) return failed(404, "Fail to allocate resource, blacklisted", "blacklisted");
  if (is_unavailable(e.code)) return unavailable(e);
  if (http_status(e.code) == 500) return broken(req, e);
  if (e == errc::no_candidate && !e.detail.empty()) return failed(404, not_allocated, e.detail);
  return failed(404, not_allocated, "Requested resource is not available.");
}

constexpr std::string_view key_header = "idempotency-key";

void check_idempotency_key(arguments& args, const request& req) {
  constexpr std::size_t longest = 128;
  const auto key = req.header(key_header);
  if (!key) return;
  const bool sane = std::all_of(key->begin(), key->end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (key->empty() || key->size() > longest || !sane)
    args.fail(key_header, "Input should be 1 to 128 printable ASCII characters without spaces");
}

/// What makes a request under a key the same one: `parsed` is what was read of it, so the order of members, spaces and
/// defaults that are spelt out make no difference.
std::shared_ptr<const idempotency_claim> claim_of(const request& req, std::string_view key, std::string_view parsed) {
  std::string whole{to_string(req.method)};
  // Of callers by their credentials, so that nobody is answered with what another rented.
  for (const std::string_view part : {std::string_view{req.path}, std::string_view{req.client_certificate}, parsed}) {
    whole.push_back('\n');
    whole.append(part);
  }
  // Behind the rest, and only where there is one: what was kept before there were keys is still found.
  if (!req.key_id.empty()) whole.append("\nkey ").append(req.key_id);
  auto claim = std::make_shared<idempotency_claim>();
  claim->key = key;
  claim->fingerprint = crypto::sha256_hex(whole);
  return claim;
}

response allocated(std::string_view data) { return succeeded("Resource was successfully allocated", data); }

task<response> allocate_under_key(const endpoint_context& c, request& req, allocate_once message, std::string kind) {
  if (!c.idempotency) co_return unavailable(error{errc::not_ready, "idempotency keys are not served"});
  constexpr std::chrono::seconds grace{2};  // as ask()
  const auto due = req.arrived + c.reply_timeout + grace;
  caf::expected<once_reply> answer =
      co_await async_ask(c.port, c.idempotency, std::move(message), due, boost::asio::use_awaitable_t<executor>{});
  const error failure = answer ? error{errc::none} : from_caf(answer.error());
  c.counts->allocation_answered(kind, failure.code);
  if (failure == errc::validation) {
    arguments none{req};
    none.fail(key_header, "This key was used with another request");
    co_return none.refusal();
  }
  if (!answer) co_return refused(req, failure);
  response r = allocated(answer->data);
  if (answer->replayed) r.headers.emplace_back("idempotency-replayed", "true");
  co_return r;
}

template <class M>
task<response> allocate(const endpoint_context& c, request& req, M message, std::string parsed, std::string kind) {
  message.ctx = c.for_actors(req);
  if (const auto key = req.header(key_header)) {
    message.ctx.claim = claim_of(req, *key, parsed);
    allocate_once once;
    once.call = std::move(message);
    co_return co_await allocate_under_key(c, req, std::move(once), std::move(kind));
  }
  const auto deadline = message.ctx.deadline;
  const auto answer = co_await ask(c, std::move(message), deadline);
  c.counts->allocation_answered(kind, answer ? errc::none : answer.error().code);
  if (!answer) co_return refused(req, answer.error());
  std::string data;
  write_json(data, *answer);
  co_return allocated(data);
}

}  // namespace

task<response> post_allocate_spec(const endpoint_context& c, request& req) {
  arguments args{req};
  allocate_spec message;
  if (args.has_body()) {
    allocate_spec_body body = args.body<allocate_spec_body>();
    message.device = std::move(body.requirements);
    message.docker = std::move(body.docker);
  } else if (args.ok()) {
    args.fail("requirements", words::required);
    args.fail("docker_requirement", words::required);
  }
  if (!message.docker.ssh_key.empty()) args.check_ssh_key("ssh_key", message.docker.ssh_key);
  check_idempotency_key(args, req);
  if (!args.ok()) co_return args.refusal();
  std::string parsed;
  write_json(parsed, message.device);
  write_json(parsed, message.docker);
  co_return co_await allocate(c, req, std::move(message), std::move(parsed), "spec");
}

task<response> post_allocate_hotkey(const endpoint_context& c, request& req) {
  arguments args{req};
  allocate_hotkey message;
  message.hotkey = args.required_string("hotkey");
  message.docker = args.body<docker_requirement>();
  // An object body holds both; parse() has looked at its ssh_key already, so only the query's is read here.
  if (const auto key = req.query_value("ssh_key")) message.docker.ssh_key = *key;
  if (!message.docker.ssh_key.empty()) args.check_ssh_key("ssh_key", message.docker.ssh_key);
  check_idempotency_key(args, req);
  if (!args.ok()) co_return args.refusal();
  if (message.hotkey.find_first_not_of(" \t") == std::string::npos)
    co_return failed(400, "Invalid allocation request", "Invalid hotkey, please check the hotkey");
  std::string parsed;
  write_json_string(parsed, message.hotkey);
  write_json(parsed, message.docker);
  co_return co_await allocate(c, req, std::move(message), std::move(parsed), "hotkey");
}

}  // namespace lode::http
