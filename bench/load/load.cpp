#include "bench/load/load.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <random>

namespace lode::bench {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable_t<executor>{});
constexpr milliseconds moment{5};
constexpr milliseconds tick_every{100};
// Beyond the deadline of a request: the tries that give an allocation back.
constexpr milliseconds release_patience{10'000};

// Apart from other runs against the same server, also in other containers.
std::string random_tag() {
  std::random_device dice;
  return fmt::format("lode-bench-{:08x}{:08x}", dice(), dice());
}

}  // namespace

load::load(const scenario& what, const target& where, const load_options& options)
    : options_(options), ground_(what, where), auditor_(io_.get_executor(), ground_) {
  ground_.threads = std::max(1U, options.threads);
  ground_.count = options.count;
  ground_.tag = random_tag();
}

load::~load() {
  abandon();
  for (auto& t : threads_)
    if (t.joinable()) t.join();
}

void load::stop() { stopping_ = true; }

void load::abandon() {
  stopping_ = true;
  abandoned_ = true;
}

void load::fail(std::string why) {
  if (failure_.empty()) failure_ = std::move(why);
}

figures load::run(std::function<void(const progress&)> tick) {
  tick_ = std::move(tick);
  asio::co_spawn(io_.get_executor(), conduct(), [this](const std::exception_ptr& thrown) {
    if (thrown) fail("the generator ran out of something");
    finished_ = true;
    io_.stop();
  });
  asio::co_spawn(io_.get_executor(), keep_time(), [](const std::exception_ptr&) {});
  io_.run();
  for (const auto& e : engines_) e->abandon();
  for (auto& t : threads_) t.join();

  figures f;
  f.kinds = ground_.kinds.names;
  f.measured = statistics{f.kinds.size()};
  for (const auto& e : engines_) f.measured.merge(e->measured());
  const auto ended = std::min(clock::now(), ground_.ends_at());
  if (!engines_.empty() && ended > ground_.begin)
    f.seconds = std::chrono::duration<double>(ended - ground_.begin).count();
  f.operations = ground_.operations;
  f.done = ground_.done;
  for (const auto& s : f.measured.seconds) f.offered += s.offered;
  f.in_doubt = f.measured.in_doubt;
  f.recovered = auditor_.recovered();
  f.left_behind = ground_.seen.open().size();
  f.grants = ground_.seen.grants();
  f.looks = auditor_.looks();
  f.violation_count = ground_.seen.violation_count();
  f.violations = ground_.seen.violations();
  f.failure = failure_;
  f.interrupted = stopping_;
  return f;
}

task<void> load::wait_a_moment() {
  timer alarm{io_.get_executor(), clock::now() + moment};
  [[maybe_unused]] const auto [cancelled] = co_await alarm.async_wait(as_result);
}

task<void> load::keep_time() {
  while (!finished_) {
    co_await wait_a_moment();
    const auto now = clock::now();
    auditor_.close_overdue(now);
    if (abandoned_) {
      auditor_.abandon();
      for (const auto& e : engines_) e->abandon();
    }
    if (now < next_tick_) continue;
    next_tick_ = now + tick_every;
    report_progress(now);
  }
}

task<void> load::conduct() {
  const bool begun = co_await begin();
  if (!begun) co_return;
  co_await measure();
  co_await finish();
}

task<bool> load::begin() {
  if (names_miners(ground_.what)) {
    ground_.hotkeys = co_await auditor_.find_miners();
    if (ground_.hotkeys.empty()) {
      fail(auditor_.problem());
      co_return false;
    }
  }
  std::vector<std::unique_ptr<engine>> made;
  for (unsigned part = 0; part < ground_.threads; ++part) {
    if (stopping_) co_return false;
    made.push_back(std::make_unique<engine>(ground_, part));
    if (const auto problem = made.back()->open_connections(); !problem.empty()) {
      fail(fmt::format("{} connections could not be opened: {}", connections_of(ground_.what), problem));
      co_return false;
    }
  }
  engines_ = std::move(made);
  const auto seconds = [](double s) {
    return std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(s));
  };
  ground_.start = clock::now() + moment;
  ground_.begin = ground_.start + seconds(ground_.what.warmup);
  if (ground_.count == 0) ground_.end_by(ground_.start + seconds(ground_.curve.seconds()));
  for (const auto& e : engines_) {
    threads_.emplace_back([this, &e = *e] {
      e.run();
      ++ended_;
    });
  }
  co_return true;
}

