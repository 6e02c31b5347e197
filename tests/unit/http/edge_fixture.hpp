#pragma once
// The real edge with its server on a free port, over a real actor system in which a scripted actor stands in for the
// registry: it records what it was asked and answers what the test said.

#include "http/edge.hpp"
#include "messages/actors.hpp"
#include "messages/caf_error.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/result.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace lode::http::test {

/// What the stand-in does per message. Set it before sending requests; called on a scheduler thread, one at a time.
struct script {
  template <class M, class R>
  struct part {
    std::vector<M> seen;
    std::optional<R> reply;
    error failure{errc::internal, "not scripted"};
    bool drop = false;  ///< never answer
  };
  part<allocate_spec, allocation> spec;
  part<allocate_hotkey, allocation> hotkey;
  part<deallocate, done> release;
  part<docker_action, done> action;
  part<extend_lease, allocation> extend;
  part<check_port, port_report> port;
  part<count_by_model, model_count> gpus;
  part<list_miners, miner_status_list> miners;
  part<mark_miner, done> mark;
  part<unmark_miner, done> unmark;
  part<explain_placement, explained_list> explain;
  part<check_status, hotkey_status_list> status;
  part<list_allocations, allocation_list> allocations;
  part<list_resources, resource_list> resources;
  part<get_readiness, readiness> ready;
  part<test_notify, notify_outcome> notify;
  part<list_notifications, notification_list> notifications;
  part<resend_notifications, resent_notifications> resend;
};

struct answer {
  unsigned status = 0;
  std::string head;  ///< lower-cased
  std::string body;
  [[nodiscard]] std::string header(const std::string& lower_case_name) const;
};

class edge_test : public ::testing::Test {
 protected:
  edge_test();
  ~edge_test() override;

  virtual edge_settings settings();
  void SetUp() override;

  /// One request on a connection of its own.
  answer call(const std::string& method, const std::string& target, const std::string& body = "",
              const std::string& more_headers = "");
  answer post(const std::string& target, const std::string& body = "") { return call("POST", target, body); }
  /// Sends raw bytes and reads until the server closes.
  std::string raw(const std::string& bytes);

  script says;

 private:
  struct system_config : caf::actor_system_config {
    system_config();
  };
  system_config cfg_;
  caf::actor_system sys_{cfg_};
  registry_actor registry_;
  outbox_actor outbox_;
  boost::asio::io_context io_{1};
  std::unique_ptr<edge> edge_;
  std::thread thread_;
};

}  // namespace lode::http::test
