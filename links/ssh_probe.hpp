#pragma once
// Does an SSH server answer? Internal to links/.

#include "links/transfer.hpp"
#include "messages/miner_call.hpp"

#include <boost/system/error_code.hpp>

#include <memory>

namespace lode::links {

/// Connects and reads until the banner, as a renter's client would before it says anything. Sends nothing. Bytes of a
/// server's own before the banner are allowed, as RFC 4253 does. A connection that is accepted and then closed is
/// closed: a port forwarder does that when nothing listens behind it.
strand_task<ssh_state> read_banner(std::shared_ptr<transfer> t, tcp_endpoint where, steady_time deadline);

/// Whether a connection failed for want of something of this host's: descriptors or memory.
bool is_shortage(const boost::system::error_code& ec) noexcept;

}  // namespace lode::links
