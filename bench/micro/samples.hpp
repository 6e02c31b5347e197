#pragma once
// What the cases work on: values of the size and shape that the daemon has in a rental.

#include "crypto/crypto.hpp"
#include "crypto/hotkey.hpp"
#include "messages/types.hpp"

#include <array>
#include <cstdint>
#include <string>

namespace lode::micro {

inline crypto::sr25519_key sample_key(std::uint8_t n) {
  std::array<std::uint8_t, 32> seed{};
  seed.fill(n);
  return *crypto::sr25519_key::from_mini_secret(seed);
}

inline crypto::hotkey sample_hotkey(std::uint8_t n) {
  auto key = sample_key(n);
  auto address = crypto::ss58_encode(key.pub());
  return {key, std::move(address)};
}

/// Addresses without the cost of a key: the number is in them.
inline std::string sample_address(std::uint32_t n) {
  crypto::public_key key{};
  for (std::size_t i = 0; i < key.size(); ++i) key.at(i) = static_cast<std::uint8_t>((n >> (8 * (i % 4))) + 31 * i);
  return crypto::ss58_encode(key);
}

inline std::string sample_ssh_key() {
  const std::string type = "ssh-ed25519";
  std::string blob{"\0\0\0\x0b", 4};
  blob.append(type).append("\0\0\0\x20", 4).append(32, 'k');
  return type + " " + crypto::to_base64(blob) + " renter@example.com";
}

/// `n` differs from miner to miner as the hardware of a subnet does.
inline miner_specs sample_specs(std::uint32_t n) {
  struct model {
    const char* name;
    std::int64_t mib;
  };
  constexpr std::array<model, 5> models{{{"NVIDIA GeForce RTX 4090", 24564},
                                         {"NVIDIA RTX A6000", 49140},
                                         {"NVIDIA A100-SXM4-80GB", 81920},
                                         {"NVIDIA H100 80GB HBM3", 81559},
                                         {"Tesla T4", 15360}}};
  constexpr std::int64_t gib = 1LL << 30U;
  const auto& m = models.at(n % models.size());
  miner_specs s;
  s.cpu_count = 8LL << (n / 5 % 5);
  s.gpu_count = 1LL << (n / 25 % 4);
  s.gpu_name = m.name;
  s.gpu_capacity_mib = m.mib * s.gpu_count;
  s.ram_total = s.cpu_count * 4 * gib;
  s.ram_available = s.ram_total - n % 997 * (gib / 1024);
  s.disk_total = 2048 * gib;
  s.disk_free = s.disk_total - n % 983 * gib;
  s.has_docker = true;
  return s;
}

inline allocation_record sample_record() {
  allocation_record r;
  r.hotkey = sample_address(7);
  r.uuid = "3f2b9c1e-5d47-4a89-9b61-0c7e8d5a4f32";
  r.state = allocation_state::active;
  r.key = key_kind::x25519;
  r.public_key =
      "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VuAyEA" + std::string(43, 'p') + "=\n-----END PUBLIC KEY-----\n";
  r.private_key =
      "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VuBCIEI" + std::string(43, 's') + "\n-----END PRIVATE KEY-----\n";
  r.resource = "nvidia geforce rtx 4090";
  r.device.gpu_type = "4090";
  r.docker.ssh_key = sample_ssh_key();
  r.miner_timeline_days = 90;
  r.ssh_ip = "203.0.113.77";
  r.ssh_port = 4444;
  r.ssh_username = "root";
  r.ssh_password = "Zk3vQ9pLm2Xt7Rb5Wc8N";
  r.ssh_key = r.docker.ssh_key;
  r.miner_version = 183;
  r.created_at = 1'795'752'000'123;
  r.expires_at = r.created_at + 90LL * 86'400'000;
  return r;
}

inline std::string sample_allocate_body() {
  return R"({"requirements":{"cpu_count":4,"gpu_type":"4090","gpu_size":20,"gpu_count":1,"ram":16,"hard_disk":100,)"
         R"("timeline":90},"docker_requirement":{"base_image":"ubuntu","ssh_key":")" +
         sample_ssh_key() + R"(","volume_path":"/tmp","dockerfile":""}})";
}

}  // namespace lode::micro
