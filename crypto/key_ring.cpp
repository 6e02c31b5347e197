#include "crypto/key_ring.hpp"

#include "crypto/crypto.hpp"
#include "crypto/digest.hpp"

#include <sodium.h>

namespace lode::crypto {
namespace {

constexpr std::string_view prefix = "lode_";
constexpr std::size_t id_bytes = 6;
constexpr std::size_t secret_bytes = 32;
constexpr unix_ms coarse = 60'000;

std::string hex_of(const std::string& bytes) {
  return to_hex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

std::string base64url(const std::string& bytes) {
  constexpr auto variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string text(sodium_base64_encoded_len(bytes.size(), variant), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    variant);
  text.pop_back();
  return text;
}

}  // namespace

added_key make_api_key(std::string name, role grants, std::string created_by, unix_ms now) {
  added_key out;
  auto& k = out.key;
  k.id = hex_of(random_bytes(id_bytes));
  k.name = std::move(name);
  k.grants = grants;
  k.created_at = now;
  k.created_by = std::move(created_by);
  auto secret = random_bytes(secret_bytes);
  out.text.append(prefix).append(k.id).append("_").append(base64url(secret));
  wipe(secret);
  k.hash = sha256_hex(out.text);
  return out;
}

bool held_key::used(unix_ms now) const noexcept {
  auto last = last_used_.load(std::memory_order_relaxed);
  return now - last >= coarse && last_used_.compare_exchange_strong(last, now, std::memory_order_relaxed);
}

key_ring::key_ring(const std::vector<api_key>& keys) {
  for (const auto& k : keys) keys_.emplace(k.id, std::make_shared<const held_key>(k));
}

std::shared_ptr<const held_key> key_ring::find(std::string_view text) const {
  if (!text.starts_with(prefix)) return nullptr;
  // An id is no secret, so how long it takes to find one may be seen.
  const auto rest = text.substr(prefix.size());
  const auto found = keys_.find(std::string{rest.substr(0, rest.find('_'))});
  if (found == keys_.end()) return nullptr;
  return constant_time_equal(sha256_hex(text), found->second->key.hash) ? found->second : nullptr;
}

}  // namespace lode::crypto
