#pragma once
// The embedded durable store. One commit() is one RocksDB write with one fsync of its log.
//
// In the folder: `db/` is the RocksDB database (mode 0700). `db.creating/` is one that was being made when the process
// died; it is never used and is removed at the next opening. The folder itself is flock'ed while open.

#include "storage/schema.hpp"
#include "storage/store.hpp"

#include <memory>
#include <span>
#include <string>

namespace lode::storage {

struct rocksdb_options {
  bool create = true;                               ///< make a new store where there is none; else not_found
  std::size_t history = watch_history;              ///< changes kept for watch()
  std::size_t history_bytes = watch_history_bytes;  ///< bytes of keys and values of them
  /// The checksum of every block is verified at opening while the tables together are at most this many bytes; beyond,
  /// damage inside a table is found when it is read.
  std::uint64_t verify_bytes = 512ULL * 1024 * 1024;

  // For tests of migration only.
  unsigned schema = schema_version;
  std::span<const migration> steps = migrations();
};

/// Opens the store in the folder `path`, making it (and missing parent folders) where there is none. Blocks for the
/// disk. Whatever is refused is left byte for byte as it was:
///   store_locked   another opening holds it, in this process or another; names the path and, where known, the process
///   store_newer    its schema is newer than this build's; names both
///   store_damaged  it is not a Lode store, or a part is missing or does not check out; names what
///   store_io       the operating system refused (permissions, disk full, ...)
///   not_found      there is none and `options.create` is false
/// A write that was cut off by a crash or power failure at the end of the log was never acknowledged: it is dropped
/// without error.
result<std::unique_ptr<store>> open_rocksdb_store(const std::string& path, const rocksdb_options& options = {});

/// How many keys of the column begin with `prefix`. Takes no lock and changes no file, so it may be asked beside the
/// process that has the store open; what that is writing at the moment may be missed, or make it store_damaged.
/// not_found when there is no store, store_io when it cannot be read.
result<std::size_t> count_in_rocksdb_store(const std::string& path, column c, std::string_view prefix);

}  // namespace lode::storage
