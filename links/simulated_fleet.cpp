#include "links/simulated_fleet.hpp"

#include "crypto/crypto.hpp"
#include "crypto/hotkey.hpp"
#include "crypto/sha3.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace lode::links {

namespace json = boost::json;

namespace {

constexpr std::size_t remembered_ends = 64;

constexpr std::int64_t gib = std::int64_t{1} << 30;
constexpr std::int64_t simulated_version = 183;  // what existing miners put on the chain
constexpr std::uint16_t axon_port = 8091;

struct gpu_model {
  std::string_view name;
  std::int64_t mib;  ///< of one card, as its driver reports it
};
constexpr std::array<gpu_model, 8> gpu_models{{{"NVIDIA GeForce RTX 4090", 24564},
                                               {"NVIDIA GeForce RTX 3090", 24576},
                                               {"NVIDIA RTX A6000", 49140},
                                               {"NVIDIA A100-SXM4-80GB", 81920},
                                               {"NVIDIA H100 PCIe", 81559},
                                               {"NVIDIA H100 80GB HBM3", 81559},
                                               {"NVIDIA L40S", 46068},
                                               {"Tesla T4", 15360}}};
constexpr std::array<std::int64_t, 6> card_counts{1, 1, 1, 2, 4, 8};
constexpr std::array<std::int64_t, 5> core_counts{8, 16, 32, 64, 128};
constexpr std::array<std::int64_t, 4> disk_sizes{512, 1024, 2048, 4096};

miner_reply yes() {
  miner_reply r;
  r.code = errc::none;
  return r;
}

miner_reply no(std::string why) {
  miner_reply r;
  r.code = errc::miner_refused;
  r.detail = std::move(why);
  r.answered_no = true;
  return r;
}

miner_reply yes_if(bool condition, std::string_view otherwise) {
  return condition ? yes() : no(std::string(otherwise));
}

}  // namespace

dice::dice(std::initializer_list<std::uint64_t> words) noexcept {
  for (const auto w : words) {
    state_ ^= w;
    state_ = next();
  }
}

// SplitMix64 (Steele, Lea and Flood, 2014).
std::uint64_t dice::next() noexcept {
  state_ += 0x9e3779b97f4a7c15ULL;
  auto z = state_;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31U);
}

double dice::share() noexcept { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }

miner_specs draw_specs(dice& d) {
  miner_specs s;
  s.cpu_count = core_counts[d.below(core_counts.size())];
  s.ram_total = s.cpu_count * 4 * gib;
  s.ram_available = s.ram_total - static_cast<std::int64_t>(d.below(static_cast<std::uint64_t>(s.ram_total / 4)));
  s.disk_total = disk_sizes[d.below(disk_sizes.size())] * gib;
  s.disk_free = s.disk_total - static_cast<std::int64_t>(d.below(static_cast<std::uint64_t>(s.disk_total / 2)));
  s.has_docker = true;
  if (d.below(10) == 0) return s;  // CPU only
  const auto& model = gpu_models[d.below(gpu_models.size())];
  s.gpu_count = card_counts[d.below(card_counts.size())];
  s.gpu_capacity_mib = model.mib * s.gpu_count;  // miners report the sum over their cards
  s.gpu_name = model.name;
  return s;
}

miner_info make_simulated_miner(std::uint64_t seed, std::uint64_t index) {
  // Any 32 bytes make an address; nobody holds the key to these.
  const auto digest = crypto::from_hex(crypto::sha3_256_hex(fmt::format("lode simulated miner {} {}", seed, index)));
  crypto::public_key key{};
  if (digest) std::ranges::copy(digest.value(), key.begin());
  dice d{seed, index, 0};
  miner_info m;
  m.hotkey = crypto::ss58_encode(key);
  // 198.18.0.0/15 is set aside for benchmarks: no real host has such an address.
  m.ip = fmt::format("198.{}.{}.{}", 18 + (index >> 16U) % 2, (index >> 8U) % 256, index % 256);
  m.port = axon_port;
  m.version = simulated_version;
  m.specs = draw_specs(d);
  m.simulated = true;
  return m;
}

