#pragma once
// What rocksdb_store needs around an opened database: the folder and its lock, looking without touching, making a new
// database, opening one. All of it blocks for the disk.

#include "storage/posix_file.hpp"
#include "storage/rocksdb_store.hpp"

#include <rocksdb/db.h>

#include <array>
#include <memory>
#include <string>

namespace lode::storage {

/// A RocksDB status as an error; `what` says what was being done.
error to_error(const rocksdb::Status& status, std::string_view what);

/// The store's folder, locked for this opening until destroyed.
struct locked_folder {
  unique_fd lock;
  bool has_database = false;  ///< else the folder is empty or holds an unfinished creation only
  std::string database;       ///< path of `db/`
};

/// Locks the folder `path`; with `create` it is made when missing. Errors as open_rocksdb_store().
result<locked_folder> lock_folder(const std::string& path, bool create);

/// Makes the folder's database, empty at revision 0, complete before it has its name; a left-over unfinished one is
/// removed first.
result<void> create_database(const std::string& path, const rocksdb_options& options);

/// What a database says of itself.
struct database_facts {
  unsigned schema = 0;
  revision head = 0;
};

/// Reads and verifies the database without changing any file. Errors as open_rocksdb_store().
result<database_facts> inspect_database(const std::string& database, const rocksdb_options& options);

/// See count_in_rocksdb_store().
result<std::size_t> count_in_database(const std::string& database, column c, std::string_view prefix);

/// An open database and its column families.
class open_database {
 public:
  /// For writing. Inspect first: opening writes files.
  static result<open_database> open(const std::string& database);
  ~open_database();
  open_database(open_database&& other) noexcept = default;
  open_database& operator=(open_database&&) = delete;

  [[nodiscard]] rocksdb::DB* operator->() const noexcept { return db_.get(); }
  [[nodiscard]] rocksdb::DB* get() const noexcept { return db_.get(); }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* operator[](column c) const noexcept {
    return handles_[static_cast<std::size_t>(c)];
  }

 private:
  open_database() = default;
  std::unique_ptr<rocksdb::DB> db_;
  std::array<rocksdb::ColumnFamilyHandle*, column_families.size()> handles_{};  // the database's until destroyed
};

}  // namespace lode::storage
