// Opening: what is refused, with which words, and that a refusal changes nothing.

#include "support.hpp"

#include <gmock/gmock.h>
#include <rocksdb/db.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <sys/stat.h>
#include <unistd.h>

namespace lode::storage::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

void expect_refused_untouched(const std::string& path, errc code, const testing::Matcher<std::string>& words,
                              const rocksdb_options& options = {}) {
  const auto before = snapshot(path);
  const auto opened = open_rocksdb_store(path, options);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, code) << opened.error().to_string();
  EXPECT_THAT(opened.error().detail, words);
  EXPECT_TRUE(snapshot(path) == before) << "the refused store was changed";
}

/// A closed store with tables and a log: 300 commits, reopened in the middle (which writes tables from the log).
void make_store(const std::string& path) {
  for (int part = 0; part < 3; ++part) {
    const auto s = must_open(path);
    for (int i = 0; i < 100; ++i)
      must_put(*s, column::allocations, "key" + std::to_string(part * 100 + i), std::string(600, 'a'));
  }
}

/// In order of name: the log that is in use comes last, after any that RocksDB has not yet removed.
std::vector<fs::path> files(const std::string& path, const std::string& part) {
  std::vector<fs::path> found;
  for (const auto& each : fs::directory_iterator{path + "/db"})
    if (each.path().filename().string().find(part) != std::string::npos && each.file_size() > 0)
      found.push_back(each.path());
  std::ranges::sort(found);
  return found;
}

void flip_byte(const fs::path& file, std::uintmax_t at) {
  std::fstream f{file, std::ios::in | std::ios::out | std::ios::binary};
  f.seekg(static_cast<std::streamoff>(at));
  const char was = static_cast<char>(f.get());
  f.seekp(static_cast<std::streamoff>(at));
  f.put(static_cast<char>(was ^ 0x40));
  ASSERT_TRUE(f.good());
}

