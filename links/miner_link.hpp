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

/// Thread safety: call() and probe_ssh() from any thread. Each invokes `done` exactly once, on a thread of the link or,
/// with nothing to wait for, inside call(); after shutdown() with errc::shutting_down (a probe: unknown). `done` must
/// not block or throw. A link has its own bounds: a call beyond is errc::overloaded and never sent, a probe unknown.
///
/// The caller keeps at most one call in flight per miner and lane: nonces must reach the miner in order. It need not
/// wait for what a call that timed out still does over there.
class miner_link {
 public:
  virtual ~miner_link() = default;
  /// Ends within c.timeout, counted from here. Codes: see miner_reply. Only miner_unreachable, overloaded and an
  /// explicit or HTTP refusal say that the miner did not act; after miner_failed, miner_timed_out, miner_nonsense and
  /// shutting_down it may have.
  virtual void call(miner_call c, std::function<void(miner_reply)> done) = 0;
  /// Reads the banner at ip:port within `timeout`. `of` says whose container it is, for a simulated miner has no port.
  virtual void probe_ssh(axon of, std::string ip, std::uint16_t port, std::chrono::milliseconds timeout,
                         std::function<void(ssh_state)> done) = 0;
  /// Ends every call under way. Idempotent.
  virtual void shutdown() = 0;
};

}  // namespace lode::links
