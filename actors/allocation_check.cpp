#include "actors/allocation_check.hpp"

#include <caf/all.hpp>

namespace lode::actors {

job_actor::behavior_type allocation_check(job_actor::pointer self, const registry_actor& registry,
                                          std::chrono::milliseconds every) {
  const auto again = [self, every] { self->delayed_send(caf::actor_cast<job_actor>(self), every, tick{}); };
  again();
  return {[self, registry, again](const tick&) {
    // A round that fails (the registry is stopping) is not worth a word: the next one tells.
    self->request(registry, caf::infinite, check_health{})
        .then([again](done&) { again(); }, [again](caf::error&) { again(); });
  }};
}

}  // namespace lode::actors
