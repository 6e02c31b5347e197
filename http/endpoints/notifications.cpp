// POST /test/notify, /admin/notifications, /admin/notifications/resend

#include "crypto/crypto.hpp"
#include "http/arguments.hpp"
#include "http/endpoint.hpp"
#include "http/replies.hpp"
#include "messages/json.hpp"

#include <algorithm>
#include <array>

namespace lode::http {
namespace {

constexpr std::array<std::string_view, 3> testable{deallocation_event, "ONLINE", "OFFLINE"};
constexpr std::string_view not_there = "No such notification.";

response none_here() { return unavailable(error{errc::not_ready, "webhooks are not served"}); }

void write_notification(std::string& out, const notification& n) {
  const auto text = [&out](std::string_view key, std::string_view value) {
    out.append(key);
    write_json_string(out, value);
  };
  text(R"({"id":)", n.id);
  text(R"(,"event":)", n.event);
  text(R"(,"hotkey":)", n.hotkey);
  text(R"(,"uuid":)", n.uuid_end);
  text(R"(,"url_kind":)", n.url_kind);
  out.append(R"(,"attempts":)").append(std::to_string(n.attempts));
  text(R"(,"created_at":)", rfc3339(n.created_at));
  if (n.next_at == 0)
    out.append(R"(,"next_at":null)");
  else
    text(R"(,"next_at":)", rfc3339(n.next_at));
  text(R"(,"last_error":)", n.last_error);
  text(R"(,"state":)", n.dead ? "dead" : "pending");
  out.push_back('}');
}

}  // namespace

task<response> post_test_notify(const endpoint_context& c, request& req) {
  if (!c.outbox) co_return none_here();
  arguments args{req};
  test_notify message;
  message.hook.hotkey = args.maybe_string("hotkey").value_or("test_hotkey");
  message.hook.uuid = args.maybe_string("uuid_key").value_or(crypto::uuid_v4());
  message.hook.event = args.maybe_string("event").value_or(std::string{deallocation_event});
  if (!args.ok()) co_return args.refusal();
  if (std::find(testable.begin(), testable.end(), message.hook.event) == testable.end())
    co_return failed(400, "Error occurred while testing notify", "event must be DEALLOCATION, ONLINE or OFFLINE");
  message.ctx = c.for_actors(req);
  const auto deadline = message.ctx.deadline;
  const auto answer = co_await ask(c, c.outbox, std::move(message), deadline);
  if (!answer) co_return not_done(req, answer.error());
  if (answer->acknowledged) co_return succeeded("Notify allocation event testing is success");
  co_return failed(400, "Notify allocation event testing is failed", answer->detail);
}

task<response> post_admin_notifications(const endpoint_context& c, request& req) {
  if (!c.outbox) co_return none_here();
  arguments args{req};
  list_notifications message;
  const auto state = args.maybe_string("state");
  if (state && *state != "pending" && *state != "dead") args.fail("state", "Input should be 'pending' or 'dead'");
  if (state) message.dead = *state == "dead";
  message.page = args.page();
  if (!args.ok()) co_return args.refusal();
  const page_request asked = message.page;
  const auto answer = co_await ask(c, c.outbox, message, req.arrived + c.reply_timeout);
  if (!answer) co_return not_done(req, answer.error());
  co_return listed("List notifications successfully.", *answer, asked, write_notification);
}

task<response> post_admin_notifications_resend(const endpoint_context& c, request& req) {
  if (!c.outbox) co_return none_here();
  arguments args{req};
  resend_notifications message;
  message.id = args.maybe_string("id");
  if (!args.ok()) co_return args.refusal();
  const auto answer = co_await ask(c, c.outbox, std::move(message), req.arrived + c.reply_timeout);
  if (answer)
    co_return succeeded("Notifications are queued again.", R"({"count":)" + std::to_string(answer->count) + "}");
  if (answer.error() == errc::not_found) co_return failed(404, not_there);
  co_return not_done(req, answer.error());
}

}  // namespace lode::http
