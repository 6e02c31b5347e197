// POST /service/allocate_spec, /service/allocate_hotkey

#include "http/arguments.hpp"
#include "http/edge_metrics.hpp"
#include "http/endpoint.hpp"
#include "http/replies.hpp"
#include "messages/json.hpp"
#include "messages/requests.hpp"
#include "messages/validation.hpp"

namespace lode::http {
namespace {

constexpr std::string_view not_allocated = "Fail to allocate resource";

response allocated(const allocation& a) {
  std::string data;
  write_json(data, a);
  return succeeded("Resource was successfully allocated", data);
}

// Whatever stood in the way of this miner or of all, to a renter there was nothing to rent.
response refused(const request& req, const error& e) {
  if (e == errc::blacklisted) return failed(404, "Fail to allocate resource, blacklisted", "blacklisted");
  if (is_unavailable(e.code)) return unavailable(e);
  if (http_status(e.code) == 500) return broken(req, e);
  return failed(404, not_allocated, "Requested resource is not available.");
}

}  // namespace

task<response> post_allocate_spec(const endpoint_context& c, request& req) {
  arguments args{req};
  allocate_spec message;
  if (args.has_body()) {
    allocate_spec_body body = args.body_or(allocate_spec_body{});
    message.device = std::move(body.requirements);
    message.docker = std::move(body.docker);
  } else if (args.ok()) {
    args.fail("requirements", words::required);
    args.fail("docker_requirement", words::required);
  }
  if (!message.docker.ssh_key.empty()) args.check_ssh_key("ssh_key", message.docker.ssh_key);
  if (!args.ok()) co_return args.refusal();
  message.ctx = c.for_actors(req);
  const auto deadline = message.ctx.deadline;
  const auto answer = co_await ask(c, std::move(message), deadline);
  c.counts->allocation_answered("spec", answer ? errc::none : answer.error().code);
  co_return answer ? allocated(*answer) : refused(req, answer.error());
}

task<response> post_allocate_hotkey(const endpoint_context& c, request& req) {
  arguments args{req};
  allocate_hotkey message;
  message.hotkey = args.required_string("hotkey");
  message.docker = args.body_or(docker_requirement{});
  // An object body holds both; parse() has looked at its ssh_key already, so only the query's is read here.
  if (const auto key = req.query_value("ssh_key")) message.docker.ssh_key = *key;
  if (!message.docker.ssh_key.empty()) args.check_ssh_key("ssh_key", message.docker.ssh_key);
  if (!args.ok()) co_return args.refusal();
  if (message.hotkey.find_first_not_of(" \t") == std::string::npos)
    co_return failed(400, "Invalid allocation request", "Invalid hotkey, please check the hotkey");
  message.ctx = c.for_actors(req);
  const auto deadline = message.ctx.deadline;
  const auto answer = co_await ask(c, std::move(message), deadline);
  c.counts->allocation_answered("hotkey", answer ? errc::none : answer.error().code);
  co_return answer ? allocated(*answer) : refused(req, answer.error());
}

}  // namespace lode::http
