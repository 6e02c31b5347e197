#pragma once
// Simulated and real miners side by side.

#include "links/miner_link.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace lode::links {

/// Sends each call where its axon's `simulated` mark says. Owns a share of both links; neither may be null.
class combined_link : public miner_link {
 public:
  combined_link(std::shared_ptr<miner_link> simulated, std::shared_ptr<miner_link> real)
      : simulated_(std::move(simulated)), real_(std::move(real)) {}

  void call(miner_call c, std::function<void(miner_reply)> done) override {
    auto& link = c.to.simulated ? *simulated_ : *real_;
    link.call(std::move(c), std::move(done));
  }

  void probe_ssh(axon of, std::string ip, std::uint16_t port, std::chrono::milliseconds timeout,
                 std::function<void(ssh_state)> done) override {
    auto& link = of.simulated ? *simulated_ : *real_;
    link.probe_ssh(std::move(of), std::move(ip), port, timeout, std::move(done));
  }

  void shutdown() override {
    simulated_->shutdown();
    real_->shutdown();
  }

 private:
  const std::shared_ptr<miner_link> simulated_;
  const std::shared_ptr<miner_link> real_;
};

}  // namespace lode::links
