#pragma once
// allocation_check: the job that looks at every allocation as its renter would, every so many seconds.

#include "messages/actors.hpp"

#include <chrono>

namespace lode::actors {

/// Asks the registry for a round of health checks each `every`, measured from the end of the last round.
job_actor::behavior_type allocation_check(job_actor::pointer self, const registry_actor& registry,
                                          std::chrono::milliseconds every);

}  // namespace lode::actors
