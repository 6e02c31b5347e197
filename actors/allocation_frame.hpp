#pragma once
// The template of allocation_actor_state that its source files share.

#include "actors/allocation.hpp"
#include "messages/caf_error.hpp"

#include <caf/all.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace lode::actors {

inline constexpr unix_ms day_ms = 24LL * 60 * 60 * 1000;
inline constexpr std::int64_t longest_lease_days = 36'500;

/// Sends one call through the miner actor; `then` gets the outcome. errc::overloaded: it was never sent.
template <class F>
void allocation_actor_state::call_miner(miner_call call, F then) {
  self_->request(opts_.miner, caf::infinite, std::move(call))
      .then([then](miner_reply& reply) { then(reply); },
            [this, then](caf::error& e) {
              miner_reply reply;
              reply.code = from_caf(e).code;
              reply.detail = from_caf(e).detail;
              if (reply.code == errc::overloaded) return then(reply);  // the call never left
              // The miner actor has ended, and what became of the call is unknown: so does this one, to be recovered.
              self_->quit(caf::exit_reason::user_shutdown);
            });
}

}  // namespace lode::actors
