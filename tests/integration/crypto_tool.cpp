// The functions of crypto/ on the command line, for tests that compare them with other implementations. Test-only: it
// takes secrets as arguments, which every user of the machine can read. Binary arguments are hexadecimal.
//
//   keypair MINI            the public key of a mini secret
//   sign MINI MESSAGE       a signature
//   verify PUBLIC MESSAGE SIGNATURE      true or false
//   ss58 PUBLIC             the address
//   unss58 ADDRESS          the public key of an address (as text)
//   newkey rsa2048|x25519   a new pair in PEM: private key, then public key
//   kind PEM                rsa2048 or x25519
//   encrypt PEM TEXT        base64 of the text encrypted to a public key
//   decrypt PEM BASE64      the text, in hexadecimal; the ciphertext is given as the base64 that a miner sends
//
// Prints the answer in one line (newkey: the two PEMs) and exits 0; exits 1 with a reason when crypto/ refuses the
// input, 2 for a usage error.

#include "crypto/crypto.hpp"
#include "crypto/hotkey.hpp"
#include "crypto/key_exchange.hpp"
#include "crypto/sr25519.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace lode;

using arguments = std::vector<std::string>;
using answer = result<std::string>;

std::span<const std::uint8_t> bytes_of(const std::string& s) {
  return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()};
}

result<crypto::sr25519_key> key_of(const std::string& mini_hex) {
  const auto mini = crypto::from_hex(mini_hex);
  if (!mini) return mini.error();
  return crypto::sr25519_key::from_mini_secret(bytes_of(*mini));
}

result<crypto::public_key> public_of(const std::string& hex) {
  const auto bytes = crypto::from_hex(hex);
  if (!bytes) return bytes.error();
  crypto::public_key key{};
  if (bytes->size() != key.size()) return error(errc::key_invalid, "a public key has 32 bytes");
  std::copy_n(bytes_of(*bytes).begin(), key.size(), key.begin());
  return key;
}

answer keypair(const arguments& args) {
  const auto key = key_of(args[0]);
  if (!key) return key.error();
  return crypto::to_hex(key->pub());
}

answer sign(const arguments& args) {
  const auto key = key_of(args[0]);
  if (!key) return key.error();
  const auto message = crypto::from_hex(args[1]);
  if (!message) return message.error();
  return crypto::to_hex(key->sign(*message));
}

answer verify(const arguments& args) {
  const auto key = public_of(args[0]);
  if (!key) return key.error();
  const auto message = crypto::from_hex(args[1]);
  if (!message) return message.error();
  const auto sig = crypto::from_hex(args[2]);
  if (!sig) return sig.error();
  return std::string(crypto::sr25519_verify(*key, *message, bytes_of(*sig)) ? "true" : "false");
}

answer ss58(const arguments& args) {
  const auto key = public_of(args[0]);
  if (!key) return key.error();
  return crypto::ss58_encode(*key);
}

answer unss58(const arguments& args) {
  const auto key = crypto::ss58_decode(args[0]);
  if (!key) return key.error();
  return crypto::to_hex(*key);
}

answer newkey(const arguments& args) {
  const auto pair = crypto::make_key_pair(args[0] == "x25519" ? key_kind::x25519 : key_kind::rsa2048);
  if (!pair) return pair.error();
  return pair->private_pem + pair->public_pem;
}

answer kind(const arguments& args) {
  const auto pem = crypto::from_hex(args[0]);
  if (!pem) return pem.error();
  const auto found = crypto::kind_of_public_key(*pem);
  if (!found) return found.error();
  return std::string(*found == key_kind::x25519 ? "x25519" : "rsa2048");
}

answer encrypt(const arguments& args) {
  const auto pem = crypto::from_hex(args[0]);
  if (!pem) return pem.error();
  const auto text = crypto::from_hex(args[1]);
  if (!text) return text.error();
  return crypto::encrypt_to(*pem, *text);
}

answer decrypt(const arguments& args) {
  const auto pem = crypto::from_hex(args[0]);
  if (!pem) return pem.error();
  const auto text = crypto::decrypt_with(*pem, args[1]);
  if (!text) return text.error();
  return crypto::to_hex(bytes_of(*text));
}

struct command {
  std::size_t takes;
  std::function<answer(const arguments&)> run;
};

int run(const arguments& args) {
  const std::map<std::string, command> commands{
      {"keypair", {1, keypair}}, {"sign", {2, sign}},       {"verify", {3, verify}},
      {"ss58", {1, ss58}},       {"unss58", {1, unss58}},   {"newkey", {1, newkey}},
      {"kind", {1, kind}},       {"encrypt", {2, encrypt}}, {"decrypt", {2, decrypt}}};
  const auto found = args.empty() ? commands.end() : commands.find(args[0]);
  if (found == commands.end() || found->second.takes != args.size() - 1) {
    std::cerr << "usage: crypto_tool COMMAND ARGUMENT...; the commands stand at the top of crypto_tool.cpp\n";
    return 2;
  }
  if (const auto ready = crypto::init(); !ready) {
    std::cerr << ready.error().to_string() << "\n";
    return 1;
  }
  const auto said = found->second.run(arguments(args.begin() + 1, args.end()));
  if (!said) {
    std::cerr << said.error().to_string() << "\n";
    return 1;
  }
  std::cout << *said << "\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return run(arguments(argv + 1, argv + argc)); }
