// GET /connect

#include "http/arguments.hpp"
#include "http/endpoint.hpp"
#include "http/event_feed.hpp"
#include "http/replies.hpp"

#include <fmt/format.h>

namespace lode::http {
namespace {

// A page of another site may open a WebSocket to any address that its visitor's browser reaches; it cannot set
// `authorization`. (It could add a `token`, which nobody looks at while no keys are in use.)
bool of_another_site(const request& req) {
  const auto origin = req.header("origin");
  if (!origin || req.header("authorization")) return false;
  const auto host = req.header("host").value_or("");
  return *origin != fmt::format("http://{}", host) && *origin != fmt::format("https://{}", host);
}

}  // namespace

task<response> get_connect(const endpoint_context& c, request& req) {
  arguments args{req};
  const auto since = args.maybe_count("since");
  if (!args.ok()) co_return args.refusal();
  if (!wants_websocket(req)) {
    response r = failed(426, "Upgrade Required", "This path is a WebSocket");
    r.headers.emplace_back("upgrade", "websocket");
    co_return r;
  }
  if (of_another_site(req)) co_return failed(403, "Forbidden: the page is of another origin");
  if (c.feed == nullptr || !c.feed->ready()) co_return unavailable(error{errc::not_ready, "no events yet"});
  std::optional<std::uint64_t> after;
  if (since) after = static_cast<std::uint64_t>(*since);
  co_return accept_websocket(c.feed->listen(after));
}

}  // namespace lode::http
