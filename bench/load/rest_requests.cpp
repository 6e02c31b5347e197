#include "bench/load/rest.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lode::bench {
namespace {

constexpr std::string_view any_miner =
    R"({"cpu_count":1,"gpu_type":"","gpu_size":0,"ram":1,"hard_disk":1,"timeline":1})";

std::string post(std::string_view target, std::string_view headers, std::string_view json) {
  return fmt::format("POST {} HTTP/1.1\r\n{}content-type: application/json\r\ncontent-length: {}\r\n\r\n{}", target,
                     headers, json.size(), json);
}

// Neither base 58 nor a UUID nor an SSH key has more than a few characters that a query cannot hold.
std::string query_text(std::string_view s) {
  std::string out;
  for (const char c : s) {
    if (c == ' ' || c == '+' || c == '=' || c == '&' || c == '%' || c == '#')
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    else
      out.push_back(c);
  }
  return out;
}

}  // namespace

std::string plain_request(std::string_view method, std::string_view headers, std::string_view target,
                          std::string_view json) {
  if (!json.empty()) return post(target, headers, json);
  return fmt::format("{} {} HTTP/1.1\r\n{}{}\r\n", method, target, headers,
                     method == "GET" ? "" : "content-length: 0\r\n");
}

std::string tagged_ssh_key(std::string_view tag) {
  return fmt::format("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f {}", tag);
}

std::string allocate_request(std::string_view headers, std::string_view requirements, std::string_view tag) {
  return post(
      "/service/allocate_spec", headers,
      fmt::format(
          R"({{"requirements":{},"docker_requirement":{{"base_image":"ubuntu","volume_path":"/tmp","dockerfile":"","ssh_key":"{}"}}}})",
          requirements.empty() ? any_miner : requirements, tagged_ssh_key(tag)));
}

std::string allocate_hotkey_request(std::string_view headers, std::string_view hotkey, std::string_view tag) {
  return plain_request("POST", headers,
                       fmt::format("/service/allocate_hotkey?hotkey={}&ssh_key={}", query_text(hotkey),
                                   query_text(tagged_ssh_key(tag))));
}

std::string renter_request(std::string_view headers, std::string_view action, const granted_miner& m) {
  return fmt::format("POST /service/{}?hotkey={}&uuid_key={} HTTP/1.1\r\n{}content-length: 0\r\n\r\n", action, m.hotkey,
                     m.uuid, headers);
}

std::string status_request(std::string_view headers, const std::vector<std::string>& hotkeys) {
  std::string list{"["};
  for (const auto& h : hotkeys) list.append(list.size() > 1 ? ",\"" : "\"").append(h).push_back('"');
  return post("/service/check_miner_status", headers, list + "]");
}

}  // namespace lode::bench
