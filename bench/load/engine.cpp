#include "bench/load/engine.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

namespace lode::bench {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable_t<executor>{});
constexpr milliseconds tick_every{20};
// How late a worker may be for its part of a ramp.
constexpr milliseconds look_again{10};
constexpr milliseconds first_backoff{5};
constexpr milliseconds longest_backoff{1000};

std::size_t share(std::size_t of_all, unsigned part, unsigned parts) {
  return of_all / parts + (part < of_all % parts ? 1 : 0);
}

std::vector<double> weights(const scenario& s) {
  std::vector<double> all;
  for (const auto& e : s.mix) all.push_back(e.weight);
  return all;
}

}  // namespace

void common_ground::end_by(clock::time_point t) {
  const clock::rep sooner = t.time_since_epoch().count();
  clock::rep now = end.load();
  while (sooner < now && !end.compare_exchange_weak(now, sooner)) {
  }
}

engine::engine(common_ground& ground, unsigned part)
    : ground_(ground),
      part_(part),
      pool_(io_.get_executor(), *ground.where.peer, share(connections_of(ground.what), part, ground.threads),
            std::max<std::size_t>(1, ground.what.backlog / ground.threads)),
      ticker_(io_.get_executor()),
      dice_(ground.what.seed * 1'000'003 + part),
      stats_(ground.kinds.names.size()) {
  const auto w = weights(ground.what);
  mix_ = std::discrete_distribution<std::size_t>(w.begin(), w.end());
}

std::string engine::open_connections() {
  if (!ground_.what.open_at_start) return {};
  bool opened = false;
  asio::co_spawn(io_.get_executor(), pool_.open_all(ground_.what.deadline),
                 [&](const std::exception_ptr& thrown, bool made) { opened = made && !thrown; });
  // Nobody else looks at the deadlines yet.
  while (!io_.stopped()) {
    io_.run_for(tick_every);
    pool_.close_overdue(clock::now());
  }
  io_.restart();
  return opened ? std::string{} : pool_.problem();
}

clock::time_point engine::at(double seconds_of_curve) const {
  return ground_.start + std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(seconds_of_curve));
}

void engine::spawn(task<void> t) {
  ++running_;
  asio::co_spawn(io_.get_executor(), std::move(t), [this](const std::exception_ptr& thrown) {
    if (thrown) {
      ground_.seen.violation("the generator itself ran out of something: an exception ended an operation");
      set_stage(stage::stopping);
    }
    if (--running_ == 0) ticker_.cancel();
  });
}

void engine::run() {
  if (ground_.what.mode == loop::open) {
    spawn(dispatch());
  } else {
    const auto workers = static_cast<unsigned>(std::ceil(ground_.curve.peak()));
    for (unsigned w = part_; w < workers; w += ground_.threads) spawn(work(w));
  }
  asio::co_spawn(io_.get_executor(), watch(), [](const std::exception_ptr&) {});
  io_.run();
  stats_.close_second();
}

void engine::set_stage(stage s) {
  if (s <= stage_) return;
  stage_ = s;
  if (s == stage::quiescing) turn_away_at_ = clock::now() + ground_.what.drain;
  if (s >= stage::stopping) {
    pool_.turn_away();
    for (timer* t : sleeping_) t->cancel();
  }
  if (s == stage::abandoned) pool_.close_all();
}

void engine::quiesce() {
  asio::post(io_, [this] { set_stage(stage::quiescing); });
}
void engine::stop() {
  asio::post(io_, [this] { set_stage(stage::stopping); });
}
void engine::abandon() {
  asio::post(io_, [this] { set_stage(stage::abandoned); });
}

histogram engine::last_second() const {
  const std::lock_guard lock{last_second_mutex_};
  return last_second_;
}

task<void> engine::watch() {
  while (running_ > 0) {
    ticker_.expires_after(tick_every);
    [[maybe_unused]] const auto [cancelled] = co_await ticker_.async_wait(as_result);
    const auto now = clock::now();
    pool_.close_overdue(now);
    if (now >= turn_away_at_) pool_.turn_away();
    live.waiting = pool_.waiting();
    live.connected = pool_.connected();
    if (now >= ground_.begin && now < ground_.ends_at())
      stats_.snapshot(second_of_run(now), live.in_flight, live.waiting);
    if (const auto second = second_of_run(now); second != second_) {
      second_ = second;
      const std::lock_guard lock{last_second_mutex_};
      last_second_ = this_second_;
      this_second_.clear();
    }
  }
}

task<void> engine::sleep_until(clock::time_point t) {
  if (stage_ >= stage::stopping) co_return;
  timer alarm{io_.get_executor(), t};
  const auto place = sleeping_.insert(sleeping_.end(), &alarm);
  [[maybe_unused]] const auto [cancelled] = co_await alarm.async_wait(as_result);
  sleeping_.erase(place);
}

task<void> engine::hold_until(clock::time_point t) {
  if (t > clock::now()) co_await sleep_until(t);
  // What was granted last stays until the listing was looked at.
  while (stage_ == stage::quiescing) co_await sleep_until(clock::now() + std::chrono::hours{1});
}

task<void> engine::dispatch() {
  arrivals due{ground_.curve, ground_.what.process, ground_.what.seed, part_, ground_.threads};
  for (;;) {
    const auto next = due.next();
    if (!next || stage_ >= stage::stopping) break;
    const auto intended = at(*next);
    while (intended > clock::now() && intended < ground_.ends_at() && stage_ < stage::stopping)
      co_await sleep_until(std::min(intended, clock::now() + milliseconds{100}));
    // What was due before the end is begun, also when this thread is late.
    if (stage_ >= stage::stopping || intended >= ground_.ends_at()) break;
    if (intended >= ground_.begin) {
      ++live.offered;
      stats_.offered(second_of_run(intended));
    }
    spawn(open_operation(intended));
  }
  // The last ones may still be held; it is for stop() to end that.
  while (stage_ < stage::stopping) co_await sleep_until(clock::now() + std::chrono::hours{1});
}

task<void> engine::work(unsigned worker) {
  milliseconds backoff{0};
  while (stage_ == stage::running) {
    const auto now = clock::now();
    if (worker >= std::ceil(ground_.curve.at(since_start(now)))) {
      co_await sleep_until(now + look_again);
      continue;
    }
    if (now >= ground_.begin && now < ground_.ends_at()) {
      ++live.offered;
      stats_.offered(second_of_run(now));
    }
    const bool fine = co_await operate(now);
    backoff = fine ? milliseconds{0} : std::clamp(backoff * 2, first_backoff, longest_backoff);
    const auto pause = std::max<clock::duration>(backoff, pick_time(ground_.what.think));
    if (pause.count() > 0 && stage_ == stage::running) co_await sleep_until(clock::now() + pause);
  }
}

bool engine::measures(clock::time_point intended, clock::time_point answered) const {
  // An open loop owes an answer for everything that was due in the window, whenever it comes; a closed one is measured
  // by what it completes.
  const auto when = ground_.what.mode == loop::open ? intended : answered;
  return when >= ground_.begin && when < ground_.ends_at();
}

std::size_t engine::second_of_run(clock::time_point t) const {
  if (t <= ground_.begin) return 0;
  return static_cast<std::size_t>((t - ground_.begin) / std::chrono::seconds{1});
}

double engine::since_start(clock::time_point t) const {
  return std::chrono::duration<double>(t - ground_.start).count();
}

}  // namespace lode::bench
