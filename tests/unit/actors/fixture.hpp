#pragma once
// The whole actor tree on CAF's deterministic scheduler: virtual clock, memory store, scripted miners. No test sleeps.

#include "actors/event_hub.hpp"
#include "actors/key_forge.hpp"
#include "actors/lease_wheel.hpp"
#include "actors/ledger.hpp"
#include "actors/miner.hpp"
#include "actors/outbox.hpp"
#include "actors/registry.hpp"
#include "crypto/crypto.hpp"
#include "crypto/key_exchange.hpp"
#include "messages/caf_error.hpp"
#include "messages/record_codec.hpp"
#include "scripted_link.hpp"
#include "scripted_sender.hpp"
#include "storage/faulty_store.hpp"
#include "storage/memory_store.hpp"
#include "storage/sealing.hpp"

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unistd.h>

namespace lode::testing {

using namespace lode::actors;

/// What a well-behaved miner that knows X25519 does, with the state of its one slot.
struct fake_miner {
  std::string holder;  // public key of the container's owner
  bool paused = false;
  int containers_destroyed = 0;

  miner_reply operator()(const miner_call& c) {
    miner_reply r;
    r.code = errc::none;
    r.takes_x25519 = true;
    const auto no = [&] {
      r.code = errc::miner_refused;
      r.answered_no = true;
      return r;
    };
    switch (c.action) {
      case miner_action::check:
        return holder.empty() ? r : no();
      case miner_action::holds:
        return holder == c.public_key && !paused ? r : no();
      case miner_action::reg:
        if (!holder.empty() && holder != c.public_key) ++containers_destroyed;
        holder = c.public_key;
        paused = false;
        r.info =
            crypto::encrypt_to(c.public_key, R"({"username":"root","password":"s3cret","port":4444,"version":183})")
                .value();
        return r;
      case miner_action::deregister:
        if (holder != c.public_key) return no();
        holder.clear();
        return r;
      case miner_action::pause:
        if (paused) return no();
        paused = true;
        return r;
      case miner_action::unpause:
        if (!paused) return no();
        paused = false;
        return r;
      default:
        return r;
    }
  }
};

/// Looks into supervisors for their children.
struct inspector {
  template <class State, class Handle>
  static State& state_of(const Handle& h) {
    using with_state = std::remove_pointer_t<typename Handle::template stateful_pointer<State>>;
    return dynamic_cast<with_state&>(*caf::actor_cast<caf::abstract_actor*>(h)).state;
  }
  static miner_actor miner_of(const registry_actor& r, const std::string& hotkey) {
    return state_of<registry_state>(r).miners_.at(hotkey).actor;
  }
  static allocation_actor allocation_of(const registry_actor& r, const std::string& hotkey) {
    return state_of<miner_state>(miner_of(r, hotkey)).child_;
  }
};

class actor_test : public ::testing::Test {
 protected:
  struct config : caf::actor_system_config {
    config() {
      set("scheduler.policy", caf::atom("testing"));
      lode::add_error_category(*this);
    }
  };

  void SetUp() override {
    ASSERT_TRUE(crypto::init());
    key_file = std::filesystem::temp_directory_path() / ("lode-actor-test-" + std::to_string(::getpid()) + ".key");
    auto made = storage::load_or_create_master_key(key_file.string());
    ASSERT_TRUE(made) << made.error().to_string();
    sealer = std::make_shared<storage::sealer>(*made);
    store = std::make_shared<storage::faulty_store>(storage::make_memory_store());
    link = std::make_shared<scripted_link>();
    receiver = std::make_shared<scripted_sender>();
    link->answer = [this](const miner_call& c) -> std::optional<miner_reply> { return fleet[c.to.hotkey](c); };
  }
  void TearDown() override {
    end_tree();
    std::filesystem::remove(key_file);
  }

  [[nodiscard]] unix_ms now() const {
    return 1'700'000'000'000 +
           std::chrono::duration_cast<std::chrono::milliseconds>(sched.clock().now().time_since_epoch()).count();
  }

  /// Starts the tree on `store`, as a new process would.
  void start_tree(bool settle = true) {
    env = std::make_shared<environment>();
    env->settings = settings;
    env->link = link;
    env->now = [this] { return now(); };
    ledger_options lo;
    lo.store = store;
    lo.sealer = sealer;
    lo.meters = env->meters;
    lo.on_failed = [this](const error& e) { fatal.push_back(e); };
    env->ledger = sys.spawn(actors::ledger, std::move(lo));
    hub = sys.spawn(event_hub, env->ledger, hub_opts);
    forge_options fo;
    fo.pool = 0;
    fo.detached = false;
    env->forge = sys.spawn(key_forge, fo);
    env->wheel = sys.spawn(lease_wheel, wheel_options{wheel_resolution, env->now});
    env->outbox = sys.spawn(actors::outbox, outbox_options{env->ledger, env->wheel, receiver,
                                                           outbox_limits_from(settings), env->now, env->meters});
    registry = sys.spawn(actors::registry, registry_options{env, {}, [this](const error& e) { fatal.push_back(e); }});
    if (settle) run();
  }
  /// Ends it as a crash would: nothing is finished, nothing is told.
  void end_tree() {
    if (!env) return;
    caf::anon_send(registry, stop_all{});  // ends miners and allocations where they stand
    sched.run();
    for (const auto& a : {caf::actor_cast<caf::actor>(registry), caf::actor_cast<caf::actor>(hub),
                          caf::actor_cast<caf::actor>(env->outbox), caf::actor_cast<caf::actor>(env->forge),
                          caf::actor_cast<caf::actor>(env->wheel), caf::actor_cast<caf::actor>(env->ledger)})
      caf::anon_send_exit(a, caf::exit_reason::kill);
    sched.run();
    registry = nullptr;
    hub = nullptr;
    env.reset();
    link->calls.clear();
    link->probes.clear();
    receiver->waiting.clear();
  }