std::string specs_json_of(const miner_specs& s) {
  json::array details;
  for (std::int64_t i = 0; i < s.gpu_count; ++i) {
    json::object card{{"name", s.gpu_name}, {"capacity", s.gpu_capacity_mib / s.gpu_count}};
    details.emplace_back(std::move(card));
  }
  json::object o;
  o["cpu"] = json::object{{"count", s.cpu_count}};
  o["gpu"] = json::object{{"count", s.gpu_count}, {"capacity", s.gpu_capacity_mib}, {"details", std::move(details)}};
  o["ram"] = json::object{{"total", s.ram_total}, {"available", s.ram_available}};
  o["hard_disk"] = json::object{{"total", s.disk_total}, {"free", s.disk_free}};
  o["has_docker"] = s.has_docker;
  o["simulated"] = true;
  return json::serialize(o);
}

simulated_slot::simulated_slot(const miner_info& of, bool rsa_only, std::uint64_t seed, std::uint64_t index,
                               const crypto::box_maker& boxes)
    : boxes_(&boxes),
      specs_json_(of.specs ? specs_json_of(*of.specs) : "{}"),
      rsa_only_(rsa_only),
      port_(static_cast<std::uint16_t>(20000 + index % 20000)),
      seed_(seed),
      index_(index) {}

miner_reply simulated_slot::act(const miner_call& c) {
  miner_reply r;
  switch (c.action) {
    case miner_action::check:
      r = yes_if(!held_, "occupied");
      break;
    case miner_action::holds:
      r = yes_if(held_ && !held_->paused && crypto::constant_time_equal(held_->public_key, c.public_key),
                 "no running container of this key");
      break;
    case miner_action::reg:
      r = reg(c);
      break;
    case miner_action::deregister:
      r = deregister(c);
      break;
    case miner_action::restart:
      r = yes_if(held_.has_value(), "no container");
      break;
    case miner_action::pause:
    case miner_action::unpause: {
      const bool pause = c.action == miner_action::pause;
      r = yes_if(held_ && held_->paused != pause, "no container in the right state");
      if (r.ok()) held_->paused = pause;
      break;
    }
    case miner_action::exchange_key:
      r = exchange_key(c);
      break;
    case miner_action::specs:
      r = yes();
      r.specs_json = specs_json_;
      break;
  }
  if (r.ok() || r.answered_no) {
    r.port = port_;
    r.takes_x25519 = !rsa_only_;
  }
  return r;
}

miner_reply simulated_slot::reg(const miner_call& c) {
  if (std::find(ended_.begin(), ended_.end(), c.public_key) != ended_.end()) return no("deregistered before");
  if (held_ && !crypto::constant_time_equal(held_->public_key, c.public_key)) {
    ++on_occupied_;
    return no("occupied");
  }
  if (!held_) {
    const auto failed = [](std::string why) {
      miner_reply r;
      r.code = errc::miner_failed;
      r.detail = std::move(why);
      return r;
    };
    const auto kind = crypto::kind_of_public_key(c.public_key);
    if (!kind) return failed("unusable public key");
    if (rsa_only_ && kind.value() != key_kind::rsa2048) return failed("unusable kind of public key");
    constexpr std::string_view alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    dice d{seed_, index_, 1, made_};
    std::string password;
    for (int i = 0; i < 10; ++i) password += alphabet[d.below(alphabet.size())];
    const json::object access{
        {"username", "root"}, {"password", password}, {"port", port_}, {"version", simulated_version}};
    auto info = boxes_->encrypt_to(c.public_key, json::serialize(access));
    if (!info) return failed("the SSH access could not be encrypted");
    ++made_;
    held_ = container{c.public_key, std::move(info.value()), false};
  }
  auto r = yes();
  r.info = held_->info;
  return r;
}

miner_reply simulated_slot::deregister(const miner_call& c) {
  // As lode-miner does: a register that its deregister overtook is refused when it arrives after all.
  ended_.push_back(c.public_key);
  if (ended_.size() > remembered_ends) ended_.pop_front();
  if (held_ && !crypto::constant_time_equal(held_->public_key, c.public_key)) return no("another key's container");
  held_.reset();
  return yes();
}

miner_reply simulated_slot::exchange_key(const miner_call& c) {
  if (!held_) return no("no container");
  return yes_if(c.key_type == "user" || c.key_type == "terminal", "unknown key_type");
}

ssh_state simulated_slot::probe(std::uint16_t port) const noexcept {
  if (!held_ || port != port_) return ssh_state::closed;
  return held_->paused ? ssh_state::silent : ssh_state::open;
}

}  // namespace lode::links
