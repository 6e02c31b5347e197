#include "storage/sealing.hpp"

#include "crypto/crypto.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <array>
#include <utility>

namespace lode::storage {
namespace {

constexpr std::string_view marker = "sealed:v1:";
constexpr std::size_t nonce_bytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_bytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::string_view check_plain = "this store is sealed under this key";

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

}  // namespace

std::string sealer::seal(std::string_view plain, std::string_view context) const {
  std::string box(nonce_bytes + plain.size() + tag_bytes, '\0');
  unsigned char* nonce = bytes(box);
  randombytes_buf(nonce, nonce_bytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + nonce_bytes, nullptr, bytes(plain), plain.size(), bytes(context),
                                             context.size(), nullptr, nonce, key_.get());
  return std::string{marker} + crypto::to_base64(box);
}

result<std::string> sealer::open(std::string_view sealed, std::string_view context) const {
  if (!is_sealed(sealed)) return error{errc::key_invalid, "a secret is not sealed"};
  const auto box = crypto::from_base64(sealed.substr(marker.size()));
  if (!box || box->size() < nonce_bytes + tag_bytes) return error{errc::key_invalid, "a sealed secret is malformed"};
  std::string plain(box->size() - nonce_bytes - tag_bytes, '\0');
  const unsigned char* nonce = bytes(std::string_view{*box});
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(bytes(plain), nullptr, nullptr, nonce + nonce_bytes,
                                                 box->size() - nonce_bytes, bytes(context), context.size(), nonce,
                                                 key_.get()) != 0)
    return error{errc::key_invalid, "a sealed secret was changed or sealed under another key"};
  return plain;
}

bool sealer::is_sealed(std::string_view text) noexcept { return text.starts_with(marker); }

result<void> sealer::verify_against(store& s) const {
  const auto found = s.get(column::meta, check_key);
  if (!found) return found.error();
  if (!*found) {
    commit_request request;
    request.writes.put(column::meta, std::string{check_key}, seal(check_plain, check_key));
    request.preconditions.push_back({column::meta, std::string{check_key}, 0});
    const auto done = s.commit({&request, 1});
    if (!done) return done.error();
    if (!done->front()) return done->front().error();
    return {};
  }
  const auto plain = open((*found)->value, check_key);
  if (!plain || *plain != check_plain)
    return error{errc::key_invalid, "the store's secrets were sealed under another master key"};
  return {};
}

result<sealer> open_sealer(const std::string& path, store& s) {
  auto loaded = load_master_key(path);
  if (!loaded) {
    if (loaded.error() != errc::not_found) return loaded;
    const auto check = s.get(column::meta, sealer::check_key);
    if (!check) return check.error();
    if (*check)
      return error{errc::key_invalid,
                   fmt::format("the store holds sealed secrets, but the master key {} is missing", path)};
    loaded = load_or_create_master_key(path);
    if (!loaded) return loaded;
  }
  if (const auto verified = loaded->verify_against(s); !verified) return verified.error();
  return loaded;
}

}  // namespace lode::storage
