#pragma once
// NVIDIA's management library, loaded when it is there.

#include <cstdint>
#include <string>
#include <vector>

namespace lode::miner {

struct gpu {
  std::string name;
  std::int64_t memory_bytes = 0;
  unsigned minor = 0;  ///< of /dev/nvidiaN
};

/// The GPUs of this machine; empty without the library, without a driver, or when it fails. Loads and unloads the
/// library each time: takes up to a second, blocks. Any thread, one at a time.
std::vector<gpu> find_gpus();

/// The device nodes that a container with all of `gpus` needs, those of them that exist.
std::vector<std::string> gpu_device_nodes(const std::vector<gpu>& gpus);

}  // namespace lode::miner
