#pragma once
// One thread of the load: its share of the arrivals or workers, of the connections and of what is measured.

#include "bench/load/checks.hpp"
#include "bench/load/pool.hpp"
#include "bench/load/rest.hpp"
#include "bench/load/scenario.hpp"
#include "bench/load/statistics.hpp"
#include "bench/load/target.hpp"

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <list>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace lode::bench {

/// What the threads of one run share. Read only, but for what is atomic or locks itself.
struct common_ground {
  common_ground(const scenario& s, const target& t) : what(s), where(t), kinds(s), curve(s.phases, s.warmup) {}

  const scenario& what;
  const target& where;
  const request_kinds kinds;
  const level_curve curve;
  unsigned threads = 1;
  std::uint64_t count = 0;           ///< ends after so many whole operations; zero: when the curve does
  std::string tag;                   ///< the run's, in SSH keys
  std::vector<std::string> hotkeys;  ///< miners that were available at the start
  clock::time_point start;           ///< of the curve
  clock::time_point begin;           ///< of the measured time

  checks seen;
  std::atomic<std::uint64_t> operations{0};                                          ///< numbered so far
  std::atomic<std::uint64_t> done{0};                                                ///< whole ones within the window
  std::atomic<clock::rep> end{clock::time_point::max().time_since_epoch().count()};  ///< of the measured time
  std::atomic<clock::rep> silent_since{0};  ///< when the first request after the last reply was sent; zero: none was

  [[nodiscard]] clock::time_point ends_at() const { return clock::time_point{clock::duration{end.load()}}; }
  /// Sooner than it would; never later.
  void end_by(clock::time_point t);
};

/// For the line of progress; whoever reads them sees a moment's values.
struct live_counters {
  std::atomic<std::uint64_t> offered{0}, replies{0}, errors{0}, unsent{0};
  std::atomic<std::uint64_t> in_flight{0}, waiting{0}, connected{0};
};

/// Thread: run() from one thread, the others from any.
class engine {
 public:
  engine(common_ground& ground, unsigned part);
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;

  /// Opens connections where the scenario wants them all from the start. What is wrong, or empty.
  std::string open_connections();
  /// Until the load was stopped and everything ended.
  void run();
  /// No new operations; what is under way goes on, and what is held stays held.
  void quiesce();
  /// Holds are cut short; everything is given back.
  void stop();
  /// Closes every connection: what is held stays allocated.
  void abandon();

  /// Times of the last whole second, all kinds together, for the line of progress.
  [[nodiscard]] histogram last_second() const;
  /// After run() only.
  [[nodiscard]] const statistics& measured() const { return stats_; }

  live_counters live;

 private:
  enum class stage { running, quiescing, stopping, abandoned };
  /// A request with its reply; the body lives as long as the connection is on loan.
  struct asked {
    pool::lease peer;
    std::size_t kind = 0;
    clock::time_point intended, sent, answered;
    unsigned status = 0;  ///< zero: no reply
    std::string_view body;
    bool nothing_happened = false;  ///< the server never saw it
  };
  struct rented {
    std::uint64_t op = 0;
    granted_miner miner;
  };

  // engine.cpp: who acts when.
  task<void> dispatch();
  task<void> work(unsigned worker);
  task<void> watch();
  void spawn(task<void> t);
  task<void> sleep_until(clock::time_point t);
  task<void> hold_until(clock::time_point t);
  void set_stage(stage s);
  [[nodiscard]] clock::time_point at(double seconds_of_curve) const;

  // flows.cpp: what an operation does.
  task<void> open_operation(clock::time_point intended);
  task<bool> operate(clock::time_point intended);
  task<bool> rent(const mix_entry& e, std::size_t kind, std::uint64_t op, clock::time_point intended);
  task<void> change(const rented& r, std::size_t kind, std::string_view action);
  task<bool> give_back(const rented& r, clock::time_point intended);
  task<bool> fetch(const mix_entry& e, std::size_t kind, std::uint64_t op, clock::time_point intended);
  task<bool> look_at_miners(const mix_entry& e, std::size_t kind, std::uint64_t op, clock::time_point intended);
  /// One request. Counts it, unless its status is 200: then succeed() or wrong() does.
  task<asked> ask(std::size_t kind, std::string_view request, clock::time_point intended, bool must = false);
  void succeed(const asked& a);
  void wrong(const asked& a, std::uint64_t op, std::string_view why);
  void count(const asked& a, std::string_view outcome);
  void count_unsent(const asked& a);
  void whole_operation(clock::time_point answered);
  std::size_t pick_entry();
  const std::string& pick_miner();
  clock::duration pick_time(const time_range& r);

  [[nodiscard]] bool measures(clock::time_point intended, clock::time_point answered) const;
  [[nodiscard]] std::size_t second_of_run(clock::time_point t) const;
  [[nodiscard]] double since_start(clock::time_point t) const;

  common_ground& ground_;
  unsigned part_;
  boost::asio::io_context io_{1};
  pool pool_;
  timer ticker_;
  stage stage_ = stage::running;
  std::size_t running_ = 0;
  std::list<timer*> sleeping_;
  clock::time_point turn_away_at_ = clock::time_point::max();
  std::mt19937_64 dice_;
  std::discrete_distribution<std::size_t> mix_;
  statistics stats_;

  mutable std::mutex last_second_mutex_;
  histogram last_second_;
  histogram this_second_;
  std::size_t second_ = 0;
};

}  // namespace lode::bench
