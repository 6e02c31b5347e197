#include "miner/axon.hpp"

#include "crypto/crypto.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cmath>

namespace lode::miner {

namespace json = boost::json;

namespace {

http::response message(unsigned status, std::string_view text) {
  json::object body;
  body["message"] = text;
  http::response r;
  r.status = status;
  r.body = json::serialize(body);
  return r;
}

// What existing axons answer to whatever they did not expect; the log has the cause under the same number.
http::response internal_error(const std::string& cause) {
  const auto number = crypto::uuid_v4();
  spdlog::warn("axon: error #{}: {}", number, cause);
  return message(500, "Internal Server Error #" + number);
}

http::response unprocessable(body_errors errors) {
  json::object body;
  body["detail"] = std::move(errors.detail);
  http::response r;
  r.status = 422;
  r.body = json::serialize(body);
  return r;
}

std::string first_segment(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  return std::string{path.substr(0, path.find('/'))};
}

// At most 80 characters of something that came from outside, fit for a log line and a message.
std::string shown(std::string_view text) {
  std::string out{text.substr(0, 80)};
  for (auto& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
  }
  return out;
}

std::int64_t to_ns(double seconds) {
  constexpr double day = 86400;
  return static_cast<std::int64_t>(std::clamp(seconds, 0.0, day) * 1e9);
}

}  // namespace

axon::axon(axon_options options, slot& s, std::function<task<result<std::string>>()> specs,
           std::function<std::int64_t()> now_ns)
    : options_(std::move(options)),
      slot_(s),
      specs_(std::move(specs)),
      now_ns_(std::move(now_ns)),
      nonces_(nonce_limits{}, now_ns_()) {}

http::response axon::refusal(unsigned status, std::string_view text) { return message(status, text); }

task<http::response> axon::handle(http::request& r) {
  const auto name = first_segment(r.path);
  if (name != "Allocate" && name != "Specs") {
    co_return message(
        404, fmt::format("Synapse name '{}' not found. Available synapses ['Allocate', 'Specs']", shown(name)));
  }
  if (r.method != http::verb::post) {
    auto refused = message(405, "Method Not Allowed");
    refused.headers.emplace_back("allow", "POST");
    co_return refused;
  }
  auto reply = co_await answer(r, name);
  if (reply.status != 200) {
    spdlog::info("axon: {} from {} ({}): {}", name, r.peer_ip,
                 shown(r.header("bt_header_dendrite_hotkey").value_or("-")), reply.status);
  }
  co_return reply;
}

task<http::response> axon::answer(http::request& r, const std::string& name) {
  const auto headers = parse_headers(r);
  if (headers.has_error()) co_return internal_error(headers.error().detail);
  if (auto admitted = admit(*headers); admitted.has_error()) {
    switch (admitted.error().code) {
      case errc::forbidden:
        co_return message(403, fmt::format("Forbidden. Key is blacklisted: {}.", admitted.error().detail));
      case errc::overloaded:
        co_return message(503, admitted.error().detail);
      case errc::unauthorized:
        co_return message(401, "Not Verified with error: " + admitted.error().detail);
      default:
        co_return internal_error(admitted.error().detail);
    }
  }
  if (name == "Specs") co_return co_await specs(r, *headers);
  co_return co_await allocate(r, *headers);
}

result<void> axon::admit(const synapse_headers& h) {
  if (!options_.any_validator && !options_.validators.contains(h.hotkey))
    return error{errc::forbidden, "Unrecognized hotkey"};
  if (!h.nonce) return error{errc::unauthorized, "Missing Nonce"};
  const auto now = now_ns_();
  // Hotkeys have no colon, so no two pairs read alike.
  if (h.uuid.size() > 128) return error{errc::unauthorized, "UUID is too long"};
  const auto pair = h.hotkey + ":" + h.uuid;
  if (auto fresh = nonces_.check(pair, *h.nonce, to_ns(h.timeout_seconds), now); fresh.has_error()) return fresh;
  if (auto ours = verify_signature(h, options_.hotkey); ours.has_error()) return ours;
  if (auto kept = nonces_.remember(pair, *h.nonce, now); kept.has_error()) return kept;
  // Last, as the reference does it while it reads the body.
  if (h.body_hash != empty_body_hash) return error{errc::internal, "computed_body_hash is not that of this synapse"};
  return {};
}

task<http::response> axon::allocate(http::request& r, const synapse_headers& h) {
  body_errors errors;
  auto body = parse_allocate(r.body, errors);
  if (!body) co_return unprocessable(std::move(errors));
  bool known = true;
  const auto answer = co_await dispatch(*body, h.hotkey, known);

  json::object output;
  if (known) output["status"] = answer.yes;
  if (!answer.info.empty()) output["info"] = answer.info;
  if (!answer.reason.empty()) {
    output["reason"] = answer.reason;
    output["message"] = answer.reason;
  }
  output["port"] = slot_.record().port != 0 ? slot_.record().port : options_.ssh_port;
  output["key_types"] = json::array{"rsa2048", "x25519"};
  body->dump["output"] = std::move(output);
  co_return success(r, h, "Allocate", json::serialize(body->dump));
}

task<slot_answer> axon::dispatch(const allocate_body& b, const std::string& caller, bool& known) {
  const auto logged = [&](std::string_view what, const slot_answer& a) {
    spdlog::info("axon: {} from {}: {}{}{}", what, caller, a.yes ? "yes" : "no", a.reason.empty() ? "" : ", ",
                 a.reason);
  };
  slot_answer a;
  if (b.docker_change) {
    if (b.action == "restart") {
      a = co_await slot_.restart(caller);
    } else if (b.action == "pause") {
      a = co_await slot_.pause(caller);
    } else if (b.action == "unpause" || b.action == "resume") {
      a = co_await slot_.unpause(caller);
    } else if (b.action == "exchange_key") {
      a = co_await slot_.exchange_key(caller, b.ssh_key, b.key_type);
    } else {
      known = false;  // existing miners answer an unknown action without a status
      a.reason = "unknown action";
    }
    logged("docker action " + shown(b.action), a);
    co_return a;
  }
  if (b.checking) {
    if (b.timeline > 0) {
      a = co_await slot_.check();
    } else {
      a = co_await slot_.holds(b.public_key);
    }
    co_return a;
  }
  if (b.timeline <= 0) {
    a = co_await slot_.deregister(b.public_key);
    logged("deregister", a);
    co_return a;
  }
  auto request = rental_request_of(b);
  if (request.has_error()) {
    a = slot_answer::no(request.error().detail);
  } else {
    a = co_await slot_.reg(b.public_key, caller, b.timeline, std::move(*request));
  }
  logged("register", a);
  co_return a;
}

task<http::response> axon::specs(http::request& r, const synapse_headers& h) {
  body_errors errors;
  auto dump = parse_plain_synapse("Specs", r.body, errors);
  if (!dump) co_return unprocessable(std::move(errors));
  const auto text = co_await specs_();
  if (text.has_error()) co_return internal_error(text.error().detail);
  boost::system::error_code ec;
  auto value = json::parse(*text, ec);
  if (ec || !value.is_object()) co_return internal_error("specs are not a JSON object");
  value.get_object()["key_types"] = json::array{"rsa2048", "x25519"};
  (*dump)["output"] = std::move(value);
  co_return success(r, h, "Specs", json::serialize(*dump));
}

http::response axon::success(const http::request& r, const synapse_headers& h, const std::string& name,
                             std::string body) {
  http::response out;
  out.body = std::move(body);
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - r.arrived).count();
  const auto put = [&out](std::string key, std::string value) {
    out.headers.emplace_back(std::move(key), std::move(value));
  };
  put("name", name);
  put("timeout", h.timeout_text.empty() ? "12.0" : h.timeout_text);
  put("bt_header_axon_status_code", "200");
  put("bt_header_axon_status_message", "Success");
  put("bt_header_axon_process_time", fmt::format("{}", took));
  put("bt_header_axon_ip", options_.ip);
  put("bt_header_axon_port", std::to_string(options_.port));
  put("bt_header_axon_version", std::to_string(options_.version));
  put("bt_header_axon_hotkey", options_.hotkey);
  put("bt_header_dendrite_ip", r.peer_ip);
  for (const auto& [key, value] : r.headers) {
    if (key.starts_with("bt_header_dendrite_") && key != "bt_header_dendrite_ip") put(key, value);
  }
  put("header_size", "0");
  put("total_size", "0");
  put("computed_body_hash", h.body_hash);
  return out;
}

}  // namespace lode::miner
