// The load against a scripted server on loopback: what it counts, how it ends, what it leaves behind.

#include "bench/load/report.hpp"
#include "fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

namespace lode::bench {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr double long_enough = 600;

TEST(load, counts_pairs_and_gives_everything_back) {
  right_daemon daemon{8};
  {
    scripted_server server{std::ref(daemon)};
    const auto f = run_against(server.url(), closed_loop(8, long_enough), counting(500));
    EXPECT_GE(f.done, 500U);
    EXPECT_LT(f.done, 500U + 8);
    EXPECT_EQ(f.measured.pairs, f.done);
    EXPECT_EQ(times_of(f, "deallocate").count(), f.done);
    EXPECT_GE(times_of(f, "allocate").count(), f.done);
    EXPECT_EQ(joined(f.violations) + f.failure, "");
    EXPECT_GE(f.looks, 1U) << "the listing was compared";
    EXPECT_EQ(f.left_behind, 0U);
    EXPECT_EQ(f.grants, outcomes_of(f, "allocate", "ok"));
  }
  EXPECT_EQ(daemon.live(), 0U);
}

TEST(load, of_several_threads_adds_up) {
  right_daemon daemon{16};
  std::atomic<std::uint64_t> granted{0};
  scripted_server server{[&](const scripted_request& r) {
    auto said = daemon(r);
    if (r.line.find("/allocate_spec") != std::string::npos && said->status == 200) ++granted;
    return said;
  }};
  auto options = counting(400);
  options.threads = 3;
  const auto f = run_against(server.url(), closed_loop(16, long_enough), options);
  EXPECT_GE(f.done, 400U);
  EXPECT_EQ(f.grants, granted);
  EXPECT_EQ(outcomes_of(f, "deallocate", "ok"), granted);
  EXPECT_EQ(joined(f.violations) + f.failure, "");
}

TEST(load, measures_only_after_the_warm_up_and_only_so_long) {
  right_daemon daemon{2};
  scripted_server server{std::ref(daemon)};
  auto s = closed_loop(2, 0.25);
  s.warmup = 0.15;
  const auto f = run_against(server.url(), s);
  EXPECT_DOUBLE_EQ(f.seconds, 0.25);
  EXPECT_GT(f.done, 0U);
  EXPECT_LT(f.done, outcomes_of(f, "deallocate", "ok")) << "the pairs of the warm-up were counted";
}

TEST(load, goes_on_after_errors_and_counts_them) {
  right_daemon daemon{4};
  unsigned n = 0;
  unsigned refused = 0;
  scripted_server server{[&](const scripted_request& r) -> std::optional<scripted_answer> {
    if (r.line.find("/service/") != std::string::npos && ++n % 10 == 0) {
      ++refused;
      return scripted_answer{503, "busy"};
    }
    return daemon(r);
  }};
  const auto f = run_against(server.url(), closed_loop(4, long_enough), counting(40));
  EXPECT_GE(f.done, 40U);
  EXPECT_EQ(joined(f.violations) + f.failure, "");
  EXPECT_EQ(outcomes_of(f, "allocate", "503") + outcomes_of(f, "deallocate", "503"), refused);
  EXPECT_EQ(f.left_behind, 0U);
}

TEST(load, a_lost_release_is_asked_again_and_may_have_happened) {
  right_daemon daemon{1};
  bool lost = false;
  scripted_server server{[&](const scripted_request& r) -> std::optional<scripted_answer> {
    auto said = daemon(r);
    if (!lost && r.line.find("deallocate") != std::string::npos) {
      lost = true;
      return std::nullopt;
    }
    return said;
  }};
  const auto f = run_against(server.url(), closed_loop(1, long_enough), counting(3));
  EXPECT_EQ(joined(f.violations) + f.failure, "");
  EXPECT_EQ(outcomes_of(f, "deallocate", "connection lost"), 1U);
  EXPECT_EQ(outcomes_of(f, "deallocate", "404"), 1U);
  EXPECT_EQ(f.left_behind, 0U);
  EXPECT_EQ(f.done, 3U);
}

TEST(load, finds_and_gives_back_what_a_lost_reply_had_granted) {
  right_daemon daemon{20};
  {
    unsigned lost = 0;
    scripted_server server{[&](const scripted_request& r) -> std::optional<scripted_answer> {
      auto said = daemon(r);
      if (r.line.find("allocate_spec") != std::string::npos && lost < 3) {
        ++lost;
        return std::nullopt;
      }
      return said;
    }};
    const auto f = run_against(server.url(), closed_loop(2, long_enough), counting(5));
    EXPECT_EQ(f.in_doubt, 3U);
    EXPECT_EQ(f.recovered, 3U);
    EXPECT_EQ(joined(f.violations) + f.failure, "");
  }
  EXPECT_EQ(daemon.live(), 0U);
}

TEST(load, a_server_that_went_away_ends_the_run) {
  scripted_server server{[](const scripted_request&) { return std::nullopt; }};
  load_options options;
  options.patience = milliseconds{300};
  auto s = closed_loop(2, long_enough, operation::get);
  const auto f = run_against(server.url(), s, options);
  EXPECT_THAT(f.failure, HasSubstr("not answered"));
  EXPECT_GT(outcomes_of(f, "get", "connection lost"), 0U);
}

TEST(load, a_request_has_a_deadline) {
  scripted_server server{[](const scripted_request&) {
    scripted_answer late{200, "{}"};
    late.after = std::chrono::minutes{10};
    return late;
  }};
  auto s = closed_loop(1, long_enough, operation::get);
  s.deadline = milliseconds{100};
  load_options options;
  options.patience = milliseconds{300};
  const auto f = run_against(server.url(), s, options);
  EXPECT_GE(outcomes_of(f, "get", "timed out"), 1U);
  EXPECT_NE(f.failure, "");
}

TEST(load, stop_gives_back_what_is_held) {
  right_daemon daemon{3};
  {
    scripted_server server{std::ref(daemon)};
    auto s = closed_loop(3, long_enough);
    s.mix[0].hold = {600, 600};
    const auto f = run_against(server.url(), s, {}, [](load& l, const progress& now) {
      if (now.replies == 3) l.stop();
    });
    EXPECT_TRUE(f.interrupted);
    EXPECT_EQ(outcomes_of(f, "deallocate", "ok"), 3U);
    EXPECT_EQ(f.left_behind, 0U);
    EXPECT_EQ(f.failure, "");
  }
  EXPECT_EQ(daemon.live(), 0U);
}

TEST(load, abandon_leaves_what_is_held_and_says_so) {
  right_daemon daemon{3};
  {
    scripted_server server{std::ref(daemon)};
    auto s = closed_loop(3, long_enough);
    s.mix[0].hold = {600, 600};
    const auto f = run_against(server.url(), s, {}, [](load& l, const progress& now) {
      if (now.replies == 3) l.abandon();
    });
    EXPECT_EQ(f.left_behind, 3U);
  }
  EXPECT_EQ(daemon.live(), 3U);
}

TEST(load, a_phase_of_workers_has_so_many_at_work) {
  std::atomic<int> most{0};
  scripted_server server{[](const scripted_request&) {
    scripted_answer late{200, "{}"};
    late.after = milliseconds{20};
    return late;
  }};
  auto s = closed_loop(3, 0.3, operation::get);
  const auto f = run_against(server.url(), s, {}, [&](load&, const progress& now) {
    most = std::max(most.load(), static_cast<int>(now.in_flight));
  });
  EXPECT_LE(most, 3);
  EXPECT_GT(outcomes_of(f, "get", "ok"), 0U);
}

TEST(load, an_operation_of_each_kind_is_measured_under_its_name) {
  right_daemon daemon{8};
  scripted_server server{std::ref(daemon)};
  auto s = closed_loop(2, long_enough);
  for (const auto op : {operation::hotkey, operation::pause, operation::list, operation::status, operation::get}) {
    mix_entry e;
    e.op = op;
    e.name = to_string(op);
    e.path = op == operation::list ? "/list/resources_sql" : "/healthz";
    e.hotkeys = 3;
    s.mix.push_back(e);
  }
  const auto f = run_against(server.url(), s, counting(200));
  EXPECT_EQ(joined(f.violations) + f.failure, "");
  for (const char* kind : {"allocate", "allocate_hotkey", "deallocate", "pause", "unpause", "list", "status", "get"})
    EXPECT_GT(outcomes_of(f, kind, "ok"), 0U) << kind;
}

TEST(load, get_reads_large_replies_and_replies_in_chunks) {
  unsigned n = 0;
  scripted_server server{[&](const scripted_request&) {
    scripted_answer a{200, std::string(100'000, 'x')};
    if (++n % 2 == 0) a.raw = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    if (n % 3 == 0) {
      a.raw = "HTTP/1.1 200 OK\r\n\r\nuntil the end";
      a.then_close = true;
    }
    return a;
  }};
  const auto f = run_against(server.url(), closed_loop(2, long_enough, operation::get), counting(60));
  EXPECT_GE(outcomes_of(f, "get", "ok"), 60U);
  EXPECT_EQ(f.measured.kinds[0].outcomes.size(), 1U) << "nothing but ok";
}

TEST(load, reports_say_what_was_measured) {
  right_daemon daemon{4};
  scripted_server server{std::ref(daemon)};
  run_report r;
  r.what = closed_loop(4, 0.2);
  r.f = run_against(server.url(), r.what);
  const auto summary = summary_json(r);
  EXPECT_THAT(summary, HasSubstr(R"("name":"test","mode":"closed","concurrency":4)"));
  EXPECT_THAT(summary, HasSubstr(R"("pairs_per_second":)"));
  EXPECT_THAT(report_text(r), HasSubstr("allocate "));
  EXPECT_THAT(report_json(r), HasSubstr(R"("schema":"lode-bench.run/1")"));
  EXPECT_THAT(report_json(r), Not(HasSubstr("6d1e2f0a")));
  EXPECT_FALSE(has_errors(r));
}

}  // namespace
}  // namespace lode::bench
