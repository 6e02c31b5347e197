#pragma once
// The Store: everything durable goes through this narrow interface. Implementations: memory_store, rocksdb_store.
//
// Thread safety: commit() and checkpoint() belong to one writer (the ledger actor); get(), scan(), watch() and head()
// may be called from any thread at any time and see only committed data.

#include "messages/error.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lode::storage {

/// Names the column families; the table that gives each its stored name is in schema.hpp.
enum class column : std::uint8_t { miners, allocations, events, outbox, idempotency, keys, meta };

/// Grows by one with each successful commit of the store; 0 is "never written".
using revision = std::uint64_t;

/// One write of a batch.
struct mutation {
  enum class kind : std::uint8_t { put, erase, append };
  kind what = kind::put;
  column in = column::meta;
  std::string key;  ///< for append a prefix, may be empty
  std::string value;
};

/// The writes of one commit, applied in order, all or none.
class batch {
 public:
  batch& put(column c, std::string key, std::string value);
  /// Erasing a key that is not there is not an error.
  batch& erase(column c, std::string key);
  /// Puts under `prefix` + the commit's revision as 20 decimal digits (+ "-" + n as 6 digits from the second append of
  /// one request on, n = 1, 2, ... over all its columns and prefixes), so that appended keys sort in commit order. The
  /// event log is made of these.
  batch& append(column c, std::string value, std::string prefix = {});

  [[nodiscard]] const std::vector<mutation>& mutations() const noexcept { return mutations_; }
  [[nodiscard]] bool empty() const noexcept { return mutations_.empty(); }
  /// Bytes of keys and values.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  std::vector<mutation> mutations_;
  std::size_t bytes_ = 0;
};

/// Holds when the key's mod_revision is exactly `at`; 0: the key must not exist.
struct precondition {
  column in = column::meta;
  std::string key;
  revision at = 0;
};

struct commit_request {
  batch writes;
  std::vector<precondition> preconditions;
};

struct entry {
  std::string key;
  std::string value;
  revision mod_revision = 0;  ///< of the commit that last wrote it
  friend bool operator==(const entry&, const entry&) = default;
};

/// One committed write, as watchers see it. `value` is empty for an erase; an erase of a key that was not there is
/// seen too.
struct change {
  revision at = 0;
  column in = column::meta;
  std::string key;
  std::string value;
  bool erased = false;
  friend bool operator==(const change&, const change&) = default;
};

/// Ends the watch when destroyed; after that the callback is not running and will not run again. Any thread may destroy
/// it, but not the callback itself. It may outlive the store.
class watch_handle {
 public:
  virtual ~watch_handle() = default;
};

/// The key under which the n-th append (from 0) of a commit was put.
std::string appended_key(std::string_view prefix, revision at, std::size_t n);

class store {
 public:
  virtual ~store() = default;

  /// Commits each request in order with ONE durable write for all (group commit). A request whose preconditions fail
  /// (evaluated after the requests before it) gets errc::conflict and changes nothing, nor uses up a revision; the
  /// others are unaffected. A write with an empty key (scan could never return it) makes its request bad_request.
  /// The outer error (store_io) means that nothing of the group is known to be durable: the store then refuses every
  /// further commit until it is opened again.
  virtual result<std::vector<result<revision>>> commit(std::span<const commit_request> group) = 0;

  /// The entry, or nullopt when there is none. As scan(): store_damaged when what is stored does not check out.
  virtual result<std::optional<entry>> get(column c, std::string_view key) const = 0;

  /// Entries whose key begins with `prefix` and sorts after `after`, in key order, at most `limit`.
  virtual result<std::vector<entry>> scan(column c, std::string_view prefix, std::string_view after = {},
                                          std::size_t limit = SIZE_MAX) const = 0;

  /// Calls `sink` with every change from revision `from` on, in order, first the past ones, then each commit's as it
  /// happens (on the committing thread; it must not block and must not call the store). errc::compacted when `from`
  /// is older than the history kept (schema.hpp: watch_history). 0 means 1; a revision to come is allowed.
  virtual result<std::unique_ptr<watch_handle>> watch(revision from, std::function<void(const change&)> sink) = 0;

  /// Writes a consistent copy into the folder `path`, which must not exist (bad_request) and appears only when it is
  /// complete; it can be opened as a store. The memory store answers not_implemented.
  virtual result<void> checkpoint(const std::string& path) = 0;

  /// The revision of the last commit.
  virtual revision head() const = 0;
};

}  // namespace lode::storage
