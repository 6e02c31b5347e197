#include "storage/schema.hpp"

#include <gtest/gtest.h>

#include <set>

namespace lode::storage {
namespace {

TEST(schema, the_table_of_column_families_has_no_duplicates_and_finds_each) {
  std::set<std::string_view> names;
  std::set<column> ids;
  for (const column_family& row : column_families) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name << " is there twice";
    EXPECT_TRUE(ids.insert(row.id).second) << row.name << " shares its enumerator";
    EXPECT_FALSE(row.name.empty());
    EXPECT_NE(row.name, "default") << "RocksDB's own, where the store keeps its records";
    EXPECT_FALSE(row.holds.empty());
    EXPECT_FALSE(row.key_form.empty());
    EXPECT_GE(row.since, 1U);
    EXPECT_LE(row.since, schema_version);
    EXPECT_EQ(&describe(row.id), &row);
    EXPECT_EQ(find_column(row.name), &row);
  }
  EXPECT_EQ(find_column("nothing"), nullptr);
  // The last enumerator has a row, and so has each before it: the ids are distinct and as many.
  EXPECT_EQ(column_families.size(), static_cast<std::size_t>(column::meta) + 1);
}

TEST(schema, the_stored_names_stay) {
  // Renaming one orphans what deployed stores hold. A new family is added with `since` = a new schema_version.
  const std::set<std::string_view> deployed{"miners", "allocations", "events", "outbox", "idempotency", "keys", "meta"};
  for (const auto name : deployed) EXPECT_NE(find_column(name), nullptr) << name;
}

TEST(schema, there_is_a_migration_for_every_older_version) {
  ASSERT_EQ(migrations().size(), schema_version - 1);
  for (std::size_t i = 0; i < migrations().size(); ++i) EXPECT_EQ(migrations()[i].from, i + 1);
}

TEST(schema, values_are_stored_as_text_with_their_revision) {
  EXPECT_EQ(encode_value(42, R"({"a":1})"), R"(42 {"a":1})");
  for (const std::string_view value : {"", " ", "1 2", "{}"}) {
    const std::string stored = encode_value(18'446'744'073'709'551'615U, value);
    const auto decoded = decode_value(stored);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->mod_revision, 18'446'744'073'709'551'615U);
    EXPECT_EQ(decoded->value, value);
  }
}

TEST(schema, what_is_not_in_the_stored_form_is_damage) {
  for (const std::string_view stored : {"", " ", "x", "7", "x y", "-1 y", "0 y", "7x y", " 7 y",
                                        "99999999999999999999 y", "000000000000000000000000001 y"}) {
    const auto decoded = decode_value(stored);
    ASSERT_FALSE(decoded) << stored;
    EXPECT_EQ(decoded.error().code, errc::store_damaged);
  }
  for (const std::string_view text : {"", "x", "1x", " 1", "-1", "18446744073709551616"})
    EXPECT_FALSE(decode_number(text)) << text;
}

}  // namespace
}  // namespace lode::storage
