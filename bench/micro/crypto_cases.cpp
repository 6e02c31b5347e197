// Signatures, the key exchange of an allocation, secrets at rest, addresses, API keys.

#include "bench/micro/micro.hpp"
#include "bench/micro/samples.hpp"
#include "crypto/crypto.hpp"
#include "crypto/key_exchange.hpp"
#include "crypto/key_ring.hpp"
#include "storage/sealing.hpp"

namespace lode::micro {
namespace {

// As long as what a call to a miner signs.
std::string signed_text() { return std::string(200, 't'); }

loop sign() {
  return [key = sample_key(1), text = signed_text()](std::size_t n) {
    for (; n > 0; --n) keep(key.sign(text));
  };
}

loop verify() {
  const auto key = sample_key(1);
  std::array<std::uint8_t, 32> fixed{};
  return [pub = key.pub(), text = signed_text(), made = key.sign(signed_text(), fixed)](std::size_t n) {
    for (; n > 0; --n) must(crypto::sr25519_verify(pub, text, made), "a signature");
  };
}

// What a miner answers to a register.
constexpr std::string_view ssh_access =
    R"({"username":"root","password":"Zk3vQ9pLm2Xt7Rb5Wc8N","port":4444,"version":183})";

loop make_pair() {
  return [](std::size_t n) {
    for (; n > 0; --n) keep(crypto::make_key_pair(key_kind::x25519));
  };
}

loop seal_to_key() {
  const auto pair = value_of(crypto::make_key_pair(key_kind::x25519), "making keys");
  return [pem = pair.public_pem](std::size_t n) {
    for (; n > 0; --n) keep(crypto::encrypt_to(pem, ssh_access));
  };
}

loop open_with_key() {
  const auto pair = value_of(crypto::make_key_pair(key_kind::x25519), "making keys");
  const auto text = value_of(crypto::encrypt_to(pair.public_pem, ssh_access), "encrypting");
  return [pem = pair.private_pem, text](std::size_t n) {
    for (; n > 0; --n) must(static_cast<bool>(crypto::decrypt_with(pem, text)), "decrypting");
  };
}

storage::sealer a_sealer() {
  return value_of(storage::load_or_create_master_key(scratch_folder() + "/master.key"), "a master key");
}

loop seal() {
  return [sealer = a_sealer(), record = sample_record()](std::size_t n) {
    for (; n > 0; --n) {
      keep(sealer.seal(record.uuid, record.hotkey));
      keep(sealer.seal(record.private_key, record.hotkey));
      keep(sealer.seal(record.ssh_password, record.hotkey));
    }
  };
}

loop open_sealed() {
  const auto sealer = a_sealer();
  const auto record = sample_record();
  return [sealer, hotkey = record.hotkey, text = sealer.seal(record.private_key, record.hotkey)](std::size_t n) {
    for (; n > 0; --n) must(static_cast<bool>(sealer.open(text, hotkey)), "opening what is sealed");
  };
}

loop decode_address() {
  return [address = sample_address(7)](std::size_t n) {
    for (; n > 0; --n) must(static_cast<bool>(crypto::ss58_decode(address)), "decoding an address");
  };
}

loop encode_address() {
  return [key = value_of(crypto::ss58_decode(sample_address(7)), "decoding")](std::size_t n) {
    for (; n > 0; --n) keep(crypto::ss58_encode(key));
  };
}

loop find_key() {
  std::vector<api_key> keys;
  std::string text;
  for (int i = 0; i < 100; ++i) {
    auto added = crypto::make_api_key("renter-" + std::to_string(i), role::rent, "ops", 1);
    keys.push_back(std::move(added.key));
    text = std::move(added.text);
  }
  return [ring = std::make_shared<const crypto::key_ring>(keys), text](std::size_t n) {
    for (; n > 0; --n) must(ring->find(text) != nullptr, "finding an API key");
  };
}

}  // namespace

std::vector<micro_case> crypto_cases() {
  return {
      {"sr25519.sign", "a call to a miner signed", 20, sign},
      {"sr25519.verify", "such a signature verified, as lode-miner does", 20, verify},
      {"x25519.pair", "key pair of an allocation", 20, make_pair},
      {"x25519.seal", "the SSH access encrypted, as lode-miner does", 20, seal_to_key},
      {"x25519.open", "the SSH access decrypted", 20, open_with_key},
      {"rest.seal", "the three secrets of a record sealed at rest", 200, seal},
      {"rest.open", "a private key opened", 200, open_sealed},
      {"ss58.decode", "address of a hotkey decoded, checksum included", 200, decode_address},
      {"ss58.encode", "the same back", 200, encode_address},
      {"access.find", "API key of a request among 100", 200, find_key},
  };
}

}  // namespace lode::micro
