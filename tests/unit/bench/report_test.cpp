// What is made of a run afterwards: reports that are read back, plots, comparisons, sweeps.

#include "bench/load/report.hpp"

#include "bench/load/compare.hpp"
#include "bench/load/plots.hpp"
#include "bench/load/saved_report.hpp"
#include "bench/load/svg.hpp"
#include "bench/load/sweep.hpp"
#include "fixture.hpp"

#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <sstream>

namespace lode::bench {
namespace {

using testing::HasSubstr;
using testing::Not;

/// How many elements of a kind there are; an XML parser has read it all.
std::size_t elements(const boost::property_tree::ptree& in, const std::string& name) {
  std::size_t n = 0;
  for (const auto& [key, inner] : in) n += (key == name ? 1 : 0) + elements(inner, name);
  return n;
}
boost::property_tree::ptree parsed(const std::string& svg) {
  boost::property_tree::ptree tree;
  std::istringstream in{svg};
  boost::property_tree::read_xml(in, tree);
  return tree;
}

run_report small_run() {
  right_daemon daemon{8};
  scripted_server server{std::ref(daemon)};
  run_report r;
  r.what = open_loop(100, 0.4);
  phase ramp;
  ramp.kind = phase_kind::ramp;
  ramp.from = 100;
  ramp.to = 200;
  ramp.seconds = 1;
  r.what.phases.push_back(ramp);
  r.url = "http://127.0.0.1:1";
  r.began = "2026-11-27T00:00:00Z";
  r.f = run_against(server.url(), r.what);
  return r;
}

TEST(saved_report, comes_back_as_it_was) {
  const auto r = small_run();
  const auto read = read_run(report_json(r));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_TRUE(read->open);
  EXPECT_EQ(read->scenario, "test");
  EXPECT_NEAR(read->seconds, 1.4, 1e-3);
  ASSERT_EQ(read->offered.size(), 1U) << "whole seconds only";
  EXPECT_EQ(read->offered[0], static_cast<double>(r.f.measured.seconds[0].offered));
  ASSERT_EQ(read->kinds.size(), 2U);
  const auto& allocate = times_of(r.f, "allocate");
  EXPECT_EQ(read->kinds[0].response.count(), allocate.count());
  EXPECT_EQ(read->kinds[0].response.percentile(0.99), allocate.percentile(0.99));
  EXPECT_EQ(read->phases.size(), 2U);
  EXPECT_FALSE(read->phases[1].even);
  EXPECT_THAT(read_run("{}").error().detail, HasSubstr("no report"));
  EXPECT_THAT(read_run("[").error().detail, HasSubstr("no report"));
  EXPECT_THAT(read_run(R"({"schema":"x"})").error().detail, HasSubstr("expected schema lode-bench.run/1"));
}

TEST(plots, are_well_formed_and_show_every_kind) {
  const auto plots = plots_of_report(report_json(small_run()));
  ASSERT_TRUE(plots) << plots.error().detail;
  ASSERT_EQ(plots->size(), 3U);
  for (const auto& [name, svg] : *plots) {
    const auto tree = parsed(svg);
    EXPECT_EQ(tree.count("svg"), 1U) << name;
    EXPECT_EQ(elements(tree, "title"), 1U) << name;
    EXPECT_GE(elements(tree, "polyline"), 2U) << name;
    EXPECT_THAT(svg, Not(HasSubstr("nan"))) << name;
    EXPECT_THAT(svg, Not(HasSubstr("inf"))) << name;
  }
  EXPECT_THAT((*plots)[0].second, HasSubstr(">deallocate<"));
  EXPECT_THAT((*plots)[1].second, HasSubstr(">ramp 100..200<"));
}

TEST(svg, keeps_its_form_whatever_it_is_given) {
  chart_panel p;
  p.title = "a < b & \"c\"";
  p.y.log = true;
  p.lines.push_back({"<name>", line_colour(0), {{0, 0}, {1, NAN}, {2, INFINITY}, {3, 5}, {4, 7}}, false, true});
  p.lines.push_back({"nothing", line_colour(1), {}, false, false});
  p.marks.push_back({3, "x<y"});
  const auto svg = draw("t & t", "<s>", {p, chart_panel{}});
  const auto tree = parsed(svg);
  EXPECT_EQ(elements(tree, "circle"), 2U) << "what a log axis cannot show is left out";
  EXPECT_THAT(svg, HasSubstr("a &lt; b &amp; &quot;c&quot;"));
}

saved_run steady(double rate, double p50, double p99, double noise, unsigned seed, std::size_t seconds = 30) {
  std::mt19937 dice{seed};
  std::normal_distribution<double> about{1, noise};
  saved_run r;
  r.load = "{}";
  r.seconds = static_cast<double>(seconds);
  r.phases.push_back({"constant", static_cast<double>(seconds), true});
  saved_kind k;
  k.name = "allocate";
  k.response.add(std::chrono::milliseconds{1});
  for (std::size_t i = 0; i < seconds; ++i) {
    k.ok.push_back(std::max(1.0, rate * about(dice)));
    k.p50.push_back(std::max(0.01, p50 * about(dice)));
    k.p99.push_back(std::max(0.01, p99 * about(dice)));
    r.ok.push_back(k.ok.back());
    r.errors.push_back(0);
  }
  r.kinds.push_back(std::move(k));
  return r;
}

verdict verdict_on(const std::vector<comparison>& all, const std::string& metric) {
  for (const auto& c : all)
    if (c.metric == metric) return c.is;
  ADD_FAILURE() << metric;
  return verdict::same;
}

TEST(compare, does_not_take_noise_for_a_change) {
  unsigned wrong = 0;
  for (unsigned seed = 0; seed < 20; ++seed) {
    const auto all = compare(steady(1000, 5, 20, 0.2, seed), steady(1000, 5, 20, 0.2, seed + 100), {});
    ASSERT_TRUE(all);
    for (const auto& c : *all) wrong += c.is != verdict::same ? 1 : 0;
  }
  // 60 metrics, each wrong once in a hundred times.
  EXPECT_LE(wrong, 5U);
}

TEST(compare, finds_a_change_beyond_the_noise_and_which_way_it_went) {
  const auto before = steady(1000, 5, 20, 0.1, 1);
  const auto slower = compare(before, steady(700, 5, 40, 0.1, 2), {});
  ASSERT_TRUE(slower);
  EXPECT_EQ(verdict_on(*slower, "allocate per second"), verdict::worse);
  EXPECT_EQ(verdict_on(*slower, "allocate p50 ms"), verdict::same);
  EXPECT_EQ(verdict_on(*slower, "allocate p99 ms"), verdict::worse);
  const auto faster = compare(steady(700, 5, 40, 0.1, 2), before, {});
  EXPECT_EQ(verdict_on(*faster, "allocate per second"), verdict::better);
  EXPECT_EQ(verdict_on(*faster, "allocate p99 ms"), verdict::better);
  EXPECT_THAT(comparison_text(*slower), HasSubstr("worse"));
  EXPECT_THAT(comparison_json(*slower), HasSubstr(R"("regression":true)"));
  EXPECT_THAT(comparison_json(*faster), HasSubstr(R"("regression":false)"));
}

TEST(compare, a_sure_change_below_the_threshold_does_not_count) {
  const auto a = steady(1000, 5, 20, 0.001, 1);
  const auto b = steady(970, 5, 20, 0.001, 2);
  EXPECT_EQ(verdict_on(*compare(a, b, {}), "allocate per second"), verdict::same);
  compare_options strict;
  strict.threshold = 0.01;
  EXPECT_EQ(verdict_on(*compare(a, b, strict), "allocate per second"), verdict::worse);
}

TEST(compare, seconds_of_a_ramp_are_compared_one_by_one) {
  const auto ramp = [](double factor, unsigned seed) {
    auto r = steady(1, 1, 1, 0.02, seed);
    r.phases[0].even = false;
    for (std::size_t i = 0; i < 30; ++i) {
      r.kinds[0].ok[i] *= 100.0 * static_cast<double>(i + 1);
      r.kinds[0].p99[i] *= factor * std::exp(static_cast<double>(i) / 3);
    }
    return r;
  };
  // Over the whole ramp the p99 spreads over four decades: only second by second a fifth is seen.
  EXPECT_EQ(verdict_on(*compare(ramp(1, 1), ramp(1.2, 2), {}), "allocate p99 ms"), verdict::worse);
  EXPECT_EQ(verdict_on(*compare(ramp(1, 1), ramp(1.0, 2), {}), "allocate p99 ms"), verdict::same);
}

TEST(compare, errors_and_violations_are_regressions) {
  const auto a = steady(1000, 5, 20, 0.1, 1);
  auto b = steady(1000, 5, 20, 0.1, 2);
  for (auto& e : b.errors) e = 20;
  EXPECT_EQ(verdict_on(*compare(a, b, {}), "errors, share of requests"), verdict::worse);
  auto c = steady(1000, 5, 20, 0.1, 3);
  c.violations = 1;
  EXPECT_EQ(verdict_on(*compare(a, c, {}), "violations"), verdict::worse);
}

TEST(compare, refuses_what_cannot_be_compared) {
  const auto a = steady(1000, 5, 20, 0.1, 1);
  EXPECT_THAT(compare(a, steady(1000, 5, 20, 0.1, 1, 4), {}).error().detail, HasSubstr("at least 5"));
  auto other = steady(1000, 5, 20, 0.1, 1);
  other.load = "other";
  EXPECT_THAT(compare(a, other, {}).error().detail, HasSubstr("different loads"));
  compare_options anyway;
  anyway.anyway = true;
  EXPECT_TRUE(compare(a, other, anyway));
}

/// A server of that capacity, as a sweep sees it.
measure_level server_of(double capacity, std::vector<double>* asked = nullptr) {
  return [=](double level, sweep_step& s) {
    if (asked != nullptr) asked->push_back(level);
    s.offered = level;
    s.achieved = std::min(level, capacity);
    s.p50_ms = 2;
    s.p99_ms = level > capacity ? 500 : 6;
    return true;
  };
}

TEST(sweep, finds_the_knee_and_measures_at_half_of_the_saturation) {
  saved_sweep s;
  std::vector<double> asked;
  sweep({}, server_of(1000, &asked), s);
  EXPECT_DOUBLE_EQ(s.saturation, 1000);
  EXPECT_LE(s.knee, 1000 / 0.95);
  EXPECT_GE(s.knee, 800) << "three bisections between 839 and 1342";
  EXPECT_DOUBLE_EQ(s.half.level, 500);
  EXPECT_DOUBLE_EQ(asked.back(), 500);
  EXPECT_TRUE(
      std::is_sorted(s.steps.begin(), s.steps.end(), [](const auto& a, const auto& b) { return a.level < b.level; }));
  EXPECT_THAT(sweep_text(s), HasSubstr("p99 ÷ p50 = 3.0"));
  const auto read = read_sweep(sweep_json(s));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->steps.size(), s.steps.size());
  EXPECT_DOUBLE_EQ(read->knee, s.knee);
  const auto plots = plots_of_report(sweep_json(s));
  ASSERT_TRUE(plots);
  EXPECT_GE(elements(parsed((*plots)[0].second), "polyline"), 3U);
}

TEST(sweep, of_workers_ends_where_more_of_them_get_no_more) {
  sweep_options o;
  o.open = false;
  o.from = 1;
  o.factor = 2;
  saved_sweep s;
  sweep(
      o,
      [](double workers, sweep_step& step) {
        step.achieved = std::min(workers, 10.0) * 100;
        return true;
      },
      s);
  EXPECT_DOUBLE_EQ(s.saturation, 1000);
  EXPECT_GE(s.knee, 8);
  EXPECT_LE(s.knee, 16);
}

TEST(sweep, takes_the_levels_it_is_given_and_ends_when_it_is_told) {
  sweep_options o;
  o.levels = {10, 5000, 20};
  saved_sweep s;
  std::vector<double> asked;
  sweep(o, server_of(1000, &asked), s);
  EXPECT_EQ(asked, (std::vector<double>{10, 5000, 20, 500}));
  EXPECT_DOUBLE_EQ(s.knee, 20);
  saved_sweep cut;
  int n = 0;
  sweep(
      o, [&](double, sweep_step&) { return ++n < 2; }, cut);
  EXPECT_EQ(cut.steps.size(), 1U);
  EXPECT_EQ(cut.half.level, 0);
}

TEST(sweep, failures_are_saturation_too) {
  saved_sweep s;
  sweep(
      {},
      [](double level, sweep_step& step) {
        step.offered = step.achieved = level;
        step.failed = level > 100 ? 0.5 : 0;
        return true;
      },
      s);
  EXPECT_LE(s.knee, 100);
  EXPECT_GE(s.knee, 80);
}

}  // namespace
}  // namespace lode::bench
