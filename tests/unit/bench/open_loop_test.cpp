// Open loops: requests are due when they are due, whatever the server does.

#include "fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace lode::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::vector<phase> constant(double level, double length) {
  phase p;
  p.from = level;
  p.seconds = length;
  return {p};
}

TEST(levels, are_found_again_by_their_amount) {
  phase ramp;
  ramp.kind = phase_kind::ramp;
  ramp.from = 0;
  ramp.to = 100;
  ramp.seconds = 10;
  phase pause;
  pause.kind = phase_kind::pause;
  pause.seconds = 5;
  phase spike;
  spike.kind = phase_kind::spike;
  spike.from = 10;
  spike.to = 100;
  spike.seconds = 9;
  spike.peak_seconds = 3;
  const level_curve curve{{ramp, pause, spike}, 0};
  EXPECT_DOUBLE_EQ(curve.seconds(), 24);
  EXPECT_DOUBLE_EQ(curve.at(5), 50);
  EXPECT_DOUBLE_EQ(curve.at(12), 0);
  EXPECT_DOUBLE_EQ(curve.at(16), 10);
  EXPECT_DOUBLE_EQ(curve.at(19.5), 100);
  EXPECT_DOUBLE_EQ(curve.at(24), 0);
  EXPECT_DOUBLE_EQ(curve.peak(), 100);
  EXPECT_DOUBLE_EQ(curve.amount_until(100), 500 + 30 + 300 + 30);
  EXPECT_EQ(curve.phase_at(12), 1U);
  for (int i = 0; i < 117; ++i) {
    const double amount = 0.5 + 7.3 * i;
    const auto t = curve.time_of(amount);
    ASSERT_TRUE(t) << amount;
    EXPECT_NEAR(curve.amount_until(*t), amount, 1e-6);
    EXPECT_TRUE(*t <= 10 || *t >= 15) << "nothing comes in a pause";
  }
  EXPECT_FALSE(curve.time_of(861));
}