/// The store's database opened by RocksDB alone, as a tool or a later Lode would.
class raw_database {
 public:
  explicit raw_database(const std::string& path) {
    std::vector<rocksdb::ColumnFamilyDescriptor> families{{rocksdb::kDefaultColumnFamilyName, {}}};
    for (const auto& row : column_families)
      families.emplace_back(std::string{row.name}, rocksdb::ColumnFamilyOptions{});
    rocksdb::DB* raw = nullptr;
    check(rocksdb::DB::Open({}, path + "/db", families, &handles_, &raw));
    db_.reset(raw);
  }
  ~raw_database() {
    for (auto* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
  }
  raw_database(const raw_database&) = delete;
  raw_database& operator=(const raw_database&) = delete;

  void add(const std::string& family) {
    handles_.push_back(nullptr);
    check(db_->CreateColumnFamily({}, family, &handles_.back()));
  }
  void drop(const std::string& family) {
    for (auto* handle : handles_)
      if (handle->GetName() == family) check(db_->DropColumnFamily(handle));
  }
  void put(const std::string& key, const std::string& value) { check(db_->Put({}, key, value)); }

 private:
  static void check(const rocksdb::Status& s) {
    if (!s.ok()) throw std::runtime_error(s.ToString());
  }
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

class rocksdb_open_test : public testing::Test {
 protected:
  temporary_folder folder_;
  std::string path_ = folder_ / "var/store";
};

TEST_F(rocksdb_open_test, makes_a_private_store_and_finds_it_again) {
  {
    const auto s = must_open(path_);
    EXPECT_EQ(s->head(), 0U);
    EXPECT_EQ(must_put(*s, column::meta, "k", "v"), 1U);
  }
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0700U);
  ASSERT_EQ(::stat((path_ + "/db").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0700U);
  const auto s = must_open(path_);
  EXPECT_EQ(s->head(), 1U);
  EXPECT_EQ(value_of(*s, column::meta, "k"), "v");
}

TEST_F(rocksdb_open_test, an_empty_folder_that_is_there_is_used) {
  fs::create_directories(path_);
  EXPECT_EQ(must_open(path_)->head(), 0U);
}

TEST_F(rocksdb_open_test, without_create_a_missing_store_is_not_made) {
  rocksdb_options options;
  options.create = false;
  const auto opened = open_rocksdb_store(path_, options);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::not_found);
  EXPECT_FALSE(fs::exists(path_));
  fs::create_directories(path_);
  expect_refused_untouched(path_, errc::not_found, HasSubstr(path_), options);
}

TEST_F(rocksdb_open_test, held_by_another_process) {
  child_process holder{"hold", {path_}};
  ASSERT_EQ(holder.read_line(), "held");
  expect_refused_untouched(path_, errc::store_locked,
                           AllOf(HasSubstr(path_), HasSubstr("process " + std::to_string(holder.pid()))));
  holder.kill_and_wait();
  EXPECT_EQ(must_open(path_)->head(), 0U);
}

TEST_F(rocksdb_open_test, held_by_a_tool_that_knows_only_rocksdb) {
  make_store(path_);
  child_process holder{"hold_raw", {path_}};
  ASSERT_EQ(holder.read_line(), "held");
  expect_refused_untouched(path_, errc::store_locked,
                           AllOf(HasSubstr(path_), HasSubstr("process " + std::to_string(holder.pid()))));
}

TEST_F(rocksdb_open_test, held_by_this_process) {
  const auto first = must_open(path_);
  expect_refused_untouched(path_, errc::store_locked, HasSubstr(path_));
  EXPECT_EQ(must_put(*first, column::meta, "still", "works"), 1U);
}

TEST_F(rocksdb_open_test, rows_are_counted_beside_whoever_holds_it_and_nothing_is_changed) {
  const auto count = [&](std::string_view prefix) { return count_in_rocksdb_store(path_, column::keys, prefix); };
  EXPECT_EQ(count("api/").error().code, errc::not_found);
  EXPECT_FALSE(fs::exists(path_)) << "asking makes no store";
  {
    const auto s = must_open(path_);
    EXPECT_EQ(*count("api/"), 0U);
    must_put(*s, column::keys, "api/a", "1");
    must_put(*s, column::keys, "api/b", "1");
    must_put(*s, column::keys, "apj", "1");
    must_put(*s, column::meta, "api/c", "1");
    EXPECT_EQ(*count("api/"), 2U);
    EXPECT_EQ(*count("api/a"), 1U);
    EXPECT_EQ(*count(""), 3U);
    must_put(*s, column::keys, "api/d", "1");
    EXPECT_EQ(s->head(), 5U) << "it goes on being the writer's";
  }
  const auto before = snapshot(path_);
  EXPECT_EQ(*count("api/"), 3U);
  EXPECT_TRUE(snapshot(path_) == before);
  fs::resize_file(fs::path{path_} / "db" / "CURRENT", 0);
  EXPECT_EQ(count("api/").error().code, errc::store_damaged);
}

TEST_F(rocksdb_open_test, newer_schema) {
  {
    rocksdb_options future;
    future.schema = schema_version + 1;
    must_put(*must_open(path_, future), column::meta, "k", "v");
  }
  expect_refused_untouched(
      path_, errc::store_newer,
      AllOf(HasSubstr(std::to_string(schema_version + 1)), HasSubstr("knows " + std::to_string(schema_version))));
}

TEST_F(rocksdb_open_test, newer_schema_with_a_column_family_of_the_future) {
  make_store(path_);
  {
    raw_database raw{path_};
    raw.add("leases");
    raw.put("schema", "7");
  }
  expect_refused_untouched(path_, errc::store_newer, HasSubstr("schema version 7"));
}

TEST_F(rocksdb_open_test, foreign_column_family) {
  make_store(path_);
  raw_database{path_}.add("strange");
  expect_refused_untouched(path_, errc::store_damaged, HasSubstr("strange"));
}

TEST_F(rocksdb_open_test, missing_column_family) {
  make_store(path_);
  raw_database{path_}.drop("outbox");
  expect_refused_untouched(path_, errc::store_damaged, HasSubstr("no column family outbox"));
}

TEST_F(rocksdb_open_test, a_database_that_is_not_ours) {
  fs::create_directories(path_);
  {
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* raw = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(options, path_ + "/db", &raw).ok());
    const std::unique_ptr<rocksdb::DB> db{raw};
    ASSERT_TRUE(db->Put({}, "a", "b").ok());
  }
  expect_refused_untouched(path_, errc::store_damaged, HasSubstr("no schema record"));
}

