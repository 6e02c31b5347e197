#pragma once
// What a renter asks for, checked against what this machine and its operator allow.

#include "messages/error.hpp"
#include "miner/engine.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lode::miner {

/// The operator's rules for containers. Read only while the agent runs.
struct rental_options {
  std::string owner;                          ///< our hotkey, on every label
  std::map<std::string, std::string> images;  ///< name as asked for -> image in the engine
  std::string default_image;                  ///< name in `images` used for a name that is not; empty: refuse those
  std::string publish_ip = "0.0.0.0";
  std::uint16_t port_first = 0;  ///< range of published ports, both ends included
  std::uint16_t port_last = 0;
  std::string name_prefix = "lode";  ///< of container names
  double cpus = 0;                   ///< overrides what is asked for, as a quota; 0: does not
  std::int64_t memory_bytes = 0;     ///< overrides what is asked for; 0: does not
  std::int64_t shm_bytes = 64LL << 20U;
  bool offer_gpus = true;
  std::int64_t pids = 512;
  std::int64_t open_files = 65536;  ///< lowered to what this process itself may have
  std::string restart_policy = "unless-stopped";
  std::string cgroup_parent;
  std::chrono::milliseconds usual_start{20000};      ///< until SSH answers; longer is said in the log
  std::chrono::milliseconds banner_timeout{120000};  ///< longer is a failure
  std::chrono::milliseconds build_timeout{45000};    ///< for the renter's script
  std::int64_t build_bytes = 20LL << 30U;            ///< what the script may write
  std::size_t script_bytes = 64 * 1024;
};

/// A register as it came over the wire.
struct rental_request {
  std::string base_image;
  std::string script;    ///< the renter's `dockerfile`: one shell script, run in the image without a network; may be ""
  std::string user_key;  ///< one OpenSSH public key line or ""
  std::int64_t cpu_count = 0;
  std::int64_t ram_bytes = 0;
  std::int64_t gpu_count = 0;  ///< 0: none asked for
};

/// What this machine has.
struct host_capacity {
  std::vector<int> cpus;  ///< numbers of those this process may run on
  std::int64_t memory = 0;
  std::vector<std::string> gpu_devices;  ///< device nodes; empty: no GPU
  std::int64_t gpu_count = 0;
  std::int64_t max_open_files = 0;  ///< hard limits of this process
  std::int64_t max_processes = 0;
};

/// Everything that making the container takes, decided.
struct rental_plan {
  std::string allocation;  ///< allocation_id()
  std::string name;        ///< of the container
  std::string image;
  std::string script;
  std::string user_key;
  resource_limits limits;
  std::vector<std::string> gpu_devices;
  std::int64_t gpu_count = 0;
};

/// bad_request with a reason that the validator may see: an image that is not offered, more CPUs or memory than there
/// are, a malformed SSH key, a script that is too long. A GPU that is asked for where there is none is left out, since
/// existing validators always ask for one.
result<rental_plan> plan_rental(const rental_options& options, const host_capacity& host, const rental_request& request,
                                std::string allocation);

/// The first `count` of `cpus` as a cpuset.
std::string cpuset_of(const std::vector<int>& cpus, std::int64_t count);

/// The capabilities that sshd for root needs, and those with which a renter can install packages; nothing else.
const std::vector<std::string>& rental_capabilities();

/// The engine's description of the container of `plan`, published on `port`.
container_spec rental_spec(const rental_options& options, const rental_plan& plan, std::uint16_t port);

/// The same for running the renter's script: no network, no port, never restarted.
container_spec build_spec(const rental_options& options, const rental_plan& plan);

}  // namespace lode::miner
