#pragma once
// The template of allocation_actor_state that its source files share.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <caf/all.hpp>

#include "actors/allocation.hpp"
#include "messages/caf_error.hpp"

namespace lode::actors {

/// Sends one call through the miner actor; `then` gets the outcome, which is never an error of the transport's.
template <class F>
void allocation_actor_state::call_miner(miner_call call, F then) {
  self_->request(opts_.miner, caf::infinite, std::move(call))
      .then([then](miner_reply& reply) { then(reply); },
            [then](caf::error& e) {
              // The call never left: the miner actor is overloaded or on its way out.
              miner_reply reply;
              reply.code = errc::miner_unreachable;
              reply.detail = from_caf(e).to_string();
              then(reply);
            });
}

}  // namespace lode::actors
