#include "storage/rocksdb_store.hpp"

#include "storage/commit_plan.hpp"
#include "storage/rocksdb_files.hpp"
#include "storage/watch_hub.hpp"

#include <fmt/format.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <optional>
#include <stdlib.h>
#include <sys/stat.h>
#include <system_error>
#include <unordered_map>
#include <utility>

namespace lode::storage {
namespace {

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }

/// The revisions of keys that preconditions asked for lately, so that most of them need not be read back. Exact for
/// what it holds, since there is one writer; bounded.
class recent_revisions {
 public:
  [[nodiscard]] std::optional<revision> find(column c, std::string_view key) const {
    const auto& of_column = columns_[static_cast<std::size_t>(c)];
    const auto found = of_column.find(key);
    return found == of_column.end() ? std::nullopt : std::optional{found->second};
  }
  void learn(column c, std::string_view key, revision at) {
    auto& of_column = columns_[static_cast<std::size_t>(c)];
    if (of_column.size() >= limit) of_column.clear();
    of_column.emplace(key, at);
  }
  /// What a commit wrote; of no interest for a key that nobody asked for.
  void written(const change& c) {
    auto& of_column = columns_[static_cast<std::size_t>(c.in)];
    if (of_column.empty()) return;
    if (const auto found = of_column.find(c.key); found != of_column.end()) found->second = c.erased ? 0 : c.at;
  }

 private:
  static constexpr std::size_t limit = 4096;
  struct hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const noexcept { return std::hash<std::string_view>{}(key); }
  };
  std::array<std::unordered_map<std::string, revision, hash, std::equal_to<>>, column_families.size()> columns_;
};