TEST_F(rocksdb_open_test, a_folder_with_foreign_files) {
  fs::create_directories(path_);
  std::ofstream{path_ + "/thesis.txt"} << "years of work";
  expect_refused_untouched(path_, errc::store_damaged, HasSubstr("thesis.txt"));
  fs::create_directories(path_ + "/db.creating");  // even beside what looks like ours
  expect_refused_untouched(path_, errc::store_damaged, HasSubstr("thesis.txt"));
}

TEST_F(rocksdb_open_test, a_file_in_its_place) {
  fs::create_directories(fs::path{path_}.parent_path());
  std::ofstream{path_} << "not a folder";
  expect_refused_untouched(path_, errc::store_damaged, HasSubstr("not a folder"));
}

TEST_F(rocksdb_open_test, an_empty_database_folder) {
  make_store(path_);
  for (const auto& each : fs::directory_iterator{path_ + "/db"}) fs::remove(each.path());
  expect_refused_untouched(path_, errc::store_damaged, HasSubstr(path_));
}

TEST_F(rocksdb_open_test, damaged_current) {
  make_store(path_);
  std::ofstream{path_ + "/db/CURRENT", std::ios::trunc} << "MANIFEST-999999\n";
  expect_refused_untouched(path_, errc::store_damaged, HasSubstr(path_));
  std::ofstream{path_ + "/db/CURRENT", std::ios::trunc} << "garbage";
  expect_refused_untouched(path_, errc::store_damaged, HasSubstr(path_));
  fs::remove(path_ + "/db/CURRENT");
  expect_refused_untouched(path_, errc::store_damaged, HasSubstr(path_));
}

TEST_F(rocksdb_open_test, damaged_manifest) {
  make_store(path_);
  const auto manifest = files(path_, "MANIFEST").back();
  const auto size = fs::file_size(manifest);
  fs::copy(manifest, folder_ / "good");
  for (const auto kept : {size / 2, std::uintmax_t{10}, std::uintmax_t{0}}) {
    fs::resize_file(manifest, kept);
    expect_refused_untouched(path_, errc::store_damaged, HasSubstr(path_));
  }
  fs::copy(folder_ / "good", manifest, fs::copy_options::overwrite_existing);
  flip_byte(manifest, size / 2);
  expect_refused_untouched(path_, errc::store_damaged, HasSubstr(path_));
  fs::remove(manifest);
  expect_refused_untouched(path_, errc::store_damaged, HasSubstr(path_));
}

TEST_F(rocksdb_open_test, damaged_table_wherever_the_damage_is) {
  make_store(path_);
  const auto tables = files(path_, ".sst");
  ASSERT_FALSE(tables.empty());
  for (const auto& table : tables) {
    const auto size = fs::file_size(table);
    // Data, index or properties, footer.
    for (const auto at : {std::uintmax_t{5}, size / 2, size - 60, size - 4}) {
      flip_byte(table, at);
      expect_refused_untouched(path_, errc::store_damaged, HasSubstr(path_));
      flip_byte(table, at);
    }
  }
  fs::copy(tables.front(), folder_ / "good");
  fs::resize_file(tables.front(), fs::file_size(tables.front()) / 2);
  expect_refused_untouched(path_, errc::store_damaged, HasSubstr(path_));
  fs::remove(tables.front());
  expect_refused_untouched(path_, errc::store_damaged, HasSubstr(path_));
  fs::copy(folder_ / "good", tables.front());
  EXPECT_EQ(must_open(path_)->head(), 300U);
}

TEST_F(rocksdb_open_test, a_log_that_is_cut_off_ends_there) {
  make_store(path_);
  const auto log = files(path_, ".log").back();
  fs::resize_file(log, fs::file_size(log) - 7);
  const auto s = must_open(path_);
  EXPECT_EQ(s->head(), 299U);
  EXPECT_EQ(value_of(*s, column::allocations, "key298"), std::string(600, 'a'));
  EXPECT_EQ(value_of(*s, column::allocations, "key299"), "(none)");
}

