#pragma once
// A loded of our own for one run: fresh storage in a folder of its own, a free port, gone afterwards.

#include "messages/error.hpp"

#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace lode::bench {

/// Thread: one at a time. Ends with this process at the latest.
class local_server {
 public:
  local_server() = default;
  ~local_server() { stop(); }
  local_server(const local_server&) = delete;
  local_server& operator=(const local_server&) = delete;

  /// Starts `program` with these settings, and nothing of our environment that it would take for a setting, and waits
  /// until it listens and has come to rest. What it says goes to a file in its folder, whose
  /// end is in the error.
  result<void> start(const std::string& program, const std::vector<std::pair<std::string, std::string>>& settings);
  [[nodiscard]] const std::string& url() const noexcept { return url_; }
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// Asks it to end, waits for that, removes the folder. Empty when it ended with 0, else how it ended.
  std::string stop();

 private:
  std::string end_of_log() const;
  void wait_for_rest() const;

  std::string folder_;
  std::string url_;
  pid_t pid_ = -1;
  int output_ = -1;
};

}  // namespace lode::bench
