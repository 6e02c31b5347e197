#pragma once
// The templates of allocation_state that its source files share.

#include <spdlog/spdlog.h>

#include <caf/all.hpp>

#include "actors/allocation.hpp"
#include "messages/caf_error.hpp"

namespace lode::actors {

/// One durable state change of record_; `then` runs when it is durable. A failure ends the actor (see allocation.hpp).
template <class F>
void allocation_state::commit(std::string event, std::string reason, bool erase, F then) {
  self_
      ->request(opts_.env->ledger, caf::infinite,
                commit_allocation{record_, erase, revision_, std::move(event), std::move(reason), now()})
      .then(
          [this, then](const committed& c) {
            revision_ = c.revision;
            then();
          },
          [this](caf::error& e) { crash(e); });
}

/// Sends one call through the miner actor; `then` gets the outcome, which is never an error of the transport's.
template <class F>
void allocation_state::call_miner(miner_call call, F then) {
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
