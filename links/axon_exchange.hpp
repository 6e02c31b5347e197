#pragma once
// One request to an axon and its answer, on a connection that is there. Internal to links/.

#include "links/synapse.hpp"
#include "links/transfer.hpp"
#include "messages/miner_call.hpp"

#include <cstddef>
#include <memory>
#include <string>

namespace lode::links {

struct exchange_outcome {
  miner_reply reply;
  bool reusable = false;    ///< the connection may carry another request
  bool unanswered = false;  ///< it was closed before a byte of the answer
};

/// Sends `request` to `axon` over `t` and reads the answer. `t` has its deadline set. Never throws but for memory.
strand_task<exchange_outcome> exchange(std::shared_ptr<transfer> t, tcp_endpoint axon, miner_action action,
                                       synapse_request request, std::size_t max_reply_bytes);

}  // namespace lode::links
