#include "bench/axons/fleet.hpp"

#include "crypto/crypto.hpp"
#include "crypto/key_exchange.hpp"
#include "links/simulated_fleet.hpp"
#include "messages/json.hpp"
#include "miner/turnstile.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <sys/resource.h>

namespace lode::bench {

namespace asio = boost::asio;
namespace json = boost::json;
using asio::ip::tcp;

namespace {

constexpr std::int64_t version = 183;
constexpr std::uint64_t fleet_seed = 1;  // that of loded's simulated miners, so that both have the same hardware

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

http::response message(unsigned status, std::string_view text) {
  return http::response{status, json::serialize(json::object{{"message", text}})};
}

// Listening sockets, as many connections again, and some for the rest.
result<void> allow_files(std::size_t miners) {
  const rlim_t wanted = 2 * miners + 256;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= wanted) return {};
  if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < wanted)
    return error{errc::config_invalid,
                 fmt::format("{} miners need {} open files, and this process may have {} at most: raise it with ulimit "
                             "-Hn as root, or take fewer miners",
                             miners, wanted, limit.rlim_max)};
  limit.rlim_cur = wanted;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
    return error{errc::config_invalid, fmt::format("the limit of open files cannot be raised to {}", wanted)};
  return {};
}

asio::awaitable<void> greet(tcp::socket socket) {
  boost::system::error_code ec;
  co_await asio::async_write(socket, asio::buffer("SSH-2.0-bench\r\n", 15),
                             asio::redirect_error(asio::use_awaitable, ec));
  // Until the caller has read it and closes: closing first could take the greeting away.
  char byte = 0;
  while (!ec) co_await socket.async_read_some(asio::buffer(&byte, 1), asio::redirect_error(asio::use_awaitable, ec));
}

asio::awaitable<void> greet_all(std::shared_ptr<tcp::acceptor> acceptor) {
  boost::system::error_code ec;
  while (true) {
    auto socket = co_await acceptor->async_accept(asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return;
    asio::co_spawn(acceptor->get_executor(), greet(std::move(socket)), asio::detached);
  }
}

}  // namespace

/// One miner.
class fleet::axon {
 public:
  axon(fleet& of, miner_info info) : of_(of), info_(std::move(info)), nonces_({}, now_ns()) {}

  http::task<http::response> handle(http::request& r);
  void listens_on(std::uint16_t port) { info_.port = port; }
  [[nodiscard]] const miner_info& info() const noexcept { return info_; }
  [[nodiscard]] bool held() const noexcept { return !holder_.empty(); }

 private:
  result<void> admit(const miner::synapse_headers& h);
  http::task<json::object> answer(const miner::allocate_body& b);
  http::task<void> work();
  json::object access();
  http::response reply(const http::request& r, std::string body) const;

  fleet& of_;
  miner_info info_;
  miner::nonce_table nonces_;
  std::string holder_;  // public key of the container; empty: free
  std::string password_;
};

result<void> fleet::axon::admit(const miner::synapse_headers& h) {
  if (!of_.options_.validator.empty() && h.hotkey != of_.options_.validator)
    return error{errc::forbidden, "Unrecognized hotkey"};
  if (!h.nonce) return error{errc::unauthorized, "Missing Nonce"};
  const auto pair = h.hotkey + ":" + h.uuid;
  const auto timeout_ns = static_cast<std::int64_t>(std::clamp(h.timeout_seconds, 0.0, 3600.0) * 1e9);
  if (auto fresh = nonces_.check(pair, *h.nonce, timeout_ns, now_ns()); !fresh) return fresh;
  if (auto signed_by_caller = miner::verify_signature(h, info_.hotkey); !signed_by_caller) return signed_by_caller;
  return nonces_.remember(pair, *h.nonce, now_ns());
}

http::task<http::response> fleet::axon::handle(http::request& r) {
  if (r.path != "/Allocate" || r.method != http::verb::post) {
    ++of_.counts_.refused;
    co_return message(404, "Synapse name not found. Available synapses ['Allocate']");
  }
  const auto headers = miner::parse_headers(r);
  const auto admitted = headers ? admit(*headers) : result<void>{headers.error()};
  miner::body_errors errors;
  auto body = admitted ? miner::parse_allocate(r.body, errors) : std::nullopt;
  if (!body) {
    ++of_.counts_.refused;
    co_return admitted ? message(422, "malformed")
                       : message(401, "Not Verified with error: " + admitted.error().detail);
  }
  auto output = co_await answer(*body);
  output["port"] = of_.ssh_port_;
  if (of_.options_.takes_x25519) output["key_types"] = json::array{"rsa2048", "x25519"};
  body->dump["output"] = std::move(output);
  co_return reply(r, json::serialize(body->dump));
}

