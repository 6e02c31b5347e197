#pragma once
// Coroutines that nobody waits for, and what happens when one fails: the process ends, and the next start brings record
// and engine together again. A part of the agent that is gone without a word would be worse: a register that never
// ends, a lease that nobody ends.

#include "http/server/message.hpp"

#include <boost/asio/io_context.hpp>

#include <string>

namespace lode::miner {

/// Starts `t` on `io`; its errors are its own affair. An exception out of it is logged as critical under the name
/// `what` and leaves io.run().
void start_task(boost::asio::io_context& io, std::string what, http::task<void> t);

/// Runs `io` until it has nothing to do or is stopped. False when an exception ended it, which is logged as critical:
/// what runs on `io` is then in no defined state, so leave the process without unwinding it.
[[nodiscard]] bool run_all(boost::asio::io_context& io);

}  // namespace lode::miner
