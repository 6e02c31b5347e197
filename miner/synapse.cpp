#include "miner/synapse.hpp"

#include "crypto/crypto.hpp"
#include "crypto/hotkey.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace lode::miner {

namespace json = boost::json;

namespace {

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string header(const http::request& r, std::string_view name) {
  return std::string{r.header(name).value_or(std::string_view{})};
}

// An integer header that is there must be one.
result<std::optional<std::int64_t>> int_header(const http::request& r, std::string_view name) {
  const auto text = r.header(name);
  if (!text) return std::optional<std::int64_t>{};
  const auto value = parse_number<std::int64_t>(*text);
  if (!value) return error{errc::internal, fmt::format("header {} is not an integer", name)};
  return std::optional<std::int64_t>{value};
}

error not_verified(std::string why) { return {errc::unauthorized, std::move(why)}; }

}  // namespace

result<synapse_headers> parse_headers(const http::request& r) {
  synapse_headers h;
  h.timeout_text = header(r, "timeout");
  if (!h.timeout_text.empty()) {
    const auto seconds = parse_number<double>(h.timeout_text);
    if (!seconds || !std::isfinite(*seconds)) return error{errc::internal, "header timeout is not a number"};
    h.timeout_seconds = *seconds;
  }
  for (const auto* name : {"header_size", "total_size", "bt_header_axon_port"}) {
    if (auto n = int_header(r, name); n.has_error()) return n.error();
  }
  auto version = int_header(r, "bt_header_dendrite_version");
  if (version.has_error()) return version.error();
  h.dendrite_version = *version;
  auto nonce = int_header(r, "bt_header_dendrite_nonce");
  if (nonce.has_error()) return nonce.error();
  h.nonce = *nonce;
  h.uuid = header(r, "bt_header_dendrite_uuid");
  h.hotkey = header(r, "bt_header_dendrite_hotkey");
  h.signature = header(r, "bt_header_dendrite_signature");
  h.body_hash = header(r, "computed_body_hash");
  return h;
}

std::string signed_message(const synapse_headers& h, std::string_view own_hotkey) {
  return fmt::format("{}.{}.{}.{}.{}", h.nonce.value_or(0), h.hotkey, own_hotkey, h.uuid, h.body_hash);
}

result<void> verify_signature(const synapse_headers& h, std::string_view own_hotkey) {
  const auto caller = crypto::ss58_decode(h.hotkey);
  if (caller.has_error()) return not_verified("Invalid hotkey");
  const auto message = signed_message(h, own_hotkey);
  const auto signature = crypto::from_hex(h.signature);
  if (signature.has_error() || signature->size() != 64 ||
      !crypto::sr25519_verify(*caller, message,
                              {reinterpret_cast<const std::uint8_t*>(signature->data()), signature->size()})) {
    return not_verified(fmt::format("Signature mismatch with {} and {}", message, h.signature.substr(0, 130)));
  }
  return {};
}

void body_errors::add(std::string_view field, std::string_view type, std::string_view text) {
  json::array loc{"body"};
  if (!field.empty()) loc.emplace_back(field);
  detail.push_back(json::object{{"type", type}, {"loc", std::move(loc)}, {"msg", text}});
}

namespace {

/// Reads typed fields out of a body and collects what is wrong.
class field_reader {
 public:
  field_reader(const json::object& o, body_errors& errors) : object_(o), errors_(errors) {}

  std::int64_t integer(std::string_view key, std::int64_t fallback) {
    const auto* v = object_.if_contains(key);
    if (v == nullptr) return fallback;
    if (v->is_bool()) return v->get_bool() ? 1 : 0;
    if (v->is_string()) {
      if (const auto n = parse_number<std::int64_t>(std::string_view{v->get_string()})) return *n;
      errors_.add(key, "int_parsing", "Input should be a valid integer, unable to parse string as an integer");
      return fallback;
    }
    boost::system::error_code ec;
    if (v->is_number()) {
      const auto n = v->to_number<std::int64_t>(ec);
      if (!ec) return n;
      errors_.add(key, "int_from_float", "Input should be a valid integer, got a number with a fractional part");
      return fallback;
    }
    errors_.add(key, "int_type", "Input should be a valid integer");
    return fallback;
  }

