#pragma once
// What this machine has: for the validator that places renters here, and as bounds on what a renter may ask.

#include "messages/error.hpp"
#include "miner/nvml.hpp"
#include "miner/rental.hpp"

#include <string>

namespace lode::miner {

struct machine {
  host_capacity capacity;
  std::string cpu_model;
  std::int64_t ram_total = 0;      ///< bytes
  std::int64_t ram_available = 0;  ///< bytes
  std::int64_t disk_total = 0;     ///< bytes, of the file system that holds the engine's images
  std::int64_t disk_free = 0;      ///< bytes, for root
  std::vector<gpu> gpus;
};

/// Reads everything but the GPUs, which are passed in, from the system; microseconds. `disk_path` must exist; what
/// cannot be read is an error (internal), never a zero.
result<machine> look_at_machine(const std::string& disk_path, std::vector<gpu> gpus);

/// As validators read it: {"cpu":{"count","model"},"gpu":{"count","capacity","details":[{"name","capacity"}]},
/// "ram":{"total","available"},"hard_disk":{"total","free"},"has_docker"}. Bytes, but the GPUs' capacity: MiB of
/// all cards together, as existing miners report it; each card's own is among the details.
std::string specs_json(const machine& m, bool engine_answers);

}  // namespace lode::miner
