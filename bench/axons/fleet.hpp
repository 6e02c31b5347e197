#pragma once
// Many miners in one process: each an axon on a port of its own that checks signatures and nonces, keeps one slot and
// encrypts what it answers, with a container that is made by waiting. What they have in common with lode-miner is its
// code; what they lack is an engine.

#include "http/server/server.hpp"
#include "messages/types.hpp"
#include "miner/nonce_table.hpp"
#include "miner/synapse.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace lode::bench {

struct fleet_options {
  std::size_t count = 1000;
  std::uint16_t port_base = 0;           ///< the miners' ports follow each other from here; 0: any free ones
  std::chrono::milliseconds latency{0};  ///< that making a container takes, and removing one
  bool takes_x25519 = true;              ///< announced, as lode-miner does; existing miners know RSA only
  std::string validator;                 ///< hotkey that may call; empty: whoever signs
};

/// What came in, of all miners together.
struct fleet_counts {
  std::uint64_t checks = 0, registers = 0, deregisters = 0;
  std::uint64_t refused = 0;  ///< not signed as it must be, or not understood
};

/// Thread: the one that runs `io`, which outlives it.
class fleet {
  struct passkey {};

 public:
  /// Listens on 127.0.0.1, on `count` ports and one more that greets as SSH does. config_invalid: a port is taken, or
  /// this process may not have as many files open.
  static result<std::unique_ptr<fleet>> make(boost::asio::io_context& io, const fleet_options& options);
  fleet(passkey key, boost::asio::io_context& io, const fleet_options& options);
  ~fleet();

  /// The miners file for loded: the hotkeys and hardware of its own simulated miners.
  [[nodiscard]] std::string miners_file() const;
  [[nodiscard]] const fleet_counts& counts() const noexcept { return counts_; }
  /// Connections accepted and requests read, of all miners; how many miners hold a container.
  [[nodiscard]] std::uint64_t connections() const;
  [[nodiscard]] std::uint64_t requests() const;
  [[nodiscard]] std::size_t held() const;

 private:
  class axon;
  result<void> listen();

  boost::asio::io_context& io_;
  const fleet_options options_;
  fleet_counts counts_;
  std::uint16_t ssh_port_ = 0;
  std::vector<std::unique_ptr<axon>> axons_;
  std::vector<std::unique_ptr<http::server>> servers_;
};

}  // namespace lode::bench
