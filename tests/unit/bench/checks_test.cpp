// What a server that cheats is told: on their own, and through whole runs.

#include "fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lode::bench {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

holding held(std::uint64_t op, const std::string& hotkey, unsigned allocation) {
  holding h;
  h.op = op;
  h.request = "allocate";
  h.asked = static_cast<double>(op);
  h.answered = static_cast<double>(op) + 0.5;
  h.hotkey = hotkey;
  h.uuid = uuid_of(allocation);
  return h;
}

TEST(checks, find_a_miner_given_twice) {
  checks c;
  c.granted(held(1, "a", 1));
  c.granted(held(2, "b", 2));
  EXPECT_EQ(c.violation_count(), 0U);
  c.granted(held(3, "a", 3));
  ASSERT_EQ(c.violation_count(), 1U);
  EXPECT_THAT(c.violations()[0], AllOf(HasSubstr("miner a"), HasSubstr("operation 1 (allocate, asked at 1.000 s"),
                                       HasSubstr("operation 3"), Not(HasSubstr(uuid_of(1).substr(0, 8)))));
  EXPECT_EQ(c.open().size(), 3U) << "also what was overtaken has to be given back";
}

TEST(checks, let_the_next_have_it_once_the_release_was_sent) {
  checks c;
  c.granted(held(1, "a", 1));
  EXPECT_TRUE(c.is_held("a"));
  c.releasing("a", 1);
  EXPECT_FALSE(c.is_held("a"));
  c.granted(held(2, "a", 2));
  c.released("a", 1);  // read after the next one's reply
  EXPECT_EQ(c.violation_count(), 0U);
  EXPECT_EQ(c.open().size(), 1U);
  c.granted(held(3, "a", 3));
  EXPECT_EQ(c.violation_count(), 1U) << "operation 2 holds it, whatever operation 1 has heard";
}

TEST(checks, find_a_uuid_used_again_anywhere) {
  checks c;
  c.granted(held(1, "a", 1));
  c.releasing("a", 1);
  c.released("a", 1);
  c.granted(held(2, "a", 1));
  c.granted(held(3, "b", 1));
  ASSERT_EQ(c.violation_count(), 2U);
  EXPECT_THAT(c.violations()[0], HasSubstr("with the uuid_key of operation 1"));
  EXPECT_THAT(c.violations()[1], HasSubstr("with the uuid_key of an earlier allocation"));
}

TEST(checks, know_what_was_given_back) {
  checks c;
  c.granted(held(1, "a", 1));
  EXPECT_FALSE(c.given_back("a", uuid_of(1)));
  c.releasing("a", 1);
  c.released("a", 1);
  EXPECT_EQ(c.given_back("a", uuid_of(1))->op, 1U);
  EXPECT_FALSE(c.given_back("a", uuid_of(2)));
  EXPECT_TRUE(c.open().empty());
}

/// Runs until the cheat is found.
template <class Daemon>
figures caught(const scenario& s) {
  Daemon daemon{4};
  scripted_server server{std::ref(daemon)};
  return run_against(server.url(), s);
}

scenario holding_loop(double seconds) {
  auto s = closed_loop(2, seconds);
  s.mix[0].hold = {0.05, 0.05};
  return s;
}

TEST(a_cheating_server, that_gives_one_miner_to_two_is_found) {
  struct cheat : right_daemon {
    using right_daemon::right_daemon;
    std::optional<scripted_answer> allocate(const scripted_request& r, std::optional<unsigned>) override {
      return grant(3, uuid_of(++allocations_), r);
    }
  };
  const auto f = caught<cheat>(holding_loop(600));
  EXPECT_THAT(joined(f.violations), AllOf(HasSubstr(hotkey_of(3)), HasSubstr("holds it")));
  EXPECT_EQ(f.left_behind, 0U) << "both were given back";
}

TEST(a_cheating_server, that_uses_a_uuid_again_is_found) {
  struct cheat : right_daemon {
    using right_daemon::right_daemon;
    std::optional<scripted_answer> allocate(const scripted_request& r, std::optional<unsigned>) override {
      ++allocations_;
      return grant(allocations_ % miners_, uuid_of(allocations_ / 8), r);
    }
  };
  EXPECT_THAT(joined(caught<cheat>(closed_loop(1, 600)).violations), HasSubstr("uuid_key"));
}

TEST(a_cheating_server, that_forgets_an_allocation_is_found_in_the_listing) {
  struct cheat : right_daemon {
    using right_daemon::right_daemon;
    std::optional<scripted_answer> list_allocations(const scripted_request&) override {
      return scripted_answer{404, R"({"success":false})"};
    }
  };
  auto s = closed_loop(1, 1);
  s.mix[0].hold = {600, 600};
  const auto f = caught<cheat>(s);
  EXPECT_THAT(joined(f.violations), AllOf(HasSubstr("operation 1 (allocate"), HasSubstr("no listing shows it")));
}

TEST(a_cheating_server, that_lists_what_was_given_back_is_found) {
  struct cheat : right_daemon {
    using right_daemon::right_daemon;
    std::optional<scripted_answer> deallocate(const scripted_request& r) override {
      auto before = live_;
      auto said = right_daemon::deallocate(r);
      live_ = std::move(before);
      return said;
    }
  };
  cheat daemon{1};
  scripted_server server{std::ref(daemon)};
  const auto f = run_against(server.url(), closed_loop(1, 1));
  EXPECT_THAT(joined(f.violations), HasSubstr("was given back, but is listed as before"));
}

TEST(a_cheating_server, that_does_not_know_what_it_granted_is_found) {
  struct cheat : right_daemon {
    using right_daemon::right_daemon;
    std::optional<scripted_answer> deallocate(const scripted_request&) override {
      return scripted_answer{404, R"({"success":false})"};
    }
  };
  const auto f = caught<cheat>(closed_loop(1, 600));
  EXPECT_THAT(joined(f.violations), HasSubstr("answered 404"));
  EXPECT_EQ(f.done, 0U);
}

TEST(a_cheating_server, whose_success_is_none_is_found) {
  struct no_data : right_daemon {
    using right_daemon::right_daemon;
    std::optional<scripted_answer> allocate(const scripted_request&, std::optional<unsigned>) override {
      return scripted_answer{200, R"({"success":true})"};
    }
  };
  const auto f = caught<no_data>(closed_loop(1, 600));
  EXPECT_THAT(joined(f.violations), HasSubstr("data is not an object"));
  EXPECT_GE(f.in_doubt, 1U);
  struct not_really : right_daemon {
    using right_daemon::right_daemon;
    std::optional<scripted_answer> deallocate(const scripted_request& r) override {
      right_daemon::deallocate(r);
      return scripted_answer{200, R"({"success":false})"};
    }
  };
  EXPECT_THAT(joined(caught<not_really>(closed_loop(1, 600)).violations), HasSubstr("success is not true"));
}

}  // namespace
}  // namespace lode::bench