/// The first key after all that begin with `prefix`; empty when there is none.
std::string after_prefix(std::string_view prefix) {
  std::string end{prefix};
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

class rocksdb_store final : public store {
 public:
  rocksdb_store(locked_folder folder, open_database db, revision head, const rocksdb_options& options)
      : folder_(std::move(folder)),
        db_(std::move(db)),
        head_(head),
        hub_(head, options.history, options.history_bytes) {}

  result<std::vector<result<revision>>> commit(std::span<const commit_request> group) override {
    return commit_with(group, {});
  }

  /// Brings the store from `schema` to `options.schema`.
  result<void> migrate(unsigned schema, const rocksdb_options& options) {
    for (; schema < options.schema; ++schema) {
      const auto step = std::ranges::find(options.steps, schema, &migration::from);
      if (step == options.steps.end())
        return error{errc::internal, fmt::format("there is no migration from schema version {}", schema)};
      auto writes = step->step(*this);
      if (!writes) return writes.error();
      const commit_request request{*std::move(writes), {}};
      const auto done = commit_with({&request, 1}, std::to_string(schema + 1));
      if (!done) return done.error();
      if (!done->front()) return done->front().error();
    }
    return {};
  }

  result<std::optional<entry>> get(column c, std::string_view key) const override {
    rocksdb::PinnableSlice stored;
    const rocksdb::Status status = db_->Get({}, db_[c], slice(key), &stored);
    if (status.IsNotFound()) return std::optional<entry>{};
    if (!status.ok()) return to_error(status, "cannot read");
    const auto value = decode_value({stored.data(), stored.size()});
    if (!value) return value.error();
    return std::optional<entry>{entry{std::string{key}, std::string{value->value}, value->mod_revision}};
  }

  result<std::vector<entry>> scan(column c, std::string_view prefix, std::string_view after,
                                  std::size_t limit) const override {
    const std::string end = after_prefix(prefix);
    const rocksdb::Slice bound = slice(end);
    rocksdb::ReadOptions options;
    if (!end.empty()) options.iterate_upper_bound = &bound;
    const std::unique_ptr<rocksdb::Iterator> at{db_->NewIterator(options, db_[c])};
    std::vector<entry> found;
    at->Seek(slice(std::max(prefix, after)));
    if (at->Valid() && !after.empty() && at->key() == slice(after)) at->Next();
    for (; at->Valid() && found.size() < limit; at->Next()) {
      const auto value = decode_value(at->value().ToStringView());
      if (!value) return value.error();
      found.push_back({at->key().ToString(), std::string{value->value}, value->mod_revision});
    }
    if (!at->status().ok()) return to_error(at->status(), "cannot read");
    return found;
  }

  result<std::unique_ptr<watch_handle>> watch(revision from, std::function<void(const change&)> sink) override {
    return hub_.watch(from, std::move(sink));
  }

  result<void> checkpoint(const std::string& path) override;

  revision head() const override { return head_; }

 private:
  result<std::vector<result<revision>>> commit_with(std::span<const commit_request> group, const std::string& schema) {
    if (!failed_.empty())
      return error{errc::store_io,
                   fmt::format("an earlier write failed, the store must be opened again ({})", failed_)};
    auto plan = plan_commit(group, head_, [this](column c, std::string_view key) { return mod_revision(c, key); });
    if (!plan) return fail(plan.error());
    if (plan->head == head_) return std::move(plan->results);

    rocksdb::WriteBatch writes;
    for (const change& c : plan->changes) {
      // Only a batch beyond RocksDB's 4 GiB makes these fail, and then Write() fails too.
      if (c.erased)
        writes.Delete(db_[c.in], slice(c.key));
      else
        writes.Put(db_[c.in], slice(c.key), encode_value(c.at, c.value));
    }
    writes.Put(slice(store_keys::head), std::to_string(plan->head));
    if (!schema.empty()) writes.Put(slice(store_keys::schema), schema);
    rocksdb::WriteOptions durable;
    durable.sync = true;
    if (const rocksdb::Status s = db_->Write(durable, &writes); !s.ok())
      return fail({errc::store_io, fmt::format("cannot commit: {}", s.ToString())});
    head_ = plan->head;
    for (const change& c : plan->changes) recent_.written(c);
    hub_.publish(std::move(plan->changes));
    return std::move(plan->results);
  }

  result<revision> mod_revision(column c, std::string_view key) {
    if (const auto known = recent_.find(c, key)) return *known;
    auto stored = stored_revision(c, key);
    if (stored) recent_.learn(c, key, *stored);
    return stored;
  }

  result<revision> stored_revision(column c, std::string_view key) const {
    rocksdb::PinnableSlice stored;
    const rocksdb::Status status = db_->Get({}, db_[c], slice(key), &stored);
    if (status.IsNotFound()) return revision{0};
    if (!status.ok()) return to_error(status, "cannot read");
    const auto value = decode_value({stored.data(), stored.size()});
    if (!value) return value.error();
    return value->mod_revision;
  }

  error fail(const error& why) {
    failed_ = why.to_string();
    return {errc::store_io, why.detail};
  }

  locked_folder folder_;  // let go of after the database is closed
  open_database db_;
  std::atomic<revision> head_;
  std::string failed_;       // the writer's: why no more commits are taken
  recent_revisions recent_;  // the writer's
  watch_hub hub_;
};

result<void> rocksdb_store::checkpoint(const std::string& path) {
  if (std::filesystem::symlink_status(path).type() != std::filesystem::file_type::not_found)
    return error{errc::bad_request, fmt::format("{} is there already", path)};
  std::string partial = path + ".partial-XXXXXX";
  if (::mkdtemp(partial.data()) == nullptr) return system_error("cannot make", partial);

  const auto copy = [&]() -> result<void> {
    rocksdb::Checkpoint* made = nullptr;
    const rocksdb::Status created = rocksdb::Checkpoint::Create(db_.get(), &made);
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint{made};
    if (!created.ok()) return to_error(created, "cannot copy");
    if (const rocksdb::Status s = checkpoint->CreateCheckpoint(partial + "/db"); !s.ok())
      return to_error(s, "cannot copy");
    if (auto synced = sync_folder(partial); !synced) return synced;
    if (::renameat2(AT_FDCWD, partial.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) != 0)
      return system_error("cannot give the copy its name", path);
    return sync_folder(parent_folder(path));
  };
  auto copied = copy();
  std::error_code ignored;
  if (!copied) std::filesystem::remove_all(partial, ignored);
  return copied;
}

}  // namespace

result<std::size_t> count_in_rocksdb_store(const std::string& path, column c, std::string_view prefix) {
  const auto database = path + "/db";
  struct stat status {};
  if (::stat(database.c_str(), &status) == 0) return count_in_database(database, c, prefix);
  if (errno == ENOENT) return error{errc::not_found, fmt::format("there is no store in {}", path)};
  return system_error("cannot open", database);
}

result<std::unique_ptr<store>> open_rocksdb_store(const std::string& path, const rocksdb_options& options) {
  auto folder = lock_folder(path, options.create);
  if (!folder) return folder.error();
  if (!folder->has_database) {
    if (!options.create) return error{errc::not_found, fmt::format("there is no store in {}", path)};
    if (const auto made = create_database(path, options); !made) return made.error();
  }
  const auto facts = inspect_database(folder->database, options);
  if (!facts) return facts.error();
  auto db = open_database::open(folder->database);
  if (!db) return db.error();
  auto opened = std::make_unique<rocksdb_store>(*std::move(folder), *std::move(db), facts->head, options);
  if (const auto migrated = opened->migrate(facts->schema, options); !migrated) return migrated.error();
  return std::unique_ptr<store>{std::move(opened)};
}

}  // namespace lode::storage