  /// Runs everything that can happen now: actors, and the answers of the link and of the receiver of webhooks.
  void run() {
    bool more = true;
    while (more) {
      sched.run();
      more = link->pump();
      more = receiver->pump() || more;
    }
  }
  void advance(std::chrono::milliseconds d) {
    const auto step = wheel_resolution;
    for (auto left = d; left.count() > 0; left -= step) {
      run();
      sched.advance_time(std::min(step, left));
    }
    run();
  }

  void publish(std::vector<miner_info> miners) {
    caf::anon_send(registry, metagraph_snapshot{std::move(miners)});
    run();
  }
  static miner_info miner(const std::string& hotkey, std::int64_t gpu_mib = 24576) {
    miner_info m;
    m.hotkey = hotkey;
    m.ip = "10.0.0.1";
    m.port = 8091;
    m.version = 183;
    miner_specs s;
    s.cpu_count = 8;
    s.gpu_count = 1;
    s.gpu_capacity_mib = gpu_mib;
    s.gpu_name = "NVIDIA GeForce RTX 4090";
    s.ram_total = s.ram_available = 64LL << 30;
    s.disk_total = s.disk_free = 512LL << 30;
    s.has_docker = true;
    m.specs = s;
    return m;
  }

  template <class T>
  struct pending {
    std::shared_ptr<std::optional<caf::expected<T>>> slot = std::make_shared<std::optional<caf::expected<T>>>();
    [[nodiscard]] bool answered() const { return slot->has_value(); }
    [[nodiscard]] bool ok() const { return answered() && static_cast<bool>(**slot); }
    T& value() { return ***slot; }
    [[nodiscard]] errc code() const {
      if (!answered()) return errc::none;
      return **slot ? errc::none : from_caf((*slot)->error()).code;
    }
  };
  /// Sends a request from an actor of its own and remembers the answer; runs nothing.
  template <class T, class H, class M>
  pending<T> ask_later(const H& to, M message) {
    pending<T> p;
    sys.spawn([slot = p.slot, to, message](caf::event_based_actor* a) {
      a->request(to, caf::infinite, message)
          .then([slot](T& x) { slot->emplace(std::move(x)); }, [slot](caf::error& e) { slot->emplace(e); });
    });
    return p;
  }
  template <class T, class M>
  pending<T> ask(M message) {
    auto p = ask_later<T>(registry, std::move(message));
    run();
    return p;
  }
  pending<allocation> allocate(const std::string& hotkey) { return ask<allocation>(allocate_hotkey{hotkey, {}, {}}); }

  std::vector<stored_allocation> stored() {
    auto found = store->scan(storage::column::allocations, "", "", SIZE_MAX);
    std::vector<stored_allocation> out;
    if (found)
      for (auto& e : *found) {
        auto r = decode_allocation(e.value, [&](std::string_view s) { return sealer->open(s, e.key); });
        if (r) out.push_back(stored_allocation{std::move(*r), e.mod_revision});
      }
    return out;
  }
  std::vector<std::string> event_log() {
    std::vector<std::string> out;
    if (auto found = store->scan(storage::column::events, "", "", SIZE_MAX))
      for (auto& e : *found) out.push_back(std::move(e.value));
    return out;
  }

  config cfg;
  caf::actor_system sys{cfg};
  caf::scheduler::test_coordinator& sched = dynamic_cast<caf::scheduler::test_coordinator&>(sys.scheduler());
  caf::scoped_actor self{sys, true};

  std::filesystem::path key_file;
  lode::config::daemon_settings settings;
  hub_options hub_opts;
  std::chrono::milliseconds wheel_resolution{500};
  std::shared_ptr<storage::sealer> sealer;
  std::shared_ptr<storage::faulty_store> store;
  std::shared_ptr<scripted_link> link;
  std::shared_ptr<scripted_sender> receiver;
  std::map<std::string, fake_miner> fleet;
  std::vector<error> fatal;
  std::shared_ptr<environment> env;
  registry_actor registry;
  event_hub_actor hub;
};

}  // namespace lode::testing