  bool boolean(std::string_view key, bool fallback) {
    const auto* v = object_.if_contains(key);
    if (v == nullptr) return fallback;
    if (v->is_bool()) return v->get_bool();
    std::string text = v->is_string()  ? std::string{v->get_string()}
                       : v->is_int64() ? std::to_string(v->get_int64())
                                       : "";
    for (auto& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    for (const auto* yes : {"true", "1", "yes", "on", "t", "y"}) {
      if (text == yes) return true;
    }
    for (const auto* no : {"false", "0", "no", "off", "f", "n"}) {
      if (text == no) return false;
    }
    errors_.add(key, "bool_parsing", "Input should be a valid boolean, unable to interpret input");
    return fallback;
  }

  std::string text(std::string_view key, std::string_view fallback) {
    const auto* v = object_.if_contains(key);
    if (v == nullptr) return std::string{fallback};
    if (v->is_string()) return std::string{v->get_string()};
    errors_.add(key, "string_type", "Input should be a valid string");
    return std::string{fallback};
  }

  json::object object(std::string_view key) {
    const auto* v = object_.if_contains(key);
    if (v == nullptr) return {};
    if (v->is_object()) return v->get_object();
    errors_.add(key, "dict_type", "Input should be a valid dictionary");
    return {};
  }

 private:
  const json::object& object_;
  body_errors& errors_;
};

std::optional<json::object> object_from(std::string_view body, body_errors& errors) {
  boost::system::error_code ec;
  auto v = json::parse(body, ec);
  if (ec) {
    errors.add("", "json_invalid", "JSON decode error");
    return std::nullopt;
  }
  if (!v.is_object()) {
    errors.add("", "model_attributes_type", "Input should be a valid dictionary or object to extract fields from");
    return std::nullopt;
  }
  return std::move(v.get_object());
}

// The fields of every synapse; theirs come back as they were sent.
json::object common_dump(std::string_view name, const json::object& in, field_reader& read) {
  json::object out;
  out["name"] = name;
  const auto keep = [&](const char* key, const json::value& fallback) {
    const auto* v = in.if_contains(key);
    out[key] = v != nullptr ? *v : fallback;
  };
  keep("timeout", 12.0);
  out["total_size"] = read.integer("total_size", 0);
  out["header_size"] = read.integer("header_size", 0);
  out["dendrite"] = read.object("dendrite");
  out["axon"] = read.object("axon");
  out["computed_body_hash"] = read.text("computed_body_hash", "");
  return out;
}

std::string member_text(const json::object& o, std::string_view key) {
  const auto* v = o.if_contains(key);
  return v != nullptr && v->is_string() ? std::string{v->get_string()} : std::string{};
}

// A whole number out of an int or a float such as 1073741824.0; negative when it is neither.
std::int64_t whole(const json::object& o, std::string_view outer, std::string_view key) {
  const auto* group = o.if_contains(outer);
  if (group == nullptr || !group->is_object()) return -1;
  const auto* v = group->get_object().if_contains(key);
  if (v == nullptr || !v->is_number()) return -1;
  boost::system::error_code ec;
  if (const auto n = v->to_number<std::int64_t>(ec); !ec) return n;
  const double d = v->is_double() ? v->get_double() : -1;
  return d >= 0 && d < 9e18 ? static_cast<std::int64_t>(std::ceil(d)) : -1;
}

}  // namespace

std::optional<json::object> parse_plain_synapse(std::string_view name, std::string_view body, body_errors& errors) {
  const auto in = object_from(body, errors);
  if (!in) return std::nullopt;
  field_reader read{*in, errors};
  auto dump = common_dump(name, *in, read);
  dump["output"] = read.object("output");
  if (!errors.detail.empty()) return std::nullopt;
  return dump;
}

std::optional<allocate_body> parse_allocate(std::string_view body, body_errors& errors) {
  const auto in = object_from(body, errors);
  if (!in) return std::nullopt;
  field_reader read{*in, errors};
  allocate_body b;
  b.dump = common_dump("Allocate", *in, read);
  b.timeline = read.integer("timeline", 0);
  b.device_requirement = read.object("device_requirement");
  b.checking = read.boolean("checking", true);
  b.public_key = read.text("public_key", "");
  b.docker_change = read.boolean("docker_change", false);
  auto docker = read.object("docker_requirement");
  auto action = read.object("docker_action");
  auto output = read.object("output");
  if (!errors.detail.empty()) return std::nullopt;

  b.base_image = member_text(docker, "base_image");
  b.user_key = member_text(docker, "ssh_key");
  b.script = member_text(docker, "dockerfile");
  b.action = member_text(action, "action");
  b.ssh_key = member_text(action, "ssh_key");
  b.key_type = member_text(action, "key_type");
  b.dump["timeline"] = b.timeline;
  b.dump["device_requirement"] = b.device_requirement;
  b.dump["checking"] = b.checking;
  b.dump["output"] = std::move(output);
  b.dump["public_key"] = b.public_key;
  b.dump["docker_requirement"] = std::move(docker);
  b.dump["docker_change"] = b.docker_change;
  b.dump["docker_action"] = std::move(action);
  return b;
}

result<rental_request> rental_request_of(const allocate_body& b) {
  const auto& device = b.device_requirement;
  const auto refuse = [](std::string_view what) {
    return error{errc::bad_request, fmt::format("device_requirement has no sensible {}", what)};
  };
  rental_request r;
  r.cpu_count = whole(device, "cpu", "count");
  if (r.cpu_count < 1) return refuse("cpu.count");
  r.ram_bytes = whole(device, "ram", "capacity");
  if (r.ram_bytes < 0) return refuse("ram.capacity");
  if (whole(device, "hard_disk", "capacity") < 0) return refuse("hard_disk.capacity");
  const auto* gpu = device.if_contains("gpu");
  if (gpu == nullptr || !gpu->is_object()) return refuse("gpu");
  if (!gpu->get_object().empty()) {
    if (whole(device, "gpu", "capacity") < 0) return refuse("gpu.capacity");
    r.gpu_count = gpu->get_object().contains("count") ? whole(device, "gpu", "count") : 1;
    if (r.gpu_count < 1) return refuse("gpu.count");
  }
  r.base_image = b.base_image;
  r.script = b.script;
  r.user_key = b.user_key;
  return r;
}

}  // namespace lode::miner
