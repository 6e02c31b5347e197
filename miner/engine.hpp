#pragma once
// The narrow boundary to a container engine. One implementation speaks the Docker Engine API and knows in which ways
// Docker and Podman differ (docker_engine.hpp); tests script their own.

#include "http/server/message.hpp"
#include "messages/error.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lode::miner {

using http::task;

/// Label keys on everything that we make in an engine.
inline constexpr const char* label_owner = "io.lode.owner";            ///< hotkey of the miner
inline constexpr const char* label_allocation = "io.lode.allocation";  ///< allocation_id() of the public key
inline constexpr const char* label_kind = "io.lode.kind";              ///< "rental" or "build"

/// Bounds on a container. All are always given: the engines' defaults differ and are partly "unlimited".
struct resource_limits {
  std::string cpuset;          ///< as "0-3" or "0,2"; empty: none
  std::int64_t nano_cpus = 0;  ///< billionths of a CPU; 0: none
  std::int64_t memory = 0;     ///< bytes; swap is bounded to the same, so none is left
  std::int64_t shm = 0;        ///< bytes of /dev/shm
  std::int64_t pids = 0;
  std::int64_t open_files = 0;  ///< nofile; given together with `processes`, since Podman raises the one not named
  std::int64_t processes = 0;   ///< nproc
};

/// A port of the container made reachable from outside.
struct published_port {
  std::uint16_t container = 22;
  std::string host_ip = "0.0.0.0";
  std::uint16_t host = 0;
};

/// What to make. Everything is checked before it is sent, because Podman reports nonsense late or not at all.
struct container_spec {
  std::string name;
  std::string image;
  std::string hostname = "rented";
  std::map<std::string, std::string> labels;
  std::vector<std::string> entrypoint;  ///< empty: the image's
  std::vector<std::string> command;     ///< empty: the image's
  resource_limits limits;
  std::vector<std::string> capabilities;  ///< all others are dropped
  std::optional<published_port> port;     ///< unset with `network` false: no network at all
  bool network = true;
  std::string restart_policy = "no";     ///< "no", "on-failure", "unless-stopped", "always"
  std::string cgroup_parent;             ///< empty: the engine's
  std::vector<std::string> gpu_devices;  ///< device nodes in /dev; empty: no GPU
  std::int64_t gpu_count = 0;            ///< for engines with a GPU driver of their own; 0: no GPU
};

enum class container_status : std::uint8_t { created, running, paused, restarting, exited, dead, other };

struct container_state {
  std::string id;
  std::string name;
  container_status status = container_status::other;
  std::int64_t exit_code = 0;
  std::optional<std::int64_t> written_bytes;  ///< size of the writable layer, when asked for
  std::map<std::string, std::string> labels;
};

struct container_stats {
  std::int64_t memory_bytes = 0;
  std::int64_t memory_limit = 0;
  std::int64_t cpu_total_ns = 0;  ///< since the start; a rate takes two calls
  std::int64_t pids = 0;
};

struct image_info {
  std::string id;
  std::vector<std::string> tags;
  std::map<std::string, std::string> labels;
  std::vector<std::string> entrypoint;  ///< inspect_image only
  std::vector<std::string> command;     ///< inspect_image only
};

enum class engine_dialect : std::uint8_t { docker, podman };

/// A container engine. Every call ends within a bound of its own (seconds; start and commit half a minute and more).
/// Errors of all calls: not_found (no such container or image), conflict (the name is taken), busy (start only: the
/// published port is taken), engine_failed (the engine's own words in `detail`), engine_unreachable (nothing listens or
/// the connection broke), deadline_exceeded (it may still act), overloaded, bad_request (refused before sending).
/// Thread: the io thread. The object outlives its calls.
class engine {
 public:
  virtual ~engine() = default;

  /// A cheap sign of life; also tells the dialect.
  virtual task<result<engine_dialect>> ping() = 0;

  /// Makes a container and returns its id.
  virtual task<result<std::string>> create(const container_spec& spec) = 0;
  /// Also success when it runs already.
  virtual task<result<void>> start(std::string id) = 0;
  /// `grace`: how long the main process may take to end before it is killed. Also success when it does not run. There
  /// is no restart: what Podman's keeps of /dev/shm is left to chance, a start after a stop makes it anew.
  virtual task<result<void>> stop(std::string id, std::chrono::seconds grace) = 0;
  virtual task<result<void>> kill(std::string id) = 0;
  virtual task<result<void>> pause(std::string id) = 0;
  virtual task<result<void>> unpause(std::string id) = 0;
  /// Removes container and volumes, running or not. One request: success means that the engine took it, not that it
  /// is gone; repeat until not_found.
  virtual task<result<void>> remove(std::string id) = 0;

  /// `id` or a name. `with_size` costs the engine a walk over the writable layer.
  virtual task<result<container_state>> inspect(std::string id, bool with_size) = 0;
  virtual task<result<container_stats>> stats(std::string id) = 0;
  /// All containers, running or not, that carry label `key` = `value`.
  virtual task<result<std::vector<container_state>>> list(std::string key, std::string value) = 0;

  /// Unpacks a tar archive at / of the container (created, running, paused or stopped). An entry's parents keep their
  /// mode. While the container runs, Podman reaches its files by entering its mount namespace, and where the engine
  /// itself was started in a chroot that ends in the root directory outside of the chroot, which is not the
  /// container's at all: container_maker::sees() tells. Exec goes the same way.
  virtual task<result<void>> upload(std::string id, std::string tar) = 0;
  /// A tar archive that holds `path`; not_found also when there is no such file.
  virtual task<result<std::string>> download(std::string id, std::string path) = 0;

  /// Makes image `repo`:`tag` from a container; `changes` are Dockerfile lines such as "CMD []".
  virtual task<result<void>> commit(std::string id, std::string repo, std::string tag,
                                    std::vector<std::string> changes) = 0;
  virtual task<result<image_info>> inspect_image(std::string name) = 0;
  virtual task<result<std::vector<image_info>>> list_images(std::string key, std::string value) = 0;
  /// not_found when it is gone already.
  virtual task<result<void>> remove_image(std::string name) = 0;
};

}  // namespace lode::miner
