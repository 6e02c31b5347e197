#pragma once
// lode::error inside caf::error and back: the code and the text survive the way through actors.

#include "messages/error.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/error.hpp>

namespace lode {

caf::error to_caf(const error& e);
inline caf::error to_caf(errc code, std::string detail = {}) { return to_caf(error{code, std::move(detail)}); }

/// Also maps CAF's own errors: a receiver that is down or restarting becomes not_ready, a timeout deadline_exceeded,
/// anything else internal.
error from_caf(const caf::error& e);

/// Teaches a system to print our errors. Call before the actor system is made.
void add_error_category(caf::actor_system_config& cfg);

}  // namespace lode
