#pragma once
// Where the small records of commit_row lie in the store.

#include "messages/actors.hpp"
#include "storage/store.hpp"

#include <string_view>

namespace lode::actors {

struct row_place {
  storage::column in = storage::column::meta;
  std::string_view prefix;  ///< of the store's keys
};
row_place place_of(row_kind kind) noexcept;

}  // namespace lode::actors
