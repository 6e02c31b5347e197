#pragma once
// The one boundary to miners. Real implementation: dendrite; in-process: simulated_miners. The SSH probe lives here
// too, because a simulated miner's container must be probed in the same way as it was made.

#include "messages/miner_call.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace lode::links {

using lode::axon;
using lode::miner_action;
using lode::miner_call;
using lode::miner_reply;
using lode::ssh_state;
using lane = lode::call_lane;

/// Thread safety: call() and probe_ssh() from any thread. Each invokes `done` exactly once, on a thread of the link,
/// never inside the call itself; after shutdown() with errc::shutting_down. `done` must not block or throw.
class miner_link {
 public:
  virtual ~miner_link() = default;
  virtual void call(miner_call c, std::function<void(miner_reply)> done) = 0;
  virtual void probe_ssh(axon of, std::string ip, std::uint16_t port, std::chrono::milliseconds timeout,
                         std::function<void(ssh_state)> done) = 0;
  /// Ends every call under way. Idempotent.
  virtual void shutdown() = 0;
};

}  // namespace lode::links
