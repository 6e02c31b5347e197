#pragma once
// The threads that actors run on: CAF's policy `sharing` (one queue, whoever is free takes the first), without what its
// own worker does for a log that Debian's build does not have (a fifth of the scheduler's time) and without an
// allocation and a system call for every message. An idle daemon's threads sleep.

#include <caf/actor_system_config.hpp>

#include <cstddef>

namespace lode::actors {

/// Makes actor systems of `cfg` run their actors on `threads` threads.
void use_scheduler(caf::actor_system_config& cfg, std::size_t threads);

}  // namespace lode::actors
