#pragma once
// Miners that exist only in this process: for load tests, first contact and the tests of the actors. They are labelled
// as simulated wherever they show.

#include "links/miner_link.hpp"
#include "messages/types.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace lode::links {

struct simulated_settings {
  std::size_t count = 0;
  std::uint64_t seed = 1;
  std::chrono::milliseconds latency{0};      ///< mean; each call takes 0.5 to 1.5 times this
  double failure_rate = 0;                   ///< share of calls that end refused, failed or unreachable, evenly
  double stall_rate = 0;                     ///< share of calls that get no answer in time
  std::chrono::milliseconds max_late{1000};  ///< half the stalled calls are acted on, up to this long after the timeout
  double rsa_only_share = 0;                 ///< share of miners that do not take an X25519 key, like existing ones
};

/// Behaves as lode-miner does, one container slot a miner:
///   check        yes when there is no container, paused or not
///   holds        yes when a running (not paused) container was made under the key
///   register     makes a container; under the same key again: the same answer; on another's container: refused and
///                counted. The SSH access is really encrypted to the key; a key that it cannot use is miner_failed
///   deregister   yes when the container was made under the key or there is none; a register under that key which
///   arrives
///                later is refused
///   restart      yes when there is a container; pause, unpause: yes when it was running, paused
///   exchange_key yes when there is a container and key_type is "user" or "terminal"
/// A call that fails with miner_failed was acted on in half of the cases, as with a real handler that raises late. A
/// stalled register may land at any time until its deregister.
///
/// What becomes of the k-th call to a miner on a lane (and of its k-th probe) depends on the seed, the miner's index,
/// the lane and k only. A probe fails (unknown) at failure_rate; else it shows open, silent for a paused container, and
/// closed where nothing listens.
class simulated_miners : public miner_link {
 public:
  /// The caller runs the io_context (any number of threads), and on after shutdown() until it has no more work.
  simulated_miners(boost::asio::io_context& io, simulated_settings settings);
  simulated_miners(const simulated_miners&) = delete;
  simulated_miners& operator=(const simulated_miners&) = delete;
  ~simulated_miners() override;

  void call(miner_call c, std::function<void(miner_reply)> done) override;
  void probe_ssh(axon of, std::string ip, std::uint16_t port, std::chrono::milliseconds timeout,
                 std::function<void(ssh_state)> done) override;
  void shutdown() override;

  /// The simulated metagraph, in order of index; the same for the same seed and count. Any thread.
  [[nodiscard]] std::vector<miner_info> infos() const;
  /// Registers that met a container of another key: a real miner of the existing kind would have destroyed it. 0 in
  /// correct use. Any thread.
  [[nodiscard]] std::uint64_t registers_on_occupied() const noexcept;
  /// Containers there are now. Any thread.
  [[nodiscard]] std::size_t containers() const noexcept;

 private:
  struct core;
  std::shared_ptr<core> core_;
};

}  // namespace lode::links
