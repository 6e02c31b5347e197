#pragma once
// What one thread measured; the threads' are merged at the end.

#include "bench/load/histogram.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lode::bench {

using std::chrono::nanoseconds;

/// One second of a run, counted from the beginning of the measured time.
struct second_of {
  struct kind {
    std::uint64_t ok = 0;
    filled_buckets times;  ///< of what was ok, from the intended time to the reply
  };
  std::uint64_t offered = 0;    ///< operations that were due
  std::uint64_t ok = 0;         ///< requests answered as they should be
  std::uint64_t errors = 0;     ///< requests with another outcome, unsent ones included
  std::uint64_t unsent = 0;     ///< of these: never sent
  std::uint64_t in_flight = 0;  ///< requests sent and not answered, at its end
  std::uint64_t waiting = 0;    ///< requests that waited for a connection, at its end
  std::vector<kind> kinds;
};

/// Of one kind of request. Times are in the measured window only, outcomes of the whole run.
struct kind_statistics {
  std::map<std::string, std::uint64_t, std::less<>> outcomes;  ///< "ok", a status, or a reason: "timed out"
  std::map<std::string, histogram, std::less<>> response;      ///< by outcome: from the intended time to the reply
  histogram service;                                           ///< of "ok": from the sending to the reply
  histogram wait;                                              ///< of all that was sent: from the intended time to it
  std::uint64_t completed = 0;                                 ///< "ok" replies within the window
};

/// Thread: one at a time.
class statistics {
 public:
  explicit statistics(std::size_t kinds);

  /// A request's end. `measured`: its times count. `second`: of the window, when it is in it.
  void add(std::size_t kind, std::string_view outcome, bool measured, nanoseconds response, nanoseconds service);
  /// A request that never got a connection.
  void add_unsent(std::size_t kind, bool measured, nanoseconds waited);
  void add_wait(std::size_t kind, nanoseconds waited) { kinds[kind].wait.add(waited); }

  /// What happened in a second; seconds of replies never go back.
  void offered(std::size_t second);
  void replied(std::size_t second, std::size_t kind, bool ok, nanoseconds response);
  void not_sent(std::size_t second);
  void snapshot(std::size_t second, std::size_t in_flight, std::size_t waiting);
  /// The times of the second under way go to their place; before seconds are read.
  void close_second();

  void merge(const statistics& other);

  std::vector<kind_statistics> kinds;
  std::vector<second_of> seconds;
  std::uint64_t pairs = 0;     ///< allocations given back within the window
  std::uint64_t in_doubt = 0;  ///< allocate requests without a whole reply, which the server may have acted on

 private:
  second_of& at(std::size_t second);

  std::size_t current_ = 0;
  std::vector<histogram> times_;  ///< of the current second, by kind
};

/// A percentile of what several filled_buckets hold.
histogram together(const std::vector<second_of::kind>& kinds);

}  // namespace lode::bench
