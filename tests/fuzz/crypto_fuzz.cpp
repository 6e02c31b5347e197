// Every parser of crypto/ that reads what others wrote. The first byte picks one; what is accepted must hold what the
// header promises of it.

#include "crypto/crypto.hpp"
#include "crypto/hotkey.hpp"
#include "crypto/key_exchange.hpp"
#include "crypto/sr25519.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace lode::crypto;

void require(bool holds) {
  if (!holds) std::abort();
}

void fuzz_ss58(std::string_view text) {
  if (const auto key = ss58_decode(text)) require(ss58_encode(*key) == text);
}

void fuzz_hex(std::string_view text) {
  const auto bytes = from_hex(text);
  if (!bytes) return;
  const auto again = to_hex({reinterpret_cast<const std::uint8_t*>(bytes->data()), bytes->size()});
  std::string lower(text.starts_with("0x") ? text.substr(2) : text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
  require(again == lower);
}

void fuzz_base64(std::string_view text) {
  if (const auto bytes = from_base64(text)) require(to_base64(*bytes) == text);
}

void fuzz_openssh(std::string_view text) {
  if (is_openssh_public_key(text)) require(text.find_first_of("\n\r'\"`\\") == std::string_view::npos);
}

// The input as a signature over itself, then as a message that a real key signs.
void fuzz_sr25519(std::string_view text) {
  static const auto key = sr25519_key::generate();
  const std::span<const std::uint8_t> bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  require(!sr25519_verify(key.pub(), text, bytes.first(std::min<std::size_t>(bytes.size(), 64))));
  if (text.size() >= 96) {
    public_key pub{};
    std::copy_n(bytes.begin(), pub.size(), pub.begin());
    static_cast<void>(sr25519_verify(pub, "m", bytes.subspan(32, 64)));
  }
  auto sig = key.sign(text);
  require(sr25519_verify(key.pub(), text, sig));
  const auto at = text.empty() ? 0U : static_cast<std::uint8_t>(text[0]) % sig.size();
  sig[at] ^= 1;
  require(!sr25519_verify(key.pub(), text, sig));
}

void fuzz_hotkey(std::string_view text) {
  if (const auto loaded = parse_hotkey(text, "fuzz")) require(ss58_encode(loaded->key.pub()) == loaded->address);
}

void fuzz_pem(std::string_view text) {
  if (kind_of_public_key(text)) static_cast<void>(encrypt_to(text, "x"));
  static_cast<void>(decrypt_with(text, "AAAA"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  if (!lode::crypto::init()) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 7) {
    case 0:
      fuzz_ss58(text);
      break;
    case 1:
      fuzz_hex(text);
      break;
    case 2:
      fuzz_base64(text);
      break;
    case 3:
      fuzz_openssh(text);
      break;
    case 4:
      fuzz_sr25519(text);
      break;
    case 5:
      fuzz_hotkey(text);
      break;
    default:
      fuzz_pem(text);
  }
  return 0;
}
