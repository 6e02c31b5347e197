#include "miner/ssh_access.hpp"

#include "crypto/crypto.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <array>
#include <crypt.h>
#include <memory>

namespace lode::miner {

namespace {

constexpr std::uint32_t shadow_group = 42;  // Debian's and Ubuntu's
constexpr std::string_view ed25519_type = "ssh-ed25519";

// Strings of the SSH wire format: length in four bytes, big-endian, then the bytes.
std::string wire_int(std::uint32_t n) {
  return {static_cast<char>(n >> 24U), static_cast<char>(n >> 16U), static_cast<char>(n >> 8U), static_cast<char>(n)};
}
std::string wire(std::string_view s) { return wire_int(static_cast<std::uint32_t>(s.size())).append(s); }

std::string wrapped(std::string_view base64) {
  std::string out;
  for (; !base64.empty(); base64.remove_prefix(std::min<std::size_t>(70, base64.size()))) {
    out.append(base64.substr(0, 70)).push_back('\n');
  }
  return out;
}

std::string_view trimmed(std::string_view s) {
  const auto first = s.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return s.substr(first, s.find_last_not_of(" \t\r\n") - first + 1);
}

result<std::string> sha512_crypt(std::string_view password) {
  const std::string setting = "$6$" + crypto::random_password(16) + "$";
  std::string phrase{password};
  const auto data = std::make_unique<crypt_data>();
  const char* hash = crypt_r(phrase.c_str(), setting.c_str(), data.get());
  std::string out = hash != nullptr ? hash : "";
  crypto::wipe(phrase);
  sodium_memzero(data.get(), sizeof(crypt_data));
  if (!out.starts_with("$6$")) return error{errc::internal, "crypt(3) knows no SHA-512 here"};
  return out;
}

}  // namespace

result<host_key> make_host_key() {
  std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> pub{};
  std::array<unsigned char, crypto_sign_SECRETKEYBYTES> secret{};
  if (crypto_sign_keypair(pub.data(), secret.data()) != 0) return error{errc::internal, "no ed25519 key"};
  const std::string pub_bytes(pub.begin(), pub.end());
  std::string secret_bytes(secret.begin(), secret.end());
  sodium_memzero(secret.data(), secret.size());

  const std::string blob = wire(ed25519_type) + wire(pub_bytes);
  // The "openssh-key-v1" file without a passphrase: two equal check numbers, the key, a comment, then 1 2 3 … as
  // padding to the cipher's block, 8 for none.
  const std::string check = crypto::random_bytes(4);
  std::string inner = check + check + blob + wire(secret_bytes) + wire("");
  for (char pad = 1; inner.size() % 8 != 0; ++pad) inner.push_back(pad);
  std::string file = std::string{"openssh-key-v1"} + '\0' + wire("none") + wire("none") + wire("") + wire_int(1) +
                     wire(blob) + wire(inner);
  host_key out;
  out.private_file = "-----BEGIN OPENSSH PRIVATE KEY-----\n" + wrapped(crypto::to_base64(file)) +
                     "-----END OPENSSH PRIVATE KEY-----\n";
  out.public_line = fmt::format("{} {}\n", ed25519_type, crypto::to_base64(blob));
  crypto::wipe(secret_bytes);
  crypto::wipe(inner);
  crypto::wipe(file);
  return out;
}

result<std::string> with_root_password(std::string_view shadow, std::string_view password) {
  std::string out;
  bool found = false;
  while (!shadow.empty()) {
    const auto end = std::min(shadow.find('\n'), shadow.size());
    const auto line = shadow.substr(0, end);
    if (line.starts_with("root:") && !found) {
      const auto rest = line.find(':', 5);
      if (rest == std::string_view::npos) break;
      const auto hash = sha512_crypt(password);
      if (hash.has_error()) return hash.error();
      out.append("root:").append(*hash).append(line.substr(rest));
      found = true;
    } else {
      out.append(line);
    }
    out.push_back('\n');
    shadow.remove_prefix(std::min(end + 1, shadow.size()));
  }
  if (!found) return error{errc::engine_failed, "the image's /etc/shadow has no entry for root"};
  return out;
}

std::string authorized_keys(std::string_view user_key, std::string_view terminal_key) {
  return fmt::format("{}\n{}\n", trimmed(user_key), trimmed(terminal_key));
}

std::vector<tar_entry> key_files(std::string_view user_key, std::string_view terminal_key) {
  std::vector<tar_entry> out(2);
  out[0].path = "root/.ssh/";
  out[0].mode = 0700;
  out[1].path = "root/.ssh/authorized_keys";
  out[1].mode = 0600;
  out[1].content = authorized_keys(user_key, terminal_key);
  return out;
}

std::vector<tar_entry> access_files(const host_key& host, std::string shadow, std::string_view user_key,
                                    std::string_view terminal_key) {
  auto out = key_files(user_key, terminal_key);
  const auto add = [&out](std::string path, std::uint32_t mode, std::uint32_t gid, std::string content) {
    tar_entry e;
    e.path = std::move(path);
    e.mode = mode;
    e.gid = gid;
    e.content = std::move(content);
    out.push_back(std::move(e));
  };
  add("etc/ssh/ssh_host_ed25519_key", 0600, 0, host.private_file);
  add("etc/ssh/ssh_host_ed25519_key.pub", 0644, 0, host.public_line);
  add("etc/shadow", 0640, shadow_group, std::move(shadow));
  return out;
}

std::string allocation_id(std::string_view public_pem) {
  const auto text = trimmed(public_pem);
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size());
  return crypto::to_hex(digest);
}

}  // namespace lode::miner
