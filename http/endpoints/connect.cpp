// GET /connect

#include "crypto/key_ring.hpp"
#include "http/arguments.hpp"
#include "http/endpoint.hpp"
#include "http/event_feed.hpp"
#include "http/gatekeeper.hpp"
#include "http/replies.hpp"

#include <utility>

namespace lode::http {
task<response> get_connect(const endpoint_context& c, request& req) {
  arguments args{req};
  const auto since = args.maybe_count("since");
  if (!args.ok()) co_return args.refusal();
  if (!wants_websocket(req)) {
    response r = failed(426, "Upgrade Required", "This path is a WebSocket");
    r.headers.emplace_back("upgrade", "websocket");
    co_return r;
  }
  if (c.feed == nullptr || !c.feed->ready()) co_return unavailable(error{errc::not_ready, "no events yet"});
  std::optional<std::uint64_t> after;
  if (since) after = static_cast<std::uint64_t>(*since);
  // As long as its address may come in and its key holds; of one who showed none, as long as no keys are in use.
  auto unwelcome = [keys = c.keys, id = req.key_id, admitted = c.gate->admission_of(req)]() -> std::optional<farewell> {
    if (!admitted()) return farewell{feed_close::not_admitted, "the address is not on the allow-list"};
    const auto ring = keys->read();
    if (!ring->empty() && !ring->holds(id)) return farewell{feed_close::no_key, "a valid API key is needed"};
    return std::nullopt;
  };
  co_return accept_websocket(c.feed->listen(after, std::move(unwelcome)));
}

}  // namespace lode::http
