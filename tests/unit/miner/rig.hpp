#pragma once
// A slot on a fake engine. The world and the store's content outlive it, so that a "process" can die and be born again.

#include "crypto/key_exchange.hpp"
#include "fake_engine.hpp"
#include "miner/container.hpp"
#include "miner/slot.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include <optional>

namespace lode::miner::testing {

/// What is "on disk", and how saving goes wrong.
struct disk {
  slot_record record;
  int fail_saves = 0;
};

class memory_slot_store final : public slot_store {
 public:
  memory_slot_store(disk& d, fake_engine& e, boost::asio::io_context& io) : disk_(d), engine_(e), io_(io) {}
  result<slot_record> load() override { return disk_.record; }
  result<void> save(const slot_record& record) override {
    if (disk_.fail_saves > 0) {
      --disk_.fail_saves;
      return error{errc::store_io, "disk full"};
    }
    // Dying before the save: the process ends at its next suspension, which changes nothing of the world.
    if (dead_ || (engine_.dies_at && engine_.dies_at("before save"))) {
      dead_ = true;
      io_.stop();
      return error{errc::store_io, "dead"};
    }
    disk_.record = record;
    return {};
  }

 private:
  disk& disk_;
  fake_engine& engine_;
  boost::asio::io_context& io_;
  bool dead_ = false;
};

inline const crypto::key_pair& key(int n) {
  static const std::array keys{crypto::make_key_pair(key_kind::x25519).value(),
                               crypto::make_key_pair(key_kind::x25519).value(),
                               crypto::make_key_pair(key_kind::rsa2048).value()};
  return keys.at(static_cast<std::size_t>(n));
}

inline rental_options rental_rules() {
  rental_options o;
  o.owner = "5Owner";
  o.images = {{"ubuntu", "localhost/lode-base:1"}};
  o.publish_ip = "127.0.0.1";
  o.port_first = 42000;
  o.port_last = 42009;
  o.banner_timeout = std::chrono::milliseconds{1500};
  return o;
}

inline host_capacity small_host() {
  host_capacity h;
  h.cpus = {0, 1};
  h.memory = 8LL << 30U;
  h.max_open_files = 1048576;
  h.max_processes = 10000;
  return h;
}

inline rental_request small_request() {
  rental_request r;
  r.base_image = "ubuntu";
  r.cpu_count = 1;
  r.ram_bytes = 1LL << 30U;
  return r;
}

/// One life of the agent's inner parts.
class rig {
 public:
  rig(world& w, disk& d)
      : the_world(w),
        engine(io, w),
        store(d, engine, io),
        maker(io, engine, rules,
              [&w](std::string, std::uint16_t port, auto) -> task<bool> { co_return w.answers_on(port); }),
        the_slot(io, store, engine, maker, rules, host, slot_options{}, [this] { return now; }) {
    EXPECT_TRUE(the_slot.load());
  }

  /// Runs a call to its end; nothing when the process died before.
  template <class T>
  std::optional<T> run(task<T> t) {
    std::optional<T> out;
    start(std::move(t), out);
    io.restart();
    io.run_for(std::chrono::seconds{20});
    return out;
  }
  template <class T>
  void start(task<T> t, std::optional<T>& out) {
    boost::asio::co_spawn(
        io, [](task<T> inner, std::optional<T>& o) -> task<void> { o = co_await std::move(inner); }(std::move(t), out),
        boost::asio::detached);
  }
  slot_answer reg(int k = 0, const std::string& validator = "5Validator", rental_request r = small_request()) {
    return run(the_slot.reg(key(k).public_pem, validator, 30, std::move(r))).value_or(slot_answer::no("died"));
  }

  boost::asio::io_context io;
  world& the_world;
  unix_ms now = 1'000'000;
  rental_options rules = rental_rules();
  host_capacity host = small_host();
  fake_engine engine;
  memory_slot_store store;
  container_maker maker;
  slot the_slot;
};

}  // namespace lode::miner::testing
