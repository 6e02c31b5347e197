#include "storage/rocksdb_files.hpp"

#include <fmt/format.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <utility>
#include <vector>

namespace lode::storage {
namespace {

using rocksdb::Status;

constexpr std::size_t mebibyte = 1U << 20U;

class silent_logger final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
};

rocksdb::DBOptions database_options() {
  rocksdb::DBOptions o;
  o.paranoid_checks = true;
  // A record that a crash cut off ends the log; one damaged in the middle is refused by inspect_database().
  o.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  o.track_and_verify_wals_in_manifest = true;
  o.max_total_wal_size = 64 * mebibyte;
  o.db_write_buffer_size = 32 * mebibyte;
  o.max_manifest_file_size = 4 * mebibyte;
  o.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  o.max_log_file_size = mebibyte;
  o.keep_log_file_num = 3;
  o.max_background_jobs = 2;
  o.stats_dump_period_sec = 0;  // an idle store does nothing
  o.stats_persist_period_sec = 0;
  return o;
}

rocksdb::ColumnFamilyOptions family_options() {
  rocksdb::ColumnFamilyOptions o;
  o.write_buffer_size = 16 * mebibyte;
  return o;
}

std::vector<rocksdb::ColumnFamilyDescriptor> all_families() {
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  families.reserve(column_families.size() + 1);
  for (const column_family& row : column_families) families.emplace_back(std::string{row.name}, family_options());
  families.emplace_back(rocksdb::kDefaultColumnFamilyName, family_options());
  return families;
}

/// Whatever is wrong with what lies on the disk is damage; only the operating system's refusals are not. RocksDB passes
/// those on as text alone.
error inspection_error(const Status& status, const std::string& database) {
  const std::string text = status.ToString();
  const bool refused =
      status.IsIOError() && std::ranges::any_of(std::array{EACCES, EPERM, EMFILE, ENFILE, EIO}, [&](int code) {
        return text.find(std::system_category().message(code)) != std::string::npos;
      });
  return {refused ? errc::store_io : errc::store_damaged,
          fmt::format("the database {} does not check out: {}", database, text)};
}

/// A database opened for reading only.
class reader {
 public:
  reader() = default;
  reader(const reader&) = delete;
  reader& operator=(const reader&) = delete;
  ~reader() {
    for (auto* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
  }

  Status open(const std::string& database, const std::vector<std::string>& names, rocksdb::WALRecoveryMode mode) {
    rocksdb::DBOptions o = database_options();
    o.info_log = std::make_shared<silent_logger>();
    o.wal_recovery_mode = mode;
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    families.reserve(names.size());
    for (const auto& name : names) families.emplace_back(name, family_options());
    rocksdb::DB* opened = nullptr;
    Status status = rocksdb::DB::OpenForReadOnly(o, database, families, &handles_, &opened);
    db_.reset(opened);
    return status;
  }

  result<std::uint64_t> number(std::string_view key, const std::string& database) const {
    std::string text;
    if (const Status s = db_->Get({}, rocksdb::Slice{key}, &text); !s.ok()) {
      if (s.IsNotFound()) return error{errc::store_damaged, fmt::format("{} has no {} record", database, key)};
      return inspection_error(s, database);
    }
    return decode_number(text);
  }

  /// By the place in the names that it was opened with.
  result<std::size_t> count(std::size_t family, std::string_view prefix, const std::string& database) const {
    const std::unique_ptr<rocksdb::Iterator> at{db_->NewIterator({}, handles_.at(family))};
    std::size_t n = 0;
    for (at->Seek(rocksdb::Slice{prefix}); at->Valid() && at->key().starts_with(rocksdb::Slice{prefix}); at->Next())
      ++n;
    if (!at->status().ok()) return inspection_error(at->status(), database);
    return n;
  }

  Status verify(std::uint64_t most_bytes) const {
    std::uint64_t total = 0;
    for (auto* handle : handles_) {
      std::uint64_t bytes = 0;
      if (db_->GetIntProperty(handle, rocksdb::DB::Properties::kTotalSstFilesSize, &bytes)) total += bytes;
    }
    return total <= most_bytes ? db_->VerifyChecksum() : Status::OK();
  }

 private:
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

/// Tells a log that merely ends in a cut-off record (fine) from one that is damaged before its end: since every write
/// is synced before the next begins, only the last one can be unfinished.
result<std::unique_ptr<reader>> open_reader(const std::string& database, const std::vector<std::string>& names) {
  using mode = rocksdb::WALRecoveryMode;
  auto strict = std::make_unique<reader>();
  const Status clean = strict->open(database, names, mode::kTolerateCorruptedTailRecords);
  if (clean.ok()) return strict;
  if (!clean.IsCorruption()) return inspection_error(clean, database);

  auto up_to = std::make_unique<reader>();
  reader beyond;
  if (const Status s = up_to->open(database, names, mode::kPointInTimeRecovery); !s.ok())
    return inspection_error(s, database);
  if (const Status s = beyond.open(database, names, mode::kSkipAnyCorruptedRecords); !s.ok())
    return inspection_error(s, database);
  const auto last = up_to->number(store_keys::head, database);
  const auto after = beyond.number(store_keys::head, database);
  if (!last || !after || *last != *after)
    return error{errc::store_damaged,
                 fmt::format("the log of {} is damaged before its end: {}", database, clean.ToString())};
  return up_to;
}

result<void> check_families(const std::vector<std::string>& names, unsigned schema, const std::string& database) {
  for (const column_family& row : column_families)
    if (row.since <= schema && std::ranges::find(names, row.name) == names.end())
      return error{errc::store_damaged, fmt::format("{} has no column family {}", database, row.name)};
  for (const std::string& name : names)
    if (name != rocksdb::kDefaultColumnFamilyName && find_column(name) == nullptr)
      return error{errc::store_damaged, fmt::format("{} has a foreign column family {}", database, name)};
  return {};
}

}  // namespace

error to_error(const Status& status, std::string_view what) {
  return {status.IsCorruption() ? errc::store_damaged : errc::store_io, fmt::format("{}: {}", what, status.ToString())};
}

result<database_facts> inspect_database(const std::string& database, const rocksdb_options& options) {
  rocksdb::DBOptions listing = database_options();
  listing.info_log = std::make_shared<silent_logger>();
  std::vector<std::string> names;
  if (const Status s = rocksdb::DB::ListColumnFamilies(listing, database, &names); !s.ok())
    return inspection_error(s, database);

  const auto opened = open_reader(database, names);
  if (!opened) return opened.error();
  const reader& r = **opened;
  const auto schema = r.number(store_keys::schema, database);
  if (!schema) return schema.error();
  if (*schema > options.schema)
    return error{errc::store_newer,
                 fmt::format("{} has schema version {}, this program knows {}", database, *schema, options.schema)};
  const auto head = r.number(store_keys::head, database);
  if (!head) return head.error();
  if (const auto known = check_families(names, static_cast<unsigned>(*schema), database); !known) return known.error();
  if (const Status s = r.verify(options.verify_bytes); !s.ok()) return inspection_error(s, database);
  return database_facts{static_cast<unsigned>(*schema), *head};
}

result<std::size_t> count_in_database(const std::string& database, column c, std::string_view prefix) {
  rocksdb::DBOptions listing = database_options();
  listing.info_log = std::make_shared<silent_logger>();
  std::vector<std::string> names;
  if (const Status s = rocksdb::DB::ListColumnFamilies(listing, database, &names); !s.ok())
    return inspection_error(s, database);
  const auto at = std::ranges::find(names, column_families[static_cast<std::size_t>(c)].name);
  if (at == names.end()) return std::size_t{0};  // of an older version
  reader r;
  if (const Status s = r.open(database, names, rocksdb::WALRecoveryMode::kPointInTimeRecovery); !s.ok())
    return inspection_error(s, database);
  return r.count(static_cast<std::size_t>(at - names.begin()), prefix, database);
}

result<void> create_database(const std::string& path, const rocksdb_options& options) {
  const std::string unfinished = path + "/db.creating";
  std::error_code failure;
  std::filesystem::remove_all(unfinished, failure);
  if (failure) return error{errc::store_io, fmt::format("cannot remove {}: {}", unfinished, failure.message())};
  if (::mkdir(unfinished.c_str(), S_IRWXU) != 0) return system_error("cannot make", unfinished);

  {
    rocksdb::DBOptions o = database_options();
    o.create_if_missing = true;
    o.create_missing_column_families = true;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* opened = nullptr;
    const Status status = rocksdb::DB::Open(o, unfinished, all_families(), &handles, &opened);
    const std::unique_ptr<rocksdb::DB> db{opened};
    if (!status.ok()) return error{errc::store_io, fmt::format("cannot make {}: {}", unfinished, status.ToString())};
    for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle);

    rocksdb::WriteBatch first;
    first.Put(rocksdb::Slice{store_keys::schema}, std::to_string(options.schema));
    first.Put(rocksdb::Slice{store_keys::head}, "0");
    rocksdb::WriteOptions durable;
    durable.sync = true;
    if (const Status s = db->Write(durable, &first); !s.ok()) return to_error(s, "cannot write the first records");
    if (const Status s = db->Close(); !s.ok()) return to_error(s, "cannot close the new database");
  }
  if (auto synced = sync_folder(unfinished); !synced) return synced;
  if (std::rename(unfinished.c_str(), (path + "/db").c_str()) != 0) return system_error("cannot rename", unfinished);
  return sync_folder(path);
}

result<open_database> open_database::open(const std::string& database) {
  if (::chmod(database.c_str(), S_IRWXU) != 0) return system_error("cannot close to others", database);
  rocksdb::DBOptions o = database_options();
  o.create_missing_column_families = true;  // those that a migration brings
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  const Status status = rocksdb::DB::Open(o, database, all_families(), &handles, &opened);
  open_database db;
  db.db_.reset(opened);
  if (!status.ok()) return to_error(status, fmt::format("cannot open {}", database));
  std::copy_n(handles.begin(), db.handles_.size(), db.handles_.begin());
  opened->DestroyColumnFamilyHandle(handles.back());  // the default one; RocksDB keeps its own handle
  return db;
}

open_database::~open_database() {
  if (!db_) return;
  for (auto* handle : handles_)
    if (handle != nullptr) db_->DestroyColumnFamilyHandle(handle);
}

}  // namespace lode::storage
