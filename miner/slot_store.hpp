#pragma once
// What the slot must remember over a crash: one small JSON file, replaced as a whole and forced to disk.

#include "messages/error.hpp"
#include "messages/types.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace lode::miner {

/// free -> registering -> occupied -> removing -> free; registering -> removing when it fails.
enum class slot_phase : std::uint8_t { free, registering, occupied, removing };
std::string_view to_string(slot_phase p) noexcept;

/// The slot of this miner. Everything but `phase` is empty while it is free. Holds a password: never log it.
struct slot_record {
  slot_phase phase = slot_phase::free;
  std::string public_key;  ///< PEM, as the validator sent it
  std::string allocation;  ///< allocation_id(public_key), on the labels
  std::string validator;   ///< hotkey that made the allocation
  std::string container_id;
  std::string password;  ///< secret; needed to answer a repeated register alike
  std::uint16_t port = 0;
  std::string user_key;      ///< line 1 of authorized_keys
  std::string terminal_key;  ///< line 2
  std::string host_key;      ///< rental::host_key; empty in a record of an older version
  unix_ms created_at = 0;
  unix_ms expires_at = 0;
  bool paused = false;
  friend bool operator==(const slot_record&, const slot_record&) = default;
};

/// Where the record lives; tests have their own. Thread: one at a time. Blocks for the time of an fsync.
class slot_store {
 public:
  virtual ~slot_store() = default;
  /// A free record when nothing was ever saved. store_damaged: there is something, but not a record of ours.
  /// store_newer: written by a newer version.
  virtual result<slot_record> load() = 0;
  /// On success the record is on disk and survives a power cut. On store_io the file holds the old or the new record
  /// in whole.
  virtual result<void> save(const slot_record& record) = 0;
};

/// The store in folder `directory` (made if missing, mode 0700), file slot.json (0600). Holds a lock on the folder
/// until destroyed: store_locked when another process has it. store_io: the folder cannot be made or written.
result<std::unique_ptr<slot_store>> open_slot_store(const std::string& directory);

}  // namespace lode::miner
