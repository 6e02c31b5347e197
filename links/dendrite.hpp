#pragma once
// The link to real miners: signed HTTP calls to their axons, and the SSH probe of their containers.

#include "crypto/hotkey.hpp"
#include "links/miner_link.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace lode::links {

struct dendrite_settings {
  std::string own_ip = "0.0.0.0";                   ///< named in the requests; nobody checks it
  std::chrono::milliseconds connect_timeout{3000};  ///< at most; a call's own deadline may end it sooner
  std::size_t max_in_flight = 4096;                 ///< calls and probes; more are overloaded
  std::size_t max_per_axon = 8;                     ///< calls; more are overloaded
  std::size_t max_idle = 256;                       ///< kept-alive connections in all
  std::size_t max_idle_per_axon = 2;
  std::chrono::milliseconds idle_timeout{15000};  ///< an idle connection is closed after this
  std::size_t max_reply_bytes = 1024 * 1024;      ///< a longer body is miner_nonsense
};

/// Posts the Allocate synapse to axons over pooled HTTP/1.1 connections. The caller runs the io_context, on one thread
/// or several; all of the link's work is on one strand of it. After shutdown() keep running it until it has no more
/// work, so that every `done` is invoked; it must outlive the link.
///
/// How outcomes are told apart (the codes of miner_reply, and overloaded for a call beyond the bounds or out of
/// descriptors or ports of our own: it was never sent):
///   miner_unreachable  no address (0.0.0.0, port 0), refused, no route, or no connection before connect_timeout or the
///                      deadline: nothing was sent
///   miner_timed_out    the deadline passed after the first byte was sent
///   miner_failed       closed without a byte of an answer (existing miners do that when their handler raises), a
///                      5xx, or an interim 100 that carries an error body or is followed by no answer
///   miner_nonsense     not HTTP, too long, cut off in the middle, or decode_answer says so
///
/// Only read-only actions (check, holds, specs) use a kept-alive connection: if it turns out closed before a byte was
/// answered, they are sent once more on a fresh one. The others always get a fresh connection, for after such a close
/// nobody could say whether the miner acted.
class dendrite : public miner_link {
 public:
  dendrite(boost::asio::io_context& io, crypto::hotkey key, dendrite_settings settings = {});
  dendrite(const dendrite&) = delete;
  dendrite& operator=(const dendrite&) = delete;
  /// Shuts down; calls under way complete later, on the io_context.
  ~dendrite() override;

  void call(miner_call c, std::function<void(miner_reply)> done) override;
  void probe_ssh(axon of, std::string ip, std::uint16_t port, std::chrono::milliseconds timeout,
                 std::function<void(ssh_state)> done) override;
  void shutdown() override;

 private:
  struct core;
  std::shared_ptr<core> core_;
};

}  // namespace lode::links
