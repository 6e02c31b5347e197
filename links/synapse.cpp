#include "links/synapse.hpp"

#include "crypto/crypto.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

namespace lode::links {

namespace json = boost::json;

namespace {

// Nothing that a miner says is repeated beyond these.
constexpr std::size_t max_info_bytes = 16 * 1024;
constexpr std::size_t max_specs_bytes = 256 * 1024;
constexpr std::size_t max_listed_field_errors = 4;
// Beyond this a count of GiB is no longer a count of bytes in 64 bits.
constexpr std::int64_t max_gib = (std::int64_t{1} << 33) - 1;

bool is_docker_change(miner_action a) noexcept {
  switch (a) {
    case miner_action::restart:
    case miner_action::pause:
    case miner_action::unpause:
    case miner_action::exchange_key:
      return true;
    default:
      return false;
  }
}

bool is_checking(miner_action a) noexcept { return a == miner_action::check || a == miner_action::holds; }

// Zero and less turns a check into "do you hold this key" and a register into a deregister, so neither may ever get
// there. Of docker changes existing miners only read whether it is positive: then they stay marked as allocated.
std::int64_t timeline_of(const miner_call& c) noexcept {
  switch (c.action) {
    case miner_action::check:
    case miner_action::reg:
      return std::max<std::int64_t>(c.timeline_days, 1);
    case miner_action::holds:
    case miner_action::deregister:
    case miner_action::specs:
      return 0;
    default:
      return 1;
  }
}

// A float as Python prints it, for axons parse the header as one: "60.0", "0.25".
std::string seconds_text(std::chrono::milliseconds t) {
  auto text = fmt::format("{}.{:03}", t.count() / 1000, t.count() % 1000);
  while (text.ends_with('0') && !text.ends_with(".0")) text.pop_back();
  return text;
}

std::int64_t gib_to_bytes(std::int64_t gib) noexcept { return std::clamp<std::int64_t>(gib, 0, max_gib) << 30; }

// An existing miner that finds one of the four keys missing answers no after it has killed the old container.
json::object device_of(const device_requirement& d) {
  json::object gpu;
  if (!d.gpu_type.empty() && d.gpu_size > 0) {
    // Size in units of 1000 MiB, as validators send it.
    gpu = {{"count", std::max<std::int64_t>(d.gpu_count, 1)},
           {"capacity", std::min<std::int64_t>(d.gpu_size, INT64_MAX / 1000) * 1000},
           {"type", d.gpu_type}};
  }
  return {{"cpu", {{"count", std::max<std::int64_t>(d.cpu_count, 1)}}},
          {"gpu", std::move(gpu)},
          {"hard_disk", {{"capacity", gib_to_bytes(d.hard_disk)}}},
          {"ram", {{"capacity", gib_to_bytes(d.ram)}}}};
}

// All keys of the terminal type, for versions differ in which of them they default. A status_code that is not null
// would become the HTTP status of the answer.
json::object terminal() {
  return {{"status_code", nullptr}, {"status_message", nullptr}, {"process_time", nullptr}, {"ip", nullptr},
          {"port", nullptr},        {"version", nullptr},        {"nonce", nullptr},        {"uuid", nullptr},
          {"hotkey", nullptr},      {"signature", nullptr}};
}

miner_reply outcome(errc code, std::string detail) {
  miner_reply r;
  r.code = code;
  r.detail = std::move(detail);
  return r;
}

std::string_view string_of(const json::object& o, std::string_view key) {
  const auto* v = o.if_contains(key);
  return v != nullptr && v->is_string() ? std::string_view(v->get_string()) : std::string_view();
}

std::int64_t integer_of(const json::object& o, std::string_view key) {
  const auto* v = o.if_contains(key);
  if (v == nullptr || !v->is_number()) return 0;
  json::error_code ec;
  const auto n = v->to_number<std::int64_t>(ec);  // refuses what is out of range or has a fraction
  return ec ? 0 : n;
}

bool takes_x25519(const json::object& output) {
  const auto* kinds = output.if_contains("key_types");
  if (kinds == nullptr || !kinds->is_array()) return false;
  return std::ranges::any_of(kinds->get_array(),
                             [](const json::value& v) { return v.is_string() && v.get_string() == "x25519"; });
}

std::optional<json::object> object_of(std::string_view body) {
  json::parse_options options;
  options.max_depth = 32;
  json::error_code ec;
  auto v = json::parse(body, ec, {}, options);
  if (ec || !v.is_object()) return std::nullopt;
  return std::move(v.get_object());
}

// The axon's own words of a refusal. Of a validation error only place and message: a whole one repeats our request.
std::string words_of(std::string_view body) {
  const auto o = object_of(body);
  if (!o) return {};
  if (const auto message = string_of(*o, "message"); !message.empty()) return printable(message);
  const auto* detail = o->if_contains("detail");
  if (detail == nullptr) return {};
  if (detail->is_string()) return printable(std::string_view(detail->get_string()));
  if (!detail->is_array()) return {};
  std::string words;
  std::size_t listed = 0;
  for (const auto& entry : detail->get_array()) {
    if (!entry.is_object() || listed++ == max_listed_field_errors) continue;
    if (!words.empty()) words += "; ";
    if (const auto* loc = entry.get_object().if_contains("loc"); loc != nullptr && loc->is_array()) {
      for (const auto& part : loc->get_array()) {
        if (part.is_string()) words.append(part.get_string().data(), part.get_string().size()).append(" ");
      }
    }
    words += string_of(entry.get_object(), "msg");
  }
  return printable(words);
}

std::string http_detail(unsigned status, std::string_view body) {
  const auto words = words_of(body);
  return words.empty() ? fmt::format("HTTP {}", status) : fmt::format("HTTP {}: {}", status, words);
}

miner_reply decode_specs(const json::object& output) {
  if (output.empty()) return outcome(errc::miner_nonsense, "empty specs");
  auto text = json::serialize(output);
  if (text.size() > max_specs_bytes) return outcome(errc::miner_nonsense, "specs of absurd length");
  auto r = outcome(errc::none, {});
  r.specs_json = std::move(text);
  return r;
}

miner_reply decode_output(miner_action action, const json::object& output) {
  const auto* status = output.if_contains("status");
  if (status != nullptr && status->is_bool() && !status->get_bool()) {
    const auto message = string_of(output, "message");
    auto r = outcome(errc::miner_refused, message.empty() ? "status false" : printable(message));
    r.answered_no = true;
    return r;
  }
  if (action == miner_action::specs) return decode_specs(output);
  if (status == nullptr) return outcome(errc::miner_nonsense, "an output without a status");
  if (!status->is_bool()) return outcome(errc::miner_nonsense, "a status that is not a boolean");
  auto r = outcome(errc::none, {});
  if (action == miner_action::reg) {
    const auto info = string_of(output, "info");
    if (info.empty() || info.size() > max_info_bytes) {
      return outcome(errc::miner_nonsense, "registered, but without a usable info");
    }
    r.info = info;
  }
  return r;
}

}  // namespace

synapse_encoder::synapse_encoder(crypto::hotkey key, std::string own_ip)
    : key_(std::move(key)), own_ip_(std::move(own_ip)), uuid_api_(crypto::uuid_v4()), uuid_check_(crypto::uuid_v4()) {}

std::int64_t synapse_encoder::next_nonce() noexcept {
  const auto now =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  // The clock may stand still or be set back; the nonce may not.
  auto last = last_nonce_.load();
  std::int64_t next = 0;
  do {
    next = std::max<std::int64_t>(now, last + 1);
  } while (!last_nonce_.compare_exchange_weak(last, next));
  return next;
}

synapse_request synapse_encoder::encode(const miner_call& c) {
  const std::string name = c.action == miner_action::specs ? "Specs" : "Allocate";
  const auto& uuid = c.lane == call_lane::check ? uuid_check_ : uuid_api_;
  const auto timeout = std::max(c.timeout, std::chrono::milliseconds(1));
  const auto nonce = next_nonce();
  const auto message = fmt::format("{}.{}.{}.{}.{}", nonce, key_.address, c.to.hotkey, uuid, empty_body_hash);
  const auto signature = "0x" + crypto::to_hex(key_.key.sign(message));

  auto dendrite = terminal();
  dendrite["ip"] = own_ip_;
  dendrite["version"] = dendrite_version;
  dendrite["nonce"] = nonce;
  dendrite["uuid"] = uuid;
  dendrite["hotkey"] = key_.address;
  dendrite["signature"] = signature;
  auto axon = terminal();
  axon["ip"] = c.to.ip;
  axon["port"] = c.to.port;
  axon["hotkey"] = c.to.hotkey;

  const bool wants_device = c.action == miner_action::check || c.action == miner_action::reg;
  const bool change = is_docker_change(c.action);
  const bool exchange = c.action == miner_action::exchange_key;
  json::object body{
      {"name", name},
      {"timeout", static_cast<double>(timeout.count()) / 1000.0},
      {"total_size", 0},
      {"header_size", 0},
      {"dendrite", std::move(dendrite)},
      {"axon", std::move(axon)},
      {"computed_body_hash", ""},
      {"required_hash_fields", json::array()},
      {"timeline", timeline_of(c)},
      {"device_requirement", wants_device ? device_of(c.device) : json::object()},
      {"checking", is_checking(c.action)},
      {"output", json::object()},
      {"public_key", c.public_key},
      {"docker_requirement",
       {{"base_image", c.docker.base_image},
        {"ssh_key", c.docker.ssh_key},
        {"ssh_port", 4444},
        {"volume_path", c.docker.volume_path},
        {"dockerfile", c.docker.dockerfile}}},
      {"docker_change", change},
      {"docker_action",
       {{"action", change ? json::string(to_string(c.action)) : json::string()},
        {"ssh_key", exchange ? json::string(c.ssh_key) : json::string()},
        {"key_type", exchange ? json::string(c.key_type) : json::string()}}},
  };

  synapse_request out;
  out.target = "/" + name;
  out.body = json::serialize(body);
  out.headers = {
      {"name", name},
      {"timeout", seconds_text(timeout)},
      {"bt_header_dendrite_ip", own_ip_},
      {"bt_header_dendrite_version", fmt::to_string(dendrite_version)},
      {"bt_header_dendrite_nonce", fmt::to_string(nonce)},
      {"bt_header_dendrite_uuid", uuid},
      {"bt_header_dendrite_hotkey", key_.address},
      {"bt_header_dendrite_signature", signature},
      {"bt_header_axon_ip", c.to.ip},
      {"bt_header_axon_port", fmt::to_string(c.to.port)},
      {"bt_header_axon_hotkey", c.to.hotkey},
      {"header_size", "0"},
      {"total_size", fmt::to_string(out.body.size())},
      {"computed_body_hash", std::string(empty_body_hash)},
  };
  return out;
}

miner_reply decode_answer(miner_action action, unsigned status, std::string_view body) {
  if (status >= 400 && status < 500) return outcome(errc::miner_refused, http_detail(status, body));
  if (status >= 500 && status < 600) return outcome(errc::miner_failed, http_detail(status, body));
  if (status != 200) return outcome(errc::miner_nonsense, fmt::format("HTTP {}", status));
  const auto answer = object_of(body);
  if (!answer) return outcome(errc::miner_nonsense, "the answer is not a JSON object");
  const auto* output = answer->if_contains("output");
  if (output == nullptr || !output->is_object()) return outcome(errc::miner_nonsense, "an answer without an output");
  auto r = decode_output(action, output->get_object());
  r.port = integer_of(output->get_object(), "port");
  r.takes_x25519 = takes_x25519(output->get_object());
  return r;
}

bool is_read_only(miner_action a) noexcept { return is_checking(a) || a == miner_action::specs; }

std::string printable(std::string_view words, std::size_t limit) {
  std::string out(words.substr(0, limit));
  for (auto& ch : out) {
    const auto byte = static_cast<unsigned char>(ch);
    if (byte < 0x20 || byte == 0x7f) ch = ' ';
    if (byte > 0x7f) ch = '?';
  }
  return out;
}

}  // namespace lode::links