TEST_F(rocksdb_open_test, a_log_whose_last_record_is_torn_ends_there) {
  make_store(path_);
  const auto log = files(path_, ".log").back();
  flip_byte(log, fs::file_size(log) - 7);
  EXPECT_EQ(must_open(path_)->head(), 299U);
}

TEST_F(rocksdb_open_test, a_log_that_is_damaged_in_the_middle_is_refused) {
  make_store(path_);
  const auto log = files(path_, ".log").back();
  ASSERT_GT(fs::file_size(log), 40'000U);
  flip_byte(log, 5000);
  expect_refused_untouched(path_, errc::store_damaged, HasSubstr("before its end"));
}

TEST_F(rocksdb_open_test, an_unfinished_creation_is_begun_anew) {
  fs::create_directories(path_ + "/db.creating");
  std::ofstream{path_ + "/db.creating/CURRENT"} << "MANIF";
  EXPECT_EQ(must_open(path_)->head(), 0U);
  EXPECT_FALSE(fs::exists(path_ + "/db.creating"));
}

TEST_F(rocksdb_open_test, rocksdb_s_own_logs_do_not_pile_up) {
  for (int i = 0; i < 12; ++i) must_put(*must_open(path_), column::meta, "k", std::to_string(i));
  EXPECT_LE(files(path_, "LOG").size(), 4U);
  EXPECT_LE(files(path_, "OPTIONS").size(), 2U);
}

TEST_F(rocksdb_open_test, migrates_forward_once) {
  must_put(*must_open(path_), column::meta, "name", "old");
  int ran = 0;
  const std::vector<migration> steps{{schema_version,
                                      [&](const store& old) -> result<batch> {
                                        ++ran;
                                        batch writes;
                                        writes.put(column::meta, "name",
                                                   value_of(old, column::meta, "name") + " and new");
                                        return writes;
                                      }},
                                     {schema_version + 1, [&](const store&) -> result<batch> {
                                        ++ran;
                                        return batch{};
                                      }}};
  rocksdb_options newer;
  newer.schema = schema_version + 2;
  newer.steps = steps;
  for (int opening = 0; opening < 2; ++opening) {
    const auto s = must_open(path_, newer);
    EXPECT_EQ(value_of(*s, column::meta, "name"), "old and new");
    EXPECT_EQ(ran, 2);
  }
  expect_refused_untouched(path_, errc::store_newer, HasSubstr("schema version " + std::to_string(schema_version + 2)));
}

TEST_F(rocksdb_open_test, a_failed_migration_leaves_the_old_version) {
  must_put(*must_open(path_), column::meta, "name", "old");
  const std::vector<migration> steps{{schema_version, [](const store&) -> result<batch> {
                                        return error{errc::internal, "no"};
                                      }}};
  rocksdb_options newer;
  newer.schema = schema_version + 1;
  newer.steps = steps;
  EXPECT_FALSE(open_rocksdb_store(path_, newer));
  EXPECT_EQ(value_of(*must_open(path_), column::meta, "name"), "old");
}

TEST_F(rocksdb_open_test, checkpoint_is_a_store) {
  const auto s = must_open(path_);
  must_put(*s, column::allocations, "a", "1");
  ASSERT_TRUE(s->checkpoint(folder_ / "copy"));
  must_put(*s, column::allocations, "a", "2");
  {
    const auto copy = must_open(folder_ / "copy");
    EXPECT_EQ(copy->head(), 1U);
    EXPECT_EQ(value_of(*copy, column::allocations, "a"), "1");
    EXPECT_EQ(must_put(*copy, column::allocations, "a", "own way"), 2U);
  }
  EXPECT_EQ(value_of(*s, column::allocations, "a"), "2");

  const auto again = s->checkpoint(folder_ / "copy");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, errc::bad_request);
  const auto nowhere = s->checkpoint(folder_ / "no/such/folder");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, errc::store_io);
  EXPECT_EQ(must_put(*s, column::meta, "still", "works"), 3U);
}

}  // namespace
}  // namespace lode::storage::test
