#pragma once
// A miner link whose answers the test decides: every call waits in `calls` until the test answers it, or is answered by
// the rule that the test has set. Deterministic: replies go out when the test pumps.

#include "links/miner_link.hpp"

#include <deque>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace lode::testing {

class scripted_link final : public links::miner_link {
 public:
  struct waiting_call {
    miner_call call;
    std::function<void(miner_reply)> done;
  };
  struct waiting_probe {
    std::string ip;
    std::uint16_t port = 0;
    std::function<void(ssh_state)> done;
  };
  /// nullopt leaves the call waiting.
  using rule = std::function<std::optional<miner_reply>(const miner_call&)>;

  void call(miner_call c, std::function<void(miner_reply)> done) override {
    log.push_back(c);
    calls.push_back({std::move(c), std::move(done)});
  }
  void probe_ssh(axon, std::string ip, std::uint16_t port, std::chrono::milliseconds,
                 std::function<void(ssh_state)> done) override {
    probes.push_back({std::move(ip), port, std::move(done)});
  }
  void shutdown() override {}

  /// Answers what the rule answers, and every probe; true when something was answered.
  bool pump() {
    bool any = false;
    std::deque<waiting_call> left;
    while (!calls.empty()) {
      auto c = std::move(calls.front());
      calls.pop_front();
      if (auto reply = answer ? answer(c.call) : std::nullopt) {
        c.done(std::move(*reply));
        any = true;
      } else {
        left.push_back(std::move(c));
      }
    }
    calls = std::move(left);
    if (ssh)
      for (auto& p : std::exchange(probes, {})) {
        p.done(*ssh);
        any = true;
      }
    return any;
  }
  /// Answers the oldest waiting call of that action; false when there is none.
  bool reply_to(miner_action action, miner_reply reply) {
    for (auto it = calls.begin(); it != calls.end(); ++it)
      if (it->call.action == action) {
        auto done = std::move(it->done);
        calls.erase(it);
        done(std::move(reply));
        return true;
      }
    return false;
  }
  [[nodiscard]] std::size_t count(miner_action action) const {
    return static_cast<std::size_t>(
        std::count_if(log.begin(), log.end(), [&](const miner_call& c) { return c.action == action; }));
  }

  rule answer;
  std::optional<ssh_state> ssh = ssh_state::open;
  std::deque<waiting_call> calls;
  std::vector<waiting_probe> probes;
  std::vector<miner_call> log;  // every call that was made, in order
};

}  // namespace lode::testing
