// What a renter does with an allocation: POST /service/deallocate, restart_docker, pause_docker, unpause_docker,
// exchange_docker_key, extend, check_port. All name it by hotkey and prove it by UUID.

#include "http/arguments.hpp"
#include "http/endpoint.hpp"
#include "http/replies.hpp"
#include "messages/json.hpp"

#include <fmt/format.h>

namespace lode::http {
namespace {

constexpr std::string_view none_found = "No allocation details found for the provided hotkey.";
constexpr std::string_view wrong_uuid = "Invalid UUID key";

struct words_of_action {
  pending_action action;
  std::string_view success;
  std::string_view not_yours;
  std::string_view what;
};

constexpr words_of_action restart_words{pending_action::restart, "Resource restarted successfully.",
                                        "Restart not successfully, please try again.", "restart"};
constexpr words_of_action pause_words{pending_action::pause, "Resource paused successfully.",
                                      "Pause not successfully, please try again.", "pause"};
constexpr words_of_action unpause_words{pending_action::unpause, "Resource unpaused successfully.",
                                        "Unpause not successfully, please try again.", "unpause"};
constexpr words_of_action exchange_words{pending_action::exchange_key, "Resource ssh_key is exchanged successfully.",
                                         "Exchange ssh_key not successfully, please try again.", "exchange ssh_key"};

constexpr words_of_action extend_words{pending_action::none, "Lease was extended successfully.",
                                       "Extension not successfully, please try again.", "extend"};
constexpr words_of_action check_words{pending_action::none, "Checked the SSH port.",
                                      "Check not successfully, please try again.", "check"};

response outcome(const words_of_action& w, const error& e, const request& req) {
  if (e == errc::no_allocation) return failed(404, none_found);
  if (e == errc::wrong_uuid) return failed(400, w.not_yours, wrong_uuid);
  if (e == errc::bad_request) return failed(400, w.not_yours, e.detail);
  if (is_unavailable(e.code)) return unavailable(e);
  if (http_status(e.code) == 500) return broken(req, e);
  return failed(403, fmt::format("An error occurred during {} operation.", w.what), reason_of(e));
}

task<response> act(const endpoint_context& c, request& req, const words_of_action& w) {
  arguments args{req};
  docker_action message;
  message.action = w.action;
  message.hotkey = args.required_string("hotkey");
  message.uuid = args.required_string("uuid_key");
  if (w.action == pending_action::exchange_key) {
    const std::size_t before = args.failures();
    message.ssh_key = args.required_string("ssh_key");
    if (args.failures() == before) args.check_ssh_key("ssh_key", message.ssh_key);
    message.key_type = args.string_or("key_type", "user");
    if (message.key_type != "user" && message.key_type != "terminal")
      args.fail("key_type", "Input should be 'user' or 'terminal'");
  }
  if (!args.ok()) co_return args.refusal();
  message.ctx = c.for_actors(req);
  const auto deadline = message.ctx.deadline;
  const auto answer = co_await ask(c, std::move(message), deadline);
  co_return answer ? succeeded(w.success) : outcome(w, answer.error(), req);
}

/// A port that takes a connection and shows no banner is open; that nobody can log in there is said by `healthy`.
std::string_view word_of(ssh_state s) {
  switch (s) {
    case ssh_state::open:
    case ssh_state::silent:
      return "open";
    case ssh_state::closed:
      return "closed";
    case ssh_state::unknown:
      break;
  }
  return "unknown";
}

std::string json_of(const port_report& r) {
  std::string out;
  const auto text = [&out](std::string_view key, std::string_view value) {
    out.append(key);
    write_json_string(out, value);
  };
  const auto word = [](bool b) { return b ? "true" : "false"; };
  text(R"({"hotkey":)", r.hotkey);
  text(R"(,"ssh_ip":)", r.ssh_ip);
  out.append(R"(,"ssh_port":)").append(std::to_string(r.ssh_port));
  text(R"(,"port":)", word_of(r.port));
  out.append(R"(,"reachable":)").append(word(r.reachable));
  out.append(R"(,"healthy":)").append(r.healthy ? word(*r.healthy) : "null");
  out.append(R"(,"eligible":)").append(word(r.eligible));
  out.append(R"(,"misses":)").append(std::to_string(r.misses));
  text(R"(,"checked_at":)", rfc3339(r.checked_at));
  out.push_back('}');
  return out;
}

}  // namespace

task<response> post_restart_docker(const endpoint_context& c, request& req) { return act(c, req, restart_words); }
task<response> post_pause_docker(const endpoint_context& c, request& req) { return act(c, req, pause_words); }
task<response> post_unpause_docker(const endpoint_context& c, request& req) { return act(c, req, unpause_words); }
task<response> post_exchange_docker_key(const endpoint_context& c, request& req) { return act(c, req, exchange_words); }

task<response> post_extend(const endpoint_context& c, request& req) {
  constexpr std::int64_t most_days = 36'500;
  arguments args{req};
  extend_lease message;
  message.hotkey = args.required_string("hotkey");
  message.uuid = args.required_string("uuid_key");
  message.days = args.required_integer("days", 1, most_days);
  if (!args.ok()) co_return args.refusal();
  message.ctx = c.for_actors(req);
  const auto deadline = message.ctx.deadline;
  const auto answer = co_await ask(c, std::move(message), deadline);
  if (!answer) co_return outcome(extend_words, answer.error(), req);
  std::string data;
  write_json(data, *answer);
  co_return succeeded(extend_words.success, data);
}

task<response> post_check_port(const endpoint_context& c, request& req) {
  arguments args{req};
  check_port message;
  message.hotkey = args.required_string("hotkey");
  message.uuid = args.required_string("uuid_key");
  if (!args.ok()) co_return args.refusal();
  message.ctx = c.for_actors(req);
  const auto deadline = message.ctx.deadline;
  const auto answer = co_await ask(c, std::move(message), deadline);
  co_return answer ? succeeded(check_words.success, json_of(*answer)) : outcome(check_words, answer.error(), req);
}

task<response> post_deallocate(const endpoint_context& c, request& req) {
  arguments args{req};
  deallocate message;
  message.hotkey = args.required_string("hotkey");
  message.uuid = args.required_string("uuid_key");
  message.notify = args.boolean_or("notify_flag", false);
  if (!args.ok()) co_return args.refusal();
  message.ctx = c.for_actors(req);
  const auto deadline = message.ctx.deadline;
  const auto answer = co_await ask(c, std::move(message), deadline);
  if (answer) co_return succeeded("Resource deallocated successfully.");
  const error& e = answer.error();
  if (e == errc::no_allocation) co_return failed(404, none_found);
  if (e == errc::wrong_uuid) co_return failed(400, "Deallocation not successfully, please try again.", wrong_uuid);
  if (is_unavailable(e.code)) co_return unavailable(e);
  const response logged = http_status(e.code) == 500 ? broken(req, e) : response{};
  co_return failed(403, "An error occurred during deallocation.", logged.status == 500 ? "" : reason_of(e));
}

}  // namespace lode::http
