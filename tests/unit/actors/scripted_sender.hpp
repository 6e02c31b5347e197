#pragma once
// A receiver of webhooks whose answers the test decides. Deterministic: answers go out when the test pumps.

#include "links/webhook.hpp"

#include <deque>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace lode::testing {

class scripted_sender final : public links::webhook_sender {
 public:
  /// nullopt leaves the post waiting.
  using rule = std::function<std::optional<links::webhook_reply>(const links::webhook_post&)>;

  [[nodiscard]] bool reaches(links::webhook_kind kind) const override {
    return kind == links::webhook_kind::deallocation ? deallocation : status;
  }
  [[nodiscard]] bool one_receiver() const override { return deallocation && status && same; }
  void send(links::webhook_post post, std::function<void(links::webhook_reply)> done) override {
    log.push_back(post);
    waiting.emplace_back(std::move(post), std::move(done));
  }
  void shutdown() override {}

  /// Answers what the rule answers; true when something was answered.
  bool pump() {
    bool any = false;
    for (auto& [post, done] : std::exchange(waiting, {})) {
      if (auto reply = answer ? answer(post) : std::nullopt) {
        done(std::move(*reply));
        any = true;
      } else {
        waiting.emplace_back(std::move(post), std::move(done));
      }
    }
    return any;
  }

  bool deallocation = true, status = true, same = true;
  rule answer = [](const links::webhook_post&) { return links::webhook_reply{true, {}}; };
  std::vector<links::webhook_post> log;  // every attempt, in order
  std::deque<std::pair<links::webhook_post, std::function<void(links::webhook_reply)>>> waiting;
};

}  // namespace lode::testing
