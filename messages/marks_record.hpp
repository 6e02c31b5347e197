#pragma once
// What the ledger keeps of the marks of one hotkey.

#include "messages/types.hpp"

#include <vector>

namespace lode {

struct marks_record {
  std::vector<miner_mark> marks;  ///< at most one of a kind
  bool drained = false;           ///< beside a drain: it was said that the miner is empty
  friend bool operator==(const marks_record&, const marks_record&) = default;
};

}  // namespace lode
