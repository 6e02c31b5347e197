#pragma once
// What `lode` remembers on this machine: the UUIDs of allocations that were made here, and allocate calls whose outcome
// is not known. One file a context, mode 0600, replaced as a whole, locked while it is written.

#include "cli/files.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lode::cli {

/// An allocation of ours.
struct remembered {
  std::string hotkey;
  std::string uuid;  ///< secret
  std::string server;
  std::string ssh_ip;
  std::int64_t ssh_port = 0;
  std::string ssh_username;
  std::string identity;  ///< file of the private key that gets in; empty: not known
  std::string created_at;
  std::string expires_at;
  bool gone = false;  ///< the server no longer lists it
  friend bool operator==(const remembered&, const remembered&) = default;
};

/// An allocate call that was, or may have been, sent.
struct pending_call {
  std::string idempotency_key;
  std::string request;        ///< what makes it the same call: server, path, body
  std::int64_t begun_at = 0;  ///< seconds since the epoch
  std::int64_t pid = 0;       ///< of the lode that is at it
  std::int64_t pid_start = 0;
  friend bool operator==(const pending_call&, const pending_call&) = default;
};

/// Newest last.
struct local_state {
  std::vector<remembered> allocations;
  std::vector<pending_call> pending;
  friend bool operator==(const local_state&, const local_state&) = default;
};

/// failed when it is not ours to read; `path` is for the error.
outcome<local_state> parse_state(std::string_view text, const std::string& path);
std::string text_of(const local_state& s);

class state_file {
 public:
  explicit state_file(std::string path) : path_(std::move(path)) {}
  /// A file that is not there is an empty state.
  [[nodiscard]] outcome<local_state> read() const;
  /// Reads, changes and writes while no other lode does.
  [[nodiscard]] outcome<void> change(const std::function<void(local_state&)>& how) const;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Puts it in as the newest, in place of an older one of the same hotkey; keeps at most a thousand.
void remember(local_state& s, remembered a);
void forget(local_state& s, std::string_view hotkey, std::string_view uuid);

/// When a process began, in ticks since boot; 0 when there is none.
std::int64_t start_of_process(std::int64_t pid);

/// The call to go on with: the same request, younger than a day, and left by a lode that is gone. Else a new one is
/// added. Either is marked as this process's. Older ones are dropped.
struct claimed_call {
  std::string idempotency_key;
  bool resumed = false;
  std::int64_t begun_at = 0;
};
claimed_call claim_call(local_state& s, const std::string& request, std::int64_t now, std::int64_t pid,
                        const std::function<std::int64_t(std::int64_t)>& start_of, const std::string& fresh_key);
void settle_call(local_state& s, std::string_view idempotency_key);

/// The allocation that a user means: "last", a hotkey, or the beginning of one that fits one alone.
/// not_found, or usage when it fits several.
outcome<remembered> find_ours(const local_state& s, std::string_view server, std::string_view name);

}  // namespace lode::cli
