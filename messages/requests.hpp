#pragma once
// Bodies of the REST contract that are not value types of their own.

#include "messages/types.hpp"

namespace lode {

/// Body of POST /service/allocate_spec.
struct allocate_spec_body {
  device_requirement requirements;
  docker_requirement docker;
  friend bool operator==(const allocate_spec_body&, const allocate_spec_body&) = default;
};

/// A miner's specs in the shape in which they are published: what miner_specs is made from.
struct specs_document {
  struct cpu_part {
    std::int64_t count = 0;
  };
  struct gpu_detail {
    std::string name;
  };
  struct gpu_part {
    std::int64_t count = 0;
    double capacity = 0;  ///< MiB, of all GPUs
    std::vector<gpu_detail> details;
  };
  struct ram_part {
    std::int64_t total = 0;
    std::int64_t available = 0;
  };
  struct disk_part {
    std::int64_t total = 0;
    std::int64_t free = 0;
  };
  cpu_part cpu;
  gpu_part gpu;
  ram_part ram;
  disk_part hard_disk;
  bool has_docker = false;
};

/// As miner_specs keeps it; unset when it contradicts itself (GPUs without a name or memory).
std::optional<miner_specs> specs_from(const specs_document& d);
specs_document document_of(const miner_specs& s);

}  // namespace lode