TEST(levels, a_falling_ramp_keeps_its_digits) {
  phase ramp;
  ramp.kind = phase_kind::ramp;
  ramp.from = 1000;
  ramp.to = 999.999999;
  ramp.seconds = 1000;
  const level_curve curve{{ramp}, 0};
  EXPECT_NEAR(*curve.time_of(500'000), 500, 1e-3);
}

TEST(arrivals, of_a_constant_process_are_evenly_spaced_and_its_parts_make_it_up) {
  const level_curve curve{constant(10, 2), 0};
  std::vector<double> all;
  for (unsigned part = 0; part < 3; ++part) {
    arrivals a{curve, arrival_process::constant, 1, part, 3};
    while (const auto t = a.next()) all.push_back(*t);
  }
  std::sort(all.begin(), all.end());
  ASSERT_EQ(all.size(), 20U);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_NEAR(all[i], 0.05 + 0.1 * static_cast<double>(i), 1e-9);
}

TEST(arrivals, of_a_poisson_process_have_its_mean_and_its_variance) {
  const level_curve curve{constant(1000, 200), 0};
  std::vector<double> counts(200);
  std::size_t n = 0;
  for (unsigned part = 0; part < 2; ++part) {
    arrivals a{curve, arrival_process::poisson, 7, part, 2};
    double before = 0;
    while (const auto t = a.next()) {
      EXPECT_GE(*t, before);
      before = *t;
      ++counts[static_cast<std::size_t>(*t)];
      ++n;
    }
  }
  EXPECT_NEAR(static_cast<double>(n), 200'000, 4 * std::sqrt(200'000));
  double variance = 0;
  for (const double c : counts) variance += (c - 1000) * (c - 1000) / 200;
  EXPECT_NEAR(variance, 1000, 400) << "of the counts in a second, which is their mean";
}

TEST(arrivals, come_at_the_same_times_from_the_same_seed) {
  const level_curve curve{constant(100, 1), 0};
  arrivals a{curve, arrival_process::poisson, 3, 0, 1};
  arrivals b{curve, arrival_process::poisson, 3, 0, 1};
  arrivals c{curve, arrival_process::poisson, 4, 0, 1};
  bool differs = false;
  while (const auto t = a.next()) {
    EXPECT_EQ(t, b.next());
    differs |= t != c.next();
  }
  EXPECT_TRUE(differs);
}

TEST(open_loop, a_stall_of_the_server_is_in_the_percentiles) {
  // Everything that is asked in the second after 0.5 s is answered at its end. A closed loop would have asked once.
  const auto stalling = [](const scripted_request& r) {
    scripted_answer a{200, "{}"};
    if (r.at > 0.5 && r.at < 1.5) a.after = milliseconds{static_cast<int>((1.5 - r.at) * 1000)};
    return a;
  };
  scripted_server server{stalling};
  auto s = open_loop(100, 2, operation::get);
  s.process = arrival_process::constant;
  s.connections = 4;
  const auto f = run_against(server.url(), s);
  EXPECT_EQ(f.offered, 200U);
  EXPECT_EQ(times_of(f, "get").count(), 200U) << "what was due is answered for, also when it came late";
  // A hundred were due in the stall: half of all, evenly between no wait and all of it.
  EXPECT_GT(times_of(f, "get").percentile(0.99), milliseconds{850});
  EXPECT_GT(times_of(f, "get").percentile(0.75), milliseconds{300});
  EXPECT_GT(f.measured.kinds[0].wait.percentile(0.95), milliseconds{300}) << "there are four connections only";

  scripted_server again{stalling};
  auto c = closed_loop(1, 2, operation::get);
  const auto g = run_against(again.url(), c);
  EXPECT_LT(times_of(g, "get").percentile(0.99), milliseconds{500}) << "so the test shows a difference";
}

TEST(open_loop, what_could_not_be_sent_in_time_is_counted) {
  scripted_server server{[](const scripted_request&) {
    scripted_answer a{200, "{}"};
    a.after = milliseconds{150};
    return a;
  }};
  auto s = open_loop(200, 0.5, operation::get);
  s.connections = 1;
  s.deadline = milliseconds{200};
  s.drain = milliseconds{100};
  const auto f = run_against(server.url(), s);
  EXPECT_GT(f.offered, 50U);
  const auto ok = outcomes_of(f, "get", "ok");
  const auto unsent = outcomes_of(f, "get", "unsent");
  EXPECT_GT(ok, 0U);
  EXPECT_GT(unsent, 0U);
  EXPECT_EQ(ok + unsent + outcomes_of(f, "get", "timed out"), f.offered);
  EXPECT_EQ(times_of(f, "get", "unsent").count(), unsent);
}

TEST(open_loop, no_more_wait_for_a_connection_than_the_backlog_has_room_for) {
  scripted_server server{[](const scripted_request&) {
    scripted_answer a{200, "{}"};
    a.after = milliseconds{300};
    return a;
  }};
  auto s = open_loop(500, 0.5, operation::get);
  s.connections = 1;
  s.backlog = 5;
  std::uint64_t most = 0;
  const auto f =
      run_against(server.url(), s, {}, [&](load&, const progress& now) { most = std::max(most, now.waiting); });
  EXPECT_LE(most, 5U);
  EXPECT_GT(outcomes_of(f, "get", "unsent"), 0U);
}

TEST(open_loop, connections_are_bounded_and_kept) {
  right_daemon daemon{64};
  scripted_server server{std::ref(daemon)};
  auto s = open_loop(300, 0.5);
  s.connections = 6;
  s.open_at_start = true;
  load_options options;
  options.threads = 2;
  const auto f = run_against(server.url(), s, options);
  // One of reach(), one of the auditor.
  EXPECT_EQ(server.accepted(), 6U + 2);
  EXPECT_EQ(joined(f.violations) + f.failure, "");
  EXPECT_EQ(f.left_behind, 0U);
}

TEST(open_loop, a_pause_compares_the_listing) {
  right_daemon daemon{64};
  scripted_server server{std::ref(daemon)};
  auto s = open_loop(100, 0.2);
  s.mix[0].hold = {0.4, 0.4};
  phase pause;
  pause.kind = phase_kind::pause;
  pause.seconds = 0.2;
  s.phases.push_back(pause);
  s.phases.push_back(s.phases[0]);
  const auto f = run_against(server.url(), s);
  EXPECT_EQ(joined(f.violations) + f.failure, "");
  EXPECT_EQ(f.looks, 2U) << "in the pause and at the end";
}

}  // namespace
}  // namespace lode::bench
