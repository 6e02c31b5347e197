#pragma once
// Secrets at rest: sealed with XChaCha20-Poly1305 under a master key that lies outside the data folder.

#include "messages/error.hpp"
#include "storage/store.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace lode::storage {

/// Holds the master key in locked, guarded memory that is wiped with the last copy. Copies share it. Any thread.
class sealer {
 public:
  /// "sealed:v1:" and base64 of a random 24-byte nonce, the ciphertext and its tag. Two seals of the same text differ.
  /// `context` is not stored but must be given again to open(); it ties the secret to its place (a record's key), so
  /// that sealed texts cannot be swapped.
  [[nodiscard]] std::string seal(std::string_view plain, std::string_view context = {}) const;

  /// The plain text. key_invalid when it is not of the form above, was changed, was sealed under another key or for
  /// another context; the error never holds content. Wipe the plain text after use (crypto::wipe).
  [[nodiscard]] result<std::string> open(std::string_view sealed, std::string_view context = {}) const;

  /// True when the text says that it is sealed (whether it opens is another matter).
  static bool is_sealed(std::string_view text) noexcept;

  /// Compares the key with the check value in `s` (column meta, key check_key), which is written when there is none:
  /// call it before anything else is sealed into the store, from the store's writer. key_invalid: the store was sealed
  /// under another key.
  result<void> verify_against(store& s) const;

  static constexpr std::string_view check_key = "sealing.check";

 private:
  friend class master_key_file;
  explicit sealer(std::shared_ptr<const unsigned char> key) : key_(std::move(key)) {}
  std::shared_ptr<const unsigned char> key_;  // 32 bytes
};

/// The key in the file `path`: one line of base64. Refused (key_invalid) unless it is a regular file of this user or of
/// root that nobody else can read or write. not_found when there is none; store_io when it cannot be read.
result<sealer> load_master_key(const std::string& path);

/// The same, and where there is no file makes one with a random key: mode 0600, complete and on disk before it appears
/// under its name. Of two processes that do so at once both get the same key.
result<sealer> load_or_create_master_key(const std::string& path);

/// What a daemon calls: the key for this store, verified against it. A missing file is made only when the store holds
/// no check value yet; else key_invalid, and no file is made (a new key could not open what is sealed).
result<sealer> open_sealer(const std::string& path, store& s);

}  // namespace lode::storage