http::task<json::object> fleet::axon::answer(const miner::allocate_body& b) {
  if (b.docker_change) co_return json::object{{"status", held()}};
  if (b.checking) {
    ++of_.counts_.checks;
    const bool yes = b.timeline > 0 ? !held() : held() && holder_ == b.public_key;
    co_return json::object{{"status", yes}};
  }
  if (b.timeline <= 0) {
    ++of_.counts_.deregisters;
    if (held() && holder_ != b.public_key) co_return json::object{{"status", false}};
    co_await work();
    holder_.clear();
    co_return json::object{{"status", true}};
  }
  ++of_.counts_.registers;
  const auto asked = miner::rental_request_of(b);
  if (!asked || (held() && holder_ != b.public_key)) co_return json::object{{"status", false}};
  holder_ = b.public_key;
  co_await work();
  co_return access();
}

json::object fleet::axon::access() {
  password_ = crypto::random_password(20);
  const auto plain = json::serialize(
      json::object{{"username", "root"}, {"password", password_}, {"port", of_.ssh_port_}, {"version", version}});
  auto sealed = crypto::encrypt_to(holder_, plain);
  if (!sealed) {
    holder_.clear();
    return {{"status", false}};
  }
  return {{"status", true}, {"info", *sealed}};
}

http::task<void> fleet::axon::work() {
  if (of_.options_.latency.count() == 0) co_return;
  miner::event never{of_.io_};
  co_await never.wait_for(of_.options_.latency);
}

// The fields that existing axons send, as lode-miner does: reading them is a part of what the caller does.
http::response fleet::axon::reply(const http::request& r, std::string body) const {
  http::response out{200, std::move(body)};
  const auto put = [&out](std::string key, std::string value) {
    out.headers.emplace_back(std::move(key), std::move(value));
  };
  put("name", "Allocate");
  put("timeout", std::string{r.header("timeout").value_or("12.0")});
  put("bt_header_axon_status_code", "200");
  put("bt_header_axon_status_message", "Success");
  put("bt_header_axon_ip", info_.ip);
  put("bt_header_axon_port", std::to_string(info_.port));
  put("bt_header_axon_version", std::to_string(version));
  put("bt_header_axon_hotkey", info_.hotkey);
  for (const auto& [key, value] : r.headers)
    if (key.starts_with("bt_header_dendrite_")) put(key, value);
  put("header_size", "0");
  put("total_size", "0");
  put("computed_body_hash", std::string{miner::empty_body_hash});
  return out;
}

fleet::fleet(passkey, boost::asio::io_context& io, const fleet_options& options) : io_(io), options_(options) {}
fleet::~fleet() = default;

result<std::unique_ptr<fleet>> fleet::make(boost::asio::io_context& io, const fleet_options& options) {
  if (auto allowed = allow_files(options.count); !allowed) return allowed.error();
  auto made = std::make_unique<fleet>(passkey{}, io, options);
  if (auto listens = made->listen(); !listens) return listens.error();
  return made;
}

result<void> fleet::listen() {
  const auto ssh = std::make_shared<tcp::acceptor>(io_);
  boost::system::error_code ec;
  const tcp::endpoint anywhere{asio::ip::address_v4::loopback(), 0};
  ssh->open(anywhere.protocol(), ec);
  if (!ec) ssh->bind(anywhere, ec);
  if (!ec) ssh->listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return error{errc::config_invalid, "cannot listen for SSH: " + ec.message()};
  ssh_port_ = ssh->local_endpoint().port();
  asio::co_spawn(io_, greet_all(ssh), asio::detached);

  if (options_.port_base != 0 && options_.port_base + options_.count > 65536)
    return error{errc::config_invalid, "there are not so many ports from --port-base on"};
  for (std::size_t i = 0; i < options_.count; ++i) {
    auto info = links::make_simulated_miner(fleet_seed, i);
    info.ip = "127.0.0.1";
    info.version = version;
    info.simulated = false;
    auto& one = *axons_.emplace_back(std::make_unique<axon>(*this, std::move(info)));
    const auto port = options_.port_base == 0 ? 0 : options_.port_base + i;
    auto server = http::start_server(
        io_, fmt::format("127.0.0.1:{}", port), [&one](http::request& r) { return one.handle(r); }, message);
    if (!server) return server.error();
    one.listens_on((*server)->port());
    servers_.push_back(std::move(*server));
  }
  return {};
}

std::string fleet::miners_file() const {
  std::string out{R"({"miners":[)"};
  for (const auto& one : axons_) {
    const auto& m = one->info();
    fmt::format_to(std::back_inserter(out), R"({}{{"hotkey":"{}","ip":"{}","port":{},"version":{},"specs":)",
                   out.ends_with('[') ? "" : ",\n", m.hotkey, m.ip, m.port, m.version);
    write_json(out, *m.specs);
    out.push_back('}');
  }
  return out + "]}\n";
}

std::uint64_t fleet::connections() const {
  std::uint64_t sum = 0;
  for (const auto& s : servers_) sum += s->stats().accepted;
  return sum;
}

std::uint64_t fleet::requests() const {
  std::uint64_t sum = 0;
  for (const auto& s : servers_) sum += s->stats().requests;
  return sum;
}

std::size_t fleet::held() const {
  return static_cast<std::size_t>(std::ranges::count_if(axons_, [](const auto& a) { return a->held(); }));
}

}  // namespace lode::bench
