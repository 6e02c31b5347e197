#pragma once
// What a store holds and how: the column families, the form of keys and values, the schema version and its migrations.
//
// A stored value is text: the decimal revision of the commit that wrote it, one space, the value. The store's own
// records (store_keys) lie in RocksDB's default column family, where no batch reaches.

#include "storage/store.hpp"

#include <array>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace lode::storage {

/// The layout that this build writes. A store of an older version is migrated when opened, of a newer one refused.
inline constexpr unsigned schema_version = 1;

/// How many past changes a store keeps in memory for watch(), and how many bytes of them; whichever ends first. The
/// history begins when the store is opened: changes of an earlier process are `compacted`.
inline constexpr std::size_t watch_history = 16'384;
inline constexpr std::size_t watch_history_bytes = std::size_t{16} << 20U;

/// One row of the table of column families.
struct column_family {
  column id;
  std::string_view name;      ///< as stored; never changes
  std::string_view holds;     ///< for people
  std::string_view key_form;  ///< for people
  unsigned since;             ///< the first schema version that has it
};

inline constexpr std::array column_families{
    column_family{column::miners, "miners", "what is known of a miner beyond the metagraph", "<hotkey>", 1},
    column_family{column::allocations, "allocations", "one record per live allocation, secrets sealed", "<hotkey>", 1},
    column_family{column::events, "events", "the event log, one record per state change", "<revision, 20 digits>[-<n>]",
                  1},
    column_family{column::outbox, "outbox", "webhooks not yet delivered", "<revision, 20 digits>[-<n>]", 1},
    column_family{column::idempotency, "idempotency", "answers kept for repeated requests", "<idempotency key>", 1},
    column_family{column::keys, "keys", "key material by purpose, sealed", "<purpose>/<id>", 1},
    column_family{column::meta, "meta", "facts about this deployment", "<name>", 1},
};

/// The row of `id`.
const column_family& describe(column id) noexcept;
/// The row with that stored name, or nullptr.
const column_family* find_column(std::string_view name) noexcept;

/// The store's own records, in RocksDB's default column family.
namespace store_keys {
inline constexpr std::string_view schema = "schema";  ///< decimal schema version
inline constexpr std::string_view head = "head";      ///< decimal revision of the last commit
}  // namespace store_keys

/// One forward step, from schema `from` to `from` + 1. `step` reads the old store and returns the writes; they and the
/// new version number become durable in one commit, so a crash repeats the step or finds it done.
struct migration {
  unsigned from;
  std::function<result<batch>(const store& old)> step;
};

/// The steps up to schema_version, in order, one for each version from 1 on.
std::span<const migration> migrations();

/// The stored form of a value: "<mod_revision> <value>".
std::string encode_value(revision mod_revision, std::string_view value);

/// A stored value taken apart; `value` points into `stored`.
struct decoded_value {
  revision mod_revision;
  std::string_view value;
};
/// store_damaged when it is not in the stored form.
result<decoded_value> decode_value(std::string_view stored);

/// A whole decimal number and nothing else, as in store_keys; store_damaged otherwise.
result<std::uint64_t> decode_number(std::string_view text);

}  // namespace lode::storage
