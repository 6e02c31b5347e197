#pragma once
// A store without a disk: for tests and for daemons that need not survive. Same behaviour as rocksdb_store, except that
// nothing outlives it and checkpoint() answers not_implemented.

#include "storage/schema.hpp"
#include "storage/store.hpp"

#include <memory>

namespace lode::storage {

struct memory_options {
  std::size_t history = watch_history;              ///< changes kept for watch()
  std::size_t history_bytes = watch_history_bytes;  ///< bytes of keys and values of them
};

/// A new, empty store at revision 0.
std::unique_ptr<store> make_memory_store(const memory_options& options = {});

}  // namespace lode::storage
