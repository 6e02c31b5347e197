#pragma once
// The Docker Engine API, version 1.41, over a Unix socket; speaks to Docker and to Podman's compatible service.

#include "miner/engine.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace lode::miner {

struct docker_engine_options {
  std::string socket;  ///< path, below 108 characters
  std::chrono::milliseconds call_timeout{10000};
  std::chrono::milliseconds create_timeout{10000};
  std::chrono::milliseconds start_timeout{30000};    ///< start, stop, remove
  std::chrono::milliseconds commit_timeout{120000};  ///< commit, remove_image
  std::size_t concurrency = 8;                       ///< requests at once; more wait
  std::size_t waiting = 64;                          ///< requests that may wait; more are errc::overloaded
  std::size_t reply_bytes = 16 * 1024 * 1024;
};

/// Does not connect: the first call does. `io` outlives the engine.
std::unique_ptr<engine> make_docker_engine(boost::asio::io_context& io, docker_engine_options options);

/// What is wrong with `spec`, or success: names, image, numbers, ports, capabilities, devices. What Docker refuses with
/// 400, Podman takes and then fails at start, or silently changes (port 99999 becomes 34463).
result<void> check_spec(const container_spec& spec);

}  // namespace lode::miner
