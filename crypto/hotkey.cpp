#include "crypto/hotkey.hpp"

#include "crypto/crypto.hpp"
#include "crypto/exclusive_file.hpp"

#include <boost/json.hpp>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <vector>

namespace lode::crypto {

namespace {

namespace json = boost::json;

constexpr std::size_t max_file = std::size_t{16} * 1024;  // real ones have less than 1 KiB

error bad_file(const std::string& name, std::string_view why) {
  return {errc::key_invalid, "hotkey file " + name + ": " + std::string(why)};
}

/// Memory that is wiped when freed, for the JSON of a file that holds a secret.
class wiping_memory {
 public:
  wiping_memory() : bytes_(8 * max_file), resource_(bytes_.data(), bytes_.size()) {}
  wiping_memory(const wiping_memory&) = delete;
  wiping_memory& operator=(const wiping_memory&) = delete;
  ~wiping_memory() { sodium_memzero(bytes_.data(), bytes_.size()); }

  json::storage_ptr storage() noexcept { return &resource_; }

 private:
  std::vector<unsigned char> bytes_;
  json::monotonic_resource resource_;
};

std::optional<std::string_view> encryption_of(std::string_view text) {
  if (text.starts_with("$NACL")) return "NaCl";
  if (text.starts_with("$ANSIBLE_VAULT")) return "an Ansible vault";
  if (text.starts_with("gAAAAA")) return "Fernet";
  return std::nullopt;
}

/// A field that is a non-empty string; bittensor writes null for what it does not have.
std::optional<std::string_view> text_of(const json::object& file, std::string_view name) {
  const auto* field = file.if_contains(name);
  if (field == nullptr || !field->is_string() || field->get_string().empty()) return std::nullopt;
  return std::string_view(field->get_string());
}

std::span<const std::uint8_t> bytes_of(const std::string& s) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()};
}

result<public_key> public_key_from_hex(std::string_view text) {
  public_key key{};
  const auto bytes = from_hex(text);
  if (!bytes || bytes->size() != key.size()) return error(errc::key_invalid);
  std::copy_n(bytes_of(*bytes).begin(), key.size(), key.begin());
  return key;
}

/// The public key that the file names, in up to three places that must agree.
result<public_key> named_key(const json::object& file, const std::string& name) {
  std::optional<public_key> named;
  for (const std::string_view field : {"ss58Address", "publicKey", "accountId"}) {
    const auto text = text_of(file, field);
    if (!text) continue;
    const auto key = field == "ss58Address" ? ss58_decode(*text) : public_key_from_hex(*text);
    if (!key) return bad_file(name, std::string(field) + " is malformed");
    if (named && *named != *key)
      return bad_file(name, std::string(field) + " names another key than the fields before");
    named = *key;
  }
  if (!named) return bad_file(name, "it names no public key (ss58Address, publicKey or accountId)");
  return *named;
}

/// The secret that the file holds: secretSeed if it is a mini secret, else privateKey.
result<sr25519_key> secret_key(const json::object& file, const public_key& named, const std::string& name) {
  for (const std::string_view field : {"secretSeed", "privateKey"}) {
    const auto text = text_of(file, field);
    if (!text) continue;
    auto bytes = from_hex(*text);
    if (!bytes) return bad_file(name, std::string(field) + " is not hexadecimal");
    const auto length = bytes->size();
    auto key = length == 32                            ? sr25519_key::from_mini_secret(bytes_of(*bytes))
               : length == 64 && field == "privateKey" ? sr25519_key::from_secret(bytes_of(*bytes), named)
                                                       : error(errc::key_invalid, "wrong length");
    wipe(*bytes);
    if (key && key->pub() != named) return bad_file(name, std::string(field) + " belongs to another key than it names");
    if (key) return key;
    if (length == 64 && field == "privateKey")
      return bad_file(name, "privateKey belongs to another key than the file names");
    if (field == "privateKey") return bad_file(name, "privateKey has neither 32 nor 64 bytes");
  }
  if (text_of(file, "secretPhrase"))
    return bad_file(name, "it holds nothing but a secretPhrase; make it again with btcli so that it has a secretSeed");
  return bad_file(name, "it holds no secret (secretSeed or privateKey)");
}

}  // namespace

result<hotkey> parse_hotkey(std::string_view text, const std::string& name) {
  if (const auto encryption = encryption_of(text))
    return bad_file(name, "it is encrypted (" + std::string(*encryption) +
                              "); a service cannot ask for a password: make the hotkey without one");
  if (text.size() > max_file) return bad_file(name, "it is too large to be one");

  wiping_memory memory;
  boost::system::error_code ec;
  const auto parsed = json::parse(text, ec, memory.storage());
  if (ec) return bad_file(name, "it is not JSON");
  const auto* file = parsed.if_object();
  if (file == nullptr) return bad_file(name, "it is not a JSON object");

  const auto named = named_key(*file, name);
  if (!named) return named.error();
  auto key = secret_key(*file, *named, name);
  if (!key) return key.error();
  return hotkey{*key, ss58_encode(*named)};
}

result<hotkey> load_hotkey(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return bad_file(path, "it cannot be opened");
  std::string text(max_file + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return bad_file(path, "it cannot be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  auto loaded = parse_hotkey(text, path);
  wipe(text);
  return loaded;
}

result<hotkey> create_hotkey(const std::string& path) {
  auto mini = random_bytes(32);
  const auto key = sr25519_key::from_mini_secret(bytes_of(mini));
  if (!key) return key.error();
  const auto address = ss58_encode(key->pub());
  const auto pub = "0x" + to_hex(key->pub());
  auto seed = to_hex(bytes_of(mini));
  wipe(mini);
  auto text = R"({"accountId": ")" + pub + R"(", "publicKey": ")" + pub +
              R"(", "secretPhrase": null, "secretSeed": "0x)" + seed + R"(", "ss58Address": ")" + address + "\"}";
  wipe(seed);
  const auto written = write_exclusive(path, text);
  wipe(text);
  if (!written) return error(written.error().code, "hotkey file " + path + ": " + written.error().detail);
  return hotkey{*key, address};
}

}  // namespace lode::crypto
