#pragma once
// A whole run: threads of load, the checks beside them, the end in which everything is given back.

#include "bench/load/auditor.hpp"
#include "bench/load/engine.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace lode::bench {

struct load_options {
  unsigned threads = 1;
  std::uint64_t count = 0;                     ///< whole operations after which the run ends; zero: when its phases do
  std::chrono::milliseconds patience{30'000};  ///< without one reply of any kind the server counts as gone
  /// At the end: how long allocations are waited for that requests without a reply may still make.
  std::chrono::milliseconds late_allocations{5'000};
};

/// What a run came to. Outcomes are those of the whole run, times and rates those of the measured window.
struct figures {
  std::vector<std::string> kinds;  ///< names of statistics::kinds
  statistics measured{0};
  double seconds = 0;             ///< of the window
  std::uint64_t operations = 0;   ///< begun in the whole run
  std::uint64_t offered = 0;      ///< operations due within the window
  std::uint64_t done = 0;         ///< whole operations that ended within the window
  std::uint64_t in_doubt = 0;     ///< allocate requests without a whole reply
  std::uint64_t recovered = 0;    ///< allocations of these, found in the listing and given back
  std::uint64_t left_behind = 0;  ///< allocations whose end was not confirmed
  std::uint64_t grants = 0;
  std::uint64_t looks = 0;  ///< times the listing was compared
  std::uint64_t violation_count = 0;
  std::vector<std::string> violations;  ///< what the server must never answer: the first ones
  std::string failure;                  ///< why the run ended early or was not checked; empty: neither
  bool interrupted = false;
};

/// A moment of a run.
struct progress {
  std::string doing;  ///< the phase, or what comes after the last one
  bool measuring = false;
  double elapsed = 0, total = 0;  ///< seconds of the curve
  double level = 0;               ///< arrivals a second, or workers
  std::uint64_t offered = 0, replies = 0, errors = 0, unsent = 0;
  std::uint64_t in_flight = 0, waiting = 0, connected = 0;
  nanoseconds p50{0}, p99{0};  ///< of the last whole second
};

/// Thread: run() on one thread, stop() and abandon() on any, also from `tick`.
class load {
 public:
  /// Both outlive it.
  load(const scenario& what, const target& where, const load_options& options);
  ~load();
  load(const load&) = delete;
  load& operator=(const load&) = delete;

  /// Blocks until everything has ended. `tick` is called every 100 ms or so.
  figures run(std::function<void(const progress&)> tick);
  /// Measures no more; gives back what is held, within a deadline or two.
  void stop();
  /// Ends at once: what is held stays allocated.
  void abandon();
  /// What run() runs, for signals.
  boost::asio::io_context& io() noexcept { return io_; }

 private:
  task<void> conduct();
  task<bool> begin();
  task<void> measure();
  task<void> finish();
  task<void> keep_time();
  task<void> wait_a_moment();
  [[nodiscard]] bool engines_ended() const { return ended_ == engines_.size(); }
  [[nodiscard]] std::uint64_t under_way() const;
  void report_progress(clock::time_point now);
  void fail(std::string why);

  const load_options options_;
  common_ground ground_;
  boost::asio::io_context io_{1};
  auditor auditor_;
  std::function<void(const progress&)> tick_;
  std::vector<std::unique_ptr<engine>> engines_;
  std::vector<std::thread> threads_;
  std::atomic<std::size_t> ended_{0};
  std::atomic<bool> stopping_{false}, abandoned_{false};
  std::string doing_ = "starting";
  std::string failure_;
  clock::time_point next_tick_;
  std::size_t checked_phase_ = 0;
  bool finished_ = false;
};

}  // namespace lode::bench
