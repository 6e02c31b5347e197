#pragma once
// A validator that speaks to an axon as the protocol says: real HTTP, real signatures.

#include "crypto/crypto.hpp"
#include "crypto/hotkey.hpp"
#include "miner/synapse.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <chrono>
#include <map>
#include <string>

namespace lode::miner::testing {

struct call_reply {
  unsigned status = 0;
  std::string body;
  std::map<std::string, std::string> headers;
  [[nodiscard]] boost::json::value json() const { return boost::json::parse(body); }
  [[nodiscard]] boost::json::object output() const { return json().at("output").as_object(); }
  [[nodiscard]] bool yes() const {
    return status == 200 && output().contains("status") && output().at("status").as_bool();
  }
};

inline std::int64_t wall_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

class caller {
 public:
  caller(const crypto::sr25519_key& k, std::string axon_hotkey)
      : key_(k), address(crypto::ss58_encode(key_.pub())), axon_(std::move(axon_hotkey)) {}

  using fields = std::map<std::string, std::string>;

  /// The headers of a correct call; tests break them.
  fields headers() {
    const auto nonce = std::max(wall_ns(), last_nonce_ + 1);
    last_nonce_ = nonce;
    const auto text = fmt::format("{}.{}.{}.{}.{}", nonce, address, axon_, uuid, empty_body_hash);
    return {{"name", "Allocate"},
            {"timeout", "12.0"},
            {"bt_header_dendrite_version", "9000000"},
            {"bt_header_dendrite_nonce", std::to_string(nonce)},
            {"bt_header_dendrite_uuid", uuid},
            {"bt_header_dendrite_hotkey", address},
            {"bt_header_dendrite_signature", "0x" + crypto::to_hex(key_.sign(text))},
            {"bt_header_axon_hotkey", axon_},
            {"computed_body_hash", std::string{empty_body_hash}}};
  }

  /// A body with the reference's defaults.
  boost::json::object body() const {
    boost::json::object b;
    b["name"] = "Allocate";
    b["timeline"] = 0;
    b["device_requirement"] = boost::json::object{};
    b["checking"] = true;
    b["output"] = boost::json::object{};
    b["public_key"] = "";
    b["docker_requirement"] = boost::json::object{{"base_image", "ubuntu"}, {"ssh_key", ""}, {"dockerfile", ""}};
    b["docker_change"] = false;
    b["docker_action"] = boost::json::object{{"action", ""}, {"ssh_key", ""}, {"key_type", ""}};
    return b;
  }
  boost::json::object check() const {
    auto b = body();
    b["timeline"] = 1;
    return b;
  }
  boost::json::object holds(const std::string& pem) const {
    auto b = body();
    b["public_key"] = pem;
    return b;
  }
  boost::json::object reg(const std::string& pem, std::int64_t ram = 1LL << 28U) const {
    auto b = body();
    b["checking"] = false;
    b["timeline"] = 30;
    b["public_key"] = pem;
    b["device_requirement"] = boost::json::object{{"cpu", boost::json::object{{"count", 1}}},
                                                  {"gpu", boost::json::object{}},
                                                  {"hard_disk", boost::json::object{{"capacity", 1073741824.0}}},
                                                  {"ram", boost::json::object{{"capacity", ram}}}};
    return b;
  }
  boost::json::object deregister(const std::string& pem) const {
    auto b = holds(pem);
    b["checking"] = false;
    return b;
  }
  boost::json::object action(const std::string& name, const std::string& key = "", const std::string& type = "") const {
    auto b = body();
    b["checking"] = false;
    b["timeline"] = 1;
    b["docker_change"] = true;
    b["docker_action"] = boost::json::object{{"action", name}, {"ssh_key", key}, {"key_type", type}};
    return b;
  }

  /// Blocks. A status of 0: no connection or no answer.
  call_reply post(std::uint16_t port, const std::string& body, const std::string& target = "/Allocate") {
    return send(port, headers(), body, target);
  }
  call_reply post(std::uint16_t port, const boost::json::object& body) {
    return post(port, boost::json::serialize(body));
  }

  static call_reply send(std::uint16_t port, const fields& headers, const std::string& body,
                         const std::string& target = "/Allocate", const std::string& method = "POST") {
    namespace http = boost::beast::http;
    boost::asio::io_context io;
    boost::beast::tcp_stream stream{io};
    call_reply out;
    boost::system::error_code ec;
    stream.connect({boost::asio::ip::make_address("127.0.0.1"), port}, ec);
    if (ec) return out;
    http::request<http::string_body> request;
    request.method_string(method);
    request.target(target);
    request.version(11);
    request.set(http::field::host, "127.0.0.1");
    request.set(http::field::content_type, "application/json");
    for (const auto& [name, value] : headers) request.set(name, value);
    request.body() = body;
    request.prepare_payload();
    http::write(stream, request, ec);
    if (ec) return out;
    boost::beast::flat_buffer buffer;
    http::response<http::string_body> response;
    http::read(stream, buffer, response, ec);
    if (ec) return out;
    out.status = response.result_int();
    out.body = response.body();
    for (const auto& f : response) out.headers.emplace(std::string{f.name_string()}, std::string{f.value()});
    return out;
  }

 private:
  crypto::sr25519_key key_;
  std::int64_t last_nonce_ = 0;

 public:
  const std::string address;
  std::string uuid = crypto::uuid_v4();

 private:
  std::string axon_;
};

}  // namespace lode::miner::testing
