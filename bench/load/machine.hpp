#pragma once
// The machine that a figure is of, and what this process may use of it.

#include "messages/error.hpp"

#include <cstdint>
#include <string>

namespace lode::bench {

struct machine_facts {
  unsigned processors = 0;
  std::string model;  ///< of the processor
  std::uint64_t memory_bytes = 0;
  std::string kernel;
  double load_average = 0;  ///< of the last minute
};
machine_facts look_at_machine();
std::string describe(const machine_facts& m);

/// Processor time of this process so far, all threads, in seconds.
double processor_seconds();
/// Raises the limit of open files so that `connections` fit, as far as this process may. config_invalid, with what to
/// do, when they do not fit.
result<void> make_room_for(unsigned connections);
/// The commit that this program was built from, with "-dirty" when it had changes.
std::string built_from();
/// Now, as RFC 3339 in UTC.
std::string time_now();

}  // namespace lode::bench
