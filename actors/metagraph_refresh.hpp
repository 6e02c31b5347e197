#pragma once
// metagraph_refresh: the job that tells the registry which miners there are. Its source is the miners file, read again
// when it changes, with the simulated miners beside it. A broken new version of the file keeps the last good one.

#include "messages/actors.hpp"
#include "messages/error.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace lode::actors {

struct metagraph_options {
  registry_actor registry;
  std::string file;  ///< empty: no file
  std::vector<miner_info> simulated;
  std::chrono::milliseconds look_every{1000};       ///< at the file's time stamp
  std::chrono::milliseconds refresh_every{600000};  ///< reads and publishes it although it looks unchanged
};

/// Reads and checks a miners file, hotkey checksums included. Errors name the place.
result<std::vector<miner_info>> read_miners_file(const std::string& path);

class metagraph_refresh_state {
 public:
  static inline const char* name = "metagraph_refresh";
  explicit metagraph_refresh_state(job_actor::base* self) : self_(self) {}
  job_actor::behavior_type behavior(metagraph_options options);

 private:
  void look();
  void publish();

  job_actor::base* self_;
  metagraph_options options_;
  std::chrono::milliseconds since_refresh_{0};
  bool file_read_ = false;  // once at least: only then, and never without a file, it is known who has left
  std::string seen_;        // what identifies the version of the file that was read last
  std::vector<miner_info> from_file_;
};

job_actor::behavior_type metagraph_refresh(job_actor::stateful_pointer<metagraph_refresh_state> self,
                                           metagraph_options options);

}  // namespace lode::actors
