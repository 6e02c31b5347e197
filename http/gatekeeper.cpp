#include "http/gatekeeper.hpp"

#include "http/replies.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <caf/send.hpp>
#include <fmt/format.h>

namespace lode::http {
namespace {

telemetry::counter& refusals(telemetry::registry& into, const char* reason) {
  return into.make_counter("lode_http_refused_total", "Requests refused for who sent them.", {{"reason", reason}});
}

unix_ms wall_clock() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// A browser cannot set `authorization` of a WebSocket.
std::string_view shown_key(const request& req) {
  constexpr std::string_view scheme = "bearer ";
  if (const auto header = req.header("authorization")) {
    if (!boost::algorithm::istarts_with(*header, scheme)) return {};
    auto key = header->substr(scheme.size());
    key.remove_prefix(std::min(key.find_first_not_of(' '), key.size()));
    return key;
  }
  return req.path == "/connect" ? req.query_value("token").value_or(std::string_view{}) : std::string_view{};
}

// A page of another site may send requests to any address that its visitor's browser reaches, and open a WebSocket to
// it; it cannot set `authorization`.
bool of_another_site(const request& req) {
  const auto origin = req.header("origin");
  if (!origin || req.header("authorization")) return false;
  const auto host = req.header("host").value_or("");
  return *origin != fmt::format("http://{}", host) && *origin != fmt::format("https://{}", host);
}

}  // namespace

gatekeeper::gatekeeper(std::shared_ptr<const crypto::key_board> keys, access_actor keepers, access_rules rules,
                       telemetry::registry& into)
    : keys_(std::move(keys)),
      keepers_(std::move(keepers)),
      rules_(std::make_shared<access_rules>(std::move(rules))),
      failures_(rules_->failures_per_minute),
      by_address_(refusals(into, "address")),
      by_key_(refusals(into, "key")),
      by_role_(refusals(into, "role")),
      by_rate_(refusals(into, "rate")) {}

void gatekeeper::change(access_rules rules) {
  *rules_ = std::move(rules);
  failures_.change(rules_->failures_per_minute);
}

std::function<bool()> gatekeeper::admission_of(const request& req) const {
  return [rules = rules_, client = address_from(req.peer_ip)] {
    return rules->allow.empty() || (client && rules->allow.contains(*client));
  };
}

std::optional<response> gatekeeper::admit(request& req) {
  if (rules_->allow.empty() && rules_->proxies.empty()) return std::nullopt;
  auto client = address_from(req.peer_ip);
  if (client) client = client_address(*client, req.header("x-forwarded-for"), rules_->proxies);
  req.peer_ip = client ? client->to_string() : "unknown";
  if (rules_->allow.empty() || (client && rules_->allow.contains(*client))) return std::nullopt;
  by_address_.Increment();
  return failed(403, "Access forbidden: IP not whitelisted");
}

response gatekeeper::turned_away(const request& req) {
  if (const auto wait = failures_.failed(address_from(req.peer_ip), std::chrono::steady_clock::now())) {
    by_rate_.Increment();
    response r = failed(429, "Too Many Requests", "Too many requests without a key that holds, please wait.");
    r.headers.emplace_back("retry-after", std::to_string(wait->count()));
    return r;
  }
  by_key_.Increment();
  response r = failed(401, "Unauthorized");
  r.headers.emplace_back("www-authenticate", "Bearer");
  return r;
}

std::optional<response> gatekeeper::authorize(request& req, role needs) {
  req.caller = req.client_certificate;
  if (needs == role::none) return std::nullopt;
  const auto ring = keys_->read();
  if (ring->empty()) {
    if (of_another_site(req)) return failed(403, "Forbidden: the page is of another origin");
    return std::nullopt;
  }
  const auto held = ring->find(shown_key(req));
  if (!held) return turned_away(req);
  req.caller = held->key.name;
  req.key_id = held->key.id;
  if (const auto now = wall_clock(); keepers_ && held->used(now)) caf::anon_send(keepers_, key_used{req.key_id, now});
  if (held->key.grants >= needs) return std::nullopt;
  by_role_.Increment();
  return failed(403, fmt::format("Forbidden: this needs the role {}", to_string(needs)));
}

}  // namespace lode::http
