#pragma once
// The API keys in force, as whoever serves a request asks for them: made anew at each change, read from any thread
// without a message to anybody.
//
// A key is `lode_ID_SECRET`, the secret 32 random bytes in base64url. Only its SHA-256 is kept. A slow hash as for
// passwords would protect nothing more: nobody can try 2^256 secrets however fast the hash, and each request pays for
// it.

#include "messages/api_key.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lode::crypto {

/// A fresh key with what is stored of it. The text is secret.
added_key make_api_key(std::string name, role grants, std::string created_by, unix_ms now);

/// One key in force. Immutable but for the time of its last use.
class held_key {
 public:
  explicit held_key(api_key k) : key(std::move(k)), last_used_(key.last_used_at) {}
  const api_key key;

  /// True at most once a minute: for the caller who is to tell access_actor. Any thread.
  [[nodiscard]] bool used(unix_ms now) const noexcept;

 private:
  mutable std::atomic<unix_ms> last_used_;
};

/// Immutable; any thread.
class key_ring {
 public:
  explicit key_ring(const std::vector<api_key>& keys);

  [[nodiscard]] bool empty() const noexcept { return keys_.empty(); }
  /// The key that `text` is; null when it is none. The hashes are compared in constant time.
  [[nodiscard]] std::shared_ptr<const held_key> find(std::string_view text) const;
  [[nodiscard]] bool holds(const std::string& id) const { return keys_.contains(id); }

 private:
  std::unordered_map<std::string, std::shared_ptr<const held_key>> keys_;
};

/// Where the key ring of the moment hangs: access_actor puts it there, the edge reads it. Any thread.
class key_board {
 public:
  [[nodiscard]] std::shared_ptr<const key_ring> read() const {
    const std::lock_guard lock{mutex_};
    return ring_;
  }
  void hang(std::shared_ptr<const key_ring> ring) {
    const std::lock_guard lock{mutex_};
    ring_.swap(ring);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const key_ring> ring_ = std::make_shared<const key_ring>(std::vector<api_key>{});
};

}  // namespace lode::crypto
