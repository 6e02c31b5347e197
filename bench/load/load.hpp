#pragma once
// A closed loop of workers against a loded (allocate, deallocate, allocate, ...) or any HTTP server (GET).

#include "bench/load/connection.hpp"
#include "bench/load/histogram.hpp"
#include "bench/load/holdings.hpp"
#include "messages/error.hpp"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lode::bench {

enum class scenario { pairs, get };

struct load_options {
  scenario kind = scenario::pairs;
  boost::asio::ip::tcp::endpoint peer;
  std::string host;            ///< for the host header
  std::string path = "/";      ///< what `get` asks for
  std::string method = "GET";  ///< of `get`
  unsigned concurrency = 1;
  std::chrono::nanoseconds warmup{0};
  std::chrono::nanoseconds duration = std::chrono::seconds{10};  ///< measured time; zero: until `count` or stop()
  std::uint64_t count = 0;                                       ///< measured pairs or requests; zero: no such end
  std::chrono::milliseconds hold{0};                             ///< between an allocate reply and its deallocation
  std::chrono::milliseconds timeout{30'000};                     ///< of one request, its connection included
  std::chrono::milliseconds patience{10'000};  ///< without one reply of any kind the server counts as gone
};

/// What was measured. Errors are those of the whole run, the rest only of the measured time.
struct figures {
  bool measuring = false;  ///< the warm-up is over
  std::chrono::nanoseconds measured{0};
  std::uint64_t done = 0;  ///< whole pairs, or replies of `get`
  histogram allocate, deallocate, get;
  std::map<std::string, std::uint64_t> errors;  ///< by request and status or reason: "allocate 503"
  std::uint64_t in_doubt = 0;   ///< allocate requests without a whole reply, which the server may have acted on
  std::size_t left_behind = 0;  ///< allocations whose release was not confirmed
  std::string violation;        ///< what the server must never answer; empty: nothing such
  std::string failure;          ///< why the run ended early; empty: it did not
};

/// Thread: everything on the one thread that runs `io`, which outlives the load.
class load {
 public:
  load(boost::asio::io_context& io, load_options options);
  load(const load&) = delete;
  load& operator=(const load&) = delete;

  /// Begins. `tick` is called every 100 ms with the figures so far, `ended` once, when the last worker has ended.
  void start(std::function<void(const figures&)> tick, std::function<void()> ended);
  /// Measures no more; workers give back what they hold, within one request's deadline, and end.
  void stop();
  /// Closes every connection: what is held stays allocated.
  void abandon();
  /// So far, or, after `ended`, of the whole run.
  [[nodiscard]] const figures& so_far();

 private:
  using timer = boost::asio::basic_waitable_timer<clock, boost::asio::wait_traits<clock>, executor>;

  struct worker {
    worker(unsigned number, const executor& ex, const load_options& options)
        : id(number), peer(ex, options.peer, options.timeout), pause(ex) {}

    unsigned id;
    connection peer;
    timer pause;
    std::chrono::milliseconds backoff{0};
    std::string request;
    std::string hotkey;
    std::string uuid;
  };

  task<void> run(worker& w);
  task<void> pair(worker& w);
  task<bool> allocate(worker& w);
  task<bool> deallocate(worker& w);
  task<void> get(worker& w);
  task<void> watch();

  /// Sends w.request; a reply that is not 200 or none at all is counted as an error of `what`.
  task<boost::system::result<reply, exchange_error>> ask(worker& w, std::string_view what, clock::time_point& began);
  task<void> wait(worker& w, std::chrono::milliseconds time);
  task<void> back_off(worker& w);
  void count_error(std::string_view what, std::string_view reason);
  void violate(std::string text);
  void fail(std::string text);
  void look_at_clock(clock::time_point now);
  [[nodiscard]] bool measured(clock::time_point now) const { return now >= begin_ && now < end_ && !stopping_; }

  boost::asio::io_context& io_;
  load_options options_;
  std::vector<std::unique_ptr<worker>> workers_;
  timer ticker_;
  std::function<void(const figures&)> tick_;
  std::function<void()> ended_;
  figures figures_;
  holdings holdings_;
  std::size_t running_ = 0;
  bool stopping_ = false;
  bool abandoned_ = false;
  clock::time_point begin_, end_, last_reply_, stopped_;
};

}  // namespace lode::bench
