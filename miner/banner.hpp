#pragma once
// Whether SSH answers on a published port. Only the bytes "SSH-" prove it: the kernel accepts connections to a paused
// container, and the engine's own listener does when its forwarding rules are gone; both stay silent.

#include "http/server/message.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace lode::miner {

/// Connects once and reads the first four bytes; false when that is not done, and right, within `bound`.
http::task<bool> reads_ssh_banner(std::string ip, std::uint16_t port, std::chrono::milliseconds bound);

/// True when nothing on this machine listens on ip:port now. A hint: it can change at once.
bool port_looks_free(const std::string& ip, std::uint16_t port);

}  // namespace lode::miner