task<void> load::measure() {
  const auto& phases = ground_.what.phases;
  checked_phase_ = phases.size();
  while (!stopping_ && clock::now() < ground_.ends_at() && ground_.seen.violation_count() == 0) {
    co_await wait_a_moment();
    const auto now = clock::now();
    const clock::rep silent = ground_.silent_since;
    const std::size_t phase = ground_.curve.phase_at(std::chrono::duration<double>(now - ground_.start).count());
    doing_ = now < ground_.begin ? "warming up" : describe(phases[phase]);
    if (phases[phase].kind == phase_kind::pause) {
      if (phase == checked_phase_ || !rents(ground_.what) || !ground_.what.check_listing) continue;
      checked_phase_ = phase;
      const bool checked = co_await auditor_.check_listing();
      if (!checked) fail(auditor_.problem());
    } else if (silent != 0 && now - clock::time_point{clock::duration{silent}} > options_.patience) {
      fail(fmt::format("the server has not answered for {} ms", options_.patience.count()));
      break;
    }
  }
}

std::uint64_t load::under_way() const {
  std::uint64_t all = 0;
  for (const auto& e : engines_) all += e->live.in_flight + e->live.waiting;
  return all;
}

task<void> load::finish() {
  ground_.end_by(clock::now());
  const auto began = clock::now();
  const bool orderly = !stopping_ && failure_.empty() && ground_.seen.violation_count() == 0;
  if (orderly) {
    doing_ = "waiting for the last replies";
    for (const auto& e : engines_) e->quiesce();
    const auto until = began + ground_.what.drain + ground_.what.deadline;
    // The engines count what waits every 20 ms.
    const auto settled = began + milliseconds{50};
    while (!stopping_ && clock::now() < until && (under_way() > 0 || clock::now() < settled)) co_await wait_a_moment();
    if (rents(ground_.what) && ground_.what.check_listing && !stopping_) {
      doing_ = "comparing the listing";
      const bool checked = co_await auditor_.check_listing();
      if (!checked) fail(auditor_.problem());
    }
  }
  doing_ = "giving back";
  for (const auto& e : engines_) e->stop();
  const auto until = clock::now() + ground_.what.deadline + release_patience;
  while (!engines_ended() && clock::now() < until) co_await wait_a_moment();
  for (const auto& e : engines_) e->abandon();
  while (!engines_ended()) co_await wait_a_moment();
  std::uint64_t in_doubt = 0;
  for (const auto& e : engines_) in_doubt += e->measured().in_doubt;
  if (rents(ground_.what) && !abandoned_)
    co_await auditor_.clean_up(in_doubt, clock::now() + std::min(options_.late_allocations, ground_.what.deadline));
  if (const auto left = ground_.seen.open().size(); left > 0 && !abandoned_)
    fail(fmt::format("{} allocations could not be given back", left));
}

void load::report_progress(clock::time_point now) {
  if (!tick_) return;
  progress p;
  p.doing = doing_;
  p.total = ground_.curve.seconds();
  if (!engines_.empty()) {
    p.elapsed = std::clamp(std::chrono::duration<double>(now - ground_.start).count(), 0.0, p.total);
    p.level = ground_.curve.at(p.elapsed);
    p.measuring = now >= ground_.begin && now < ground_.ends_at();
  }
  histogram last;
  for (const auto& e : engines_) {
    p.offered += e->live.offered;
    p.replies += e->live.replies;
    p.errors += e->live.errors;
    p.unsent += e->live.unsent;
    p.in_flight += e->live.in_flight;
    p.waiting += e->live.waiting;
    p.connected += e->live.connected;
    last.merge(e->last_second());
  }
  p.p50 = last.percentile(0.5);
  p.p99 = last.percentile(0.99);
  tick_(p);
}

}  // namespace lode::bench
