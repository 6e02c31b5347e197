#include "bench/load/rest.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <iterator>

namespace lode::bench {
namespace {

namespace json = boost::json;

constexpr std::string_view body_of_allocate =
    R"({"requirements":{"cpu_count":1,"gpu_type":"","gpu_size":0,"ram":1,"hard_disk":1,"timeline":1},)"
    R"("docker_requirement":{"base_image":"ubuntu","volume_path":"/tmp","dockerfile":"",)"
    R"("ssh_key":"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f bench"}})";

bool is_uuid(std::string_view s) {
  if (s.size() != 36) return false;
  for (std::size_t i = 0; i < s.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool hex = (s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f');
    if (dash ? s[i] != '-' : !hex) return false;
  }
  return true;
}

// 47 or 48 characters of base 58. Such a text needs no escapes in a query either.
bool is_address(std::string_view s) {
  constexpr std::string_view alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  return (s.size() == 47 || s.size() == 48) && s.find_first_not_of(alphabet) == std::string_view::npos;
}

const json::object* parse_object(std::string_view body, json::storage_ptr memory, json::value& into) {
  boost::system::error_code ec;
  into = json::parse(json::string_view{body.data(), body.size()}, ec, std::move(memory));
  return ec ? nullptr : into.if_object();
}

std::string_view text_of(const json::object& o, std::string_view name) {
  const json::value* v = o.if_contains(json::string_view{name.data(), name.size()});
  const json::string* s = v == nullptr ? nullptr : v->if_string();
  return s == nullptr ? std::string_view{} : std::string_view{s->data(), s->size()};
}

bool says_success(const json::object& o) {
  const json::value* v = o.if_contains("success");
  return v != nullptr && v->is_bool() && v->get_bool();
}

}  // namespace

std::string plain_request(std::string_view method, std::string_view host, std::string_view path) {
  return fmt::format("{} {} HTTP/1.1\r\nhost: {}\r\n{}\r\n", method, path, host,
                     method == "GET" ? "" : "content-length: 0\r\n");
}

void allocate_request(std::string& out, std::string_view host) {
  out.clear();
  fmt::format_to(std::back_inserter(out),
                 "POST /service/allocate_spec HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n"
                 "content-length: {}\r\n\r\n{}",
                 host, body_of_allocate.size(), body_of_allocate);
}

void deallocate_request(std::string& out, std::string_view host, std::string_view hotkey, std::string_view uuid) {
  out.clear();
  fmt::format_to(std::back_inserter(out),
                 "POST /service/deallocate?hotkey={}&uuid_key={} HTTP/1.1\r\nhost: {}\r\ncontent-length: 0\r\n\r\n",
                 hotkey, uuid, host);
}

result<granted_miner> read_allocation(std::string_view body) {
  std::array<unsigned char, 4096> stack;
  json::monotonic_resource memory{stack.data(), stack.size()};
  json::value parsed(json::storage_ptr{&memory});
  const json::object* reply = parse_object(body, &memory, parsed);
  if (reply == nullptr) return error{errc::internal, "it is not a JSON object"};
  if (!says_success(*reply)) return error{errc::internal, "success is not true"};
  const json::value* data = reply->if_contains("data");
  const json::object* a = data == nullptr ? nullptr : data->if_object();
  if (a == nullptr) return error{errc::internal, "data is not an object"};
  const std::string_view hotkey = text_of(*a, "hotkey");
  const std::string_view uuid = text_of(*a, "uuid_key");
  if (!is_address(hotkey)) return error{errc::internal, "hotkey is not an address"};
  if (!is_uuid(uuid)) return error{errc::internal, "uuid_key is not a UUID"};
  const json::value* port = a->if_contains("ssh_port");
  if (port == nullptr || !port->is_int64() || port->get_int64() < 1 || port->get_int64() > 65535)
    return error{errc::internal, "ssh_port is not a port"};
  if (text_of(*a, "ssh_ip").empty()) return error{errc::internal, "ssh_ip is empty"};
  granted_miner m{std::string{hotkey}, std::string{uuid}};
  return m;
}

std::string read_success(std::string_view body) {
  std::array<unsigned char, 1024> stack;
  json::monotonic_resource memory{stack.data(), stack.size()};
  json::value parsed(json::storage_ptr{&memory});
  const json::object* reply = parse_object(body, &memory, parsed);
  if (reply == nullptr) return "it is not a JSON object";
  return says_success(*reply) ? "" : "success is not true";
}

result<base_url> parse_base_url(std::string_view url) {
  const error expected{errc::config_invalid, fmt::format("expected http://HOST[:PORT], got {}", url)};
  constexpr std::string_view scheme = "http://";
  if (!url.starts_with(scheme)) return expected;
  url.remove_prefix(scheme.size());
  if (url.ends_with('/')) url.remove_suffix(1);
  base_url u;
  u.authority = url;
  std::string_view rest;
  if (url.starts_with('[')) {
    const std::size_t end = url.find(']');
    if (end == std::string_view::npos) return expected;
    u.host = url.substr(1, end - 1);
    rest = url.substr(end + 1);
  } else {
    const std::size_t colon = std::min(url.find(':'), url.size());
    u.host = url.substr(0, colon);
    rest = url.substr(colon);
  }
  if (u.host.empty() || u.host.find_first_of("/?#@ \r\n") != std::string::npos) return expected;
  if (!rest.empty()) {
    std::uint16_t port = 0;
    const auto [end, failed] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), port);
    if (rest[0] != ':' || failed != std::errc{} || end != rest.data() + rest.size() || port == 0) return expected;
    u.port = rest.substr(1);
  }
  return u;
}

}  // namespace lode::bench
