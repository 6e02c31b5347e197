#include "actors/ledger_rows.hpp"

namespace lode::actors {

row_place place_of(row_kind kind) noexcept {
  switch (kind) {
    case row_kind::miner_marks:
      return {storage::column::meta, "marks/"};
    case row_kind::api_key:
      break;
  }
  return {storage::column::keys, "api/"};
}

}  // namespace lode::actors
