// The ledger's commits, up to the disk.

#include "bench/micro/micro.hpp"
#include "bench/micro/samples.hpp"
#include "messages/record_codec.hpp"
#include "storage/commit_plan.hpp"
#include "storage/rocksdb_store.hpp"

#include <fmt/format.h>

#include <memory>

namespace lode::micro {
namespace {

using storage::column;
constexpr std::size_t group_size = 8;

// What as many allocations write at the same step, under keys that nobody has yet.
std::vector<storage::commit_request> group_of(std::size_t first) {
  static const auto record = sample_record();
  static const auto stored = encode(record, [](std::string_view text) { return std::string(text.size() * 2, 's'); });
  static const auto event = allocation_event(record, "allocated", record.created_at, "");
  std::vector<storage::commit_request> group(group_size);
  for (std::size_t i = 0; i < group_size; ++i) {
    const auto hotkey = fmt::format("5{:047}", first + i);
    group[i].preconditions.push_back({column::allocations, hotkey, 0});
    group[i].writes.put(column::allocations, hotkey, stored).append(column::events, event);
  }
  return group;
}

loop plan_group() {
  return [group = group_of(0)](std::size_t n) {
    for (; n > 0; --n) {
      const auto plan =
          storage::plan_commit(group, 1000, [](column, std::string_view) { return result<storage::revision>{0}; });
      must(plan && plan->head == 1000 + group_size, "planning a commit");
    }
  };
}

loop commit_group() {
  const std::shared_ptr<storage::store> store =
      value_of(storage::open_rocksdb_store(scratch_folder() + "/store"), "opening a store");
  return [store, first = std::size_t{0}](std::size_t n) mutable {
    for (; n > 0; --n, first += group_size) {
      const auto done = store->commit(group_of(first));
      must(done && done->size() == group_size && done->front(), "committing");
    }
  };
}

}  // namespace

std::vector<micro_case> store_cases() {
  return {
      {"commit.plan", "a group of 8 commits worked out: preconditions, keys, revisions", 100, plan_group},
      {"commit.group", "such a group made and written by RocksDB: lookups, encoding, log, table", 40, commit_group},
  };
}

}  // namespace lode::micro
