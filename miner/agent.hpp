#pragma once
// lode-miner as a whole: engine, slot, axon and their clockwork.

#include "http/server/server.hpp"
#include "miner/axon.hpp"
#include "miner/container.hpp"
#include "miner/docker_engine.hpp"
#include "miner/slot.hpp"
#include "miner/specs.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>

namespace lode::miner {

struct agent_options {
  std::string listen;  ///< HOST:PORT of the axon; port 0 picks one
  std::string state_directory;
  axon_options axon;  ///< `port` and `ssh_port` are filled
  std::size_t max_in_flight = 64;
  docker_engine_options engine;
  rental_options rentals;  ///< `owner` is filled from axon.hotkey
  slot_options slot;
  std::chrono::milliseconds reconcile_every{30000};
  std::string disk_path = "/";
};

/// Runs `io` until `t` has ended, for commands that do one thing. False when an exception ended it.
[[nodiscard]] bool run_to_end(boost::asio::io_context& io, task<void> t);

/// Thread: everything on the one thread that runs `io`; `io` outlives the agent.
class agent {
  struct passkey {};

 public:
  /// Opens state and looks at the machine; connects to nothing yet.
  static result<std::unique_ptr<agent>> make(boost::asio::io_context& io, agent_options options);
  agent(passkey key, boost::asio::io_context& io, agent_options options, machine m, std::unique_ptr<slot_store> store);
  ~agent();

  /// Waits for the engine for as long as it takes, brings state and engine together, opens the axon and calls
  /// `ready` with its address; then keeps house. Calls `ended` once, when stop() is done or the start failed.
  void run(std::function<void(const std::string& address)> ready, std::function<void(result<void>)> ended);

  /// Ends the axon, undoes a register under way, waits for operations. Containers live on. Call once, on the io thread.
  void stop();

 private:
  task<result<void>> start();
  task<void> wait_for_engine();
  task<void> reconcile_loop();
  task<void> lease_loop();
  task<void> main(std::function<void(const std::string&)> ready, std::function<void(result<void>)> ended);
  task<result<std::string>> specs();

  boost::asio::io_context& io_;
  agent_options options_;
  machine machine_;
  std::unique_ptr<slot_store> store_;
  std::unique_ptr<engine> engine_;
  container_maker maker_;
  slot slot_;
  axon axon_;
  std::unique_ptr<http::server> server_;
  event stopping_;
  event reconcile_ended_;
  event lease_ended_;
};

}  // namespace lode::miner
