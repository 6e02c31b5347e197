// POST /admin/miners, /admin/mark, /admin/unmark, /admin/explain

#include "http/arguments.hpp"
#include "http/endpoint.hpp"
#include "http/replies.hpp"
#include "messages/json.hpp"

#include <boost/algorithm/string/case_conv.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace lode::http {
namespace {

void write_mark(std::string& out, const miner_mark& m) {
  const auto text = [&out](std::string_view key, std::string_view value) {
    out.append(key);
    write_json_string(out, value);
  };
  text(R"({"mark":)", to_string(m.mark));
  text(R"(,"reason":)", m.reason);
  text(R"(,"since":)", rfc3339(m.since));
  text(R"(,"by":)", m.by);
  out.push_back('}');
}

void write_miner(std::string& out, const miner_status& m) {
  const auto text = [&out](std::string_view key, std::string_view value) {
    out.append(key);
    write_json_string(out, value);
  };
  const auto& specs = m.info.specs;
  text(R"({"hotkey":)", m.info.hotkey);
  text(R"(,"ip":)", m.info.ip);
  fmt::format_to(std::back_inserter(out), R"(,"port":{},"version":{},"simulated":{})", m.info.port, m.info.version,
                 m.info.simulated);
  text(R"(,"gpu_name":)", specs ? boost::algorithm::to_lower_copy(specs->gpu_name) : "");
  fmt::format_to(std::back_inserter(out), R"(,"gpu_count":{},"reachable":{},"healthy":{},"eligible":{})",
                 specs ? specs->gpu_count : 0, m.reachable,
                 !m.healthy   ? "null"
                 : *m.healthy ? "true"
                              : "false",
                 m.eligible);
  text(R"(,"slot":)", m.busy ? "busy" : "free");
  text(R"(,"state":)", m.state);
  out.append(R"(,"marks":[)");
  for (const auto& mark : m.marks) {
    if (&mark != m.marks.data()) out.push_back(',');
    write_mark(out, mark);
  }
  out.append(R"(],"known":)").append(m.known ? "true}" : "false}");
}

void write_explained(std::string& out, const explained_miner& m) {
  out.append(R"({"hotkey":)");
  write_json_string(out, m.hotkey);
  fmt::format_to(std::back_inserter(out), R"(,"fits":{},"rank":{},"reasons":)", m.fits,
                 m.rank ? fmt::to_string(*m.rank) : "null");
  write_json(out, m.reasons);
  out.push_back('}');
}

mark_kind mark_argument(arguments& args) {
  const auto before = args.failures();
  const auto text = args.required_string("mark");
  const auto mark = mark_kind_from(text);
  if (!mark && args.failures() == before)
    args.fail("mark", "Input should be 'blacklist', 'cordon', 'drain' or 'quarantine'");
  return mark.value_or(mark_kind::cordon);
}

std::string reason_argument(arguments& args) {
  auto reason = args.maybe_string("reason").value_or("");
  if (reason.size() > longest_mark_reason)
    args.fail("reason", fmt::format("String should have at most {} characters", longest_mark_reason));
  // It is shown in terminals.
  if (std::any_of(reason.begin(), reason.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    args.fail("reason", "Input should be one line of text");
  return reason;
}

/// Asks for the page of `message` and answers with it.
template <class M, class T>
task<response> list_page(const endpoint_context& c, request& req, arguments args, M message, std::string_view title,
                         void (*write)(std::string&, const T&)) {
  message.hotkey = args.maybe_string("hotkey");
  message.page = args.page();
  if (!args.ok()) co_return args.refusal();
  const page_request asked = message.page;
  const auto answer = co_await ask(c, std::move(message), req.arrived + c.reply_timeout);
  co_return answer ? listed(title, *answer, asked, write) : not_done(req, answer.error());
}

}  // namespace

task<response> post_admin_miners(const endpoint_context& c, request& req) {
  list_miners message;
  arguments args{req};
  return list_page(c, req, std::move(args), std::move(message), "List miners successfully.", write_miner);
}

task<response> post_admin_mark(const endpoint_context& c, request& req) {
  arguments args{req};
  mark_miner message;
  message.hotkey = args.required_string("hotkey");
  message.mark = mark_argument(args);
  message.reason = reason_argument(args);
  if (!args.ok()) co_return args.refusal();
  message.ctx = c.for_actors(req);
  const auto deadline = message.ctx.deadline;
  const auto answer = co_await ask(c, std::move(message), deadline);
  if (answer) co_return succeeded("Miner was marked.");
  if (answer.error() == errc::unknown_hotkey) co_return failed(404, "Unknown hotkey.");
  if (answer.error() == errc::bad_request) co_return failed(400, "Miner was not marked.", answer.error().detail);
  co_return not_done(req, answer.error());
}

task<response> post_admin_unmark(const endpoint_context& c, request& req) {
  arguments args{req};
  unmark_miner message;
  message.hotkey = args.required_string("hotkey");
  message.mark = mark_argument(args);
  if (!args.ok()) co_return args.refusal();
  message.ctx = c.for_actors(req);
  const auto deadline = message.ctx.deadline;
  const auto answer = co_await ask(c, std::move(message), deadline);
  if (answer) co_return succeeded("Mark was removed.");
  if (answer.error() == errc::not_found) co_return failed(404, "No such mark.");
  co_return not_done(req, answer.error());
}

task<response> post_admin_explain(const endpoint_context& c, request& req) {
  arguments args{req};
  explain_placement message;
  message.device = args.body<device_requirement>();
  return list_page(c, req, std::move(args), std::move(message), "Explained placement.", write_explained);
}

}  // namespace lode::http
