// The placement index by itself: each policy's order, each condition's edge, and random fleets against a plain scan.

#include "actors/placement_index.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <random>
#include <vector>

namespace lode::actors {
namespace {

constexpr std::int64_t gib = 1LL << 30;

miner_specs sound() {
  miner_specs s;
  s.cpu_count = 8;
  s.gpu_count = 2;
  s.gpu_capacity_mib = 24000;
  s.gpu_name = "NVIDIA L40S";
  s.ram_total = s.ram_available = 32 * gib;
  s.disk_total = s.disk_free = 200 * gib;
  return s;
}

std::vector<std::string> offered_in_order(const placement_index& index, const device_requirement& need) {
  std::vector<std::string> order;
  std::set<std::string> tried;
  while (const auto hotkey = index.pick(need, tried)) {
    order.push_back(*hotkey);
    tried.insert(*hotkey);
  }
  return order;
}

using names = std::vector<std::string>;

TEST(placement_test, policies_go_by_their_names) {
  EXPECT_EQ(placement_policy_from("best-fit"), placement_policy::best_fit);
  EXPECT_EQ(placement_policy_from("spread"), placement_policy::spread);
  EXPECT_EQ(placement_policy_from("random"), placement_policy::random);
  EXPECT_EQ(placement_policy_from("Spread"), std::nullopt);
  EXPECT_EQ(placement_policy_from(""), std::nullopt);
}

TEST(placement_test, each_condition_is_met_at_its_edge_and_not_below) {
  device_requirement need;
  need.cpu_count = 8;
  need.gpu_type = "l40s";
  need.gpu_size = 24;
  need.gpu_count = 2;
  need.ram = 32;
  need.hard_disk = 200;
  EXPECT_TRUE(meets(sound(), need));
  const std::vector<std::function<void(miner_specs&)>> below{
      [](auto& s) { --s.cpu_count; },      [](auto& s) { --s.gpu_count; },     [](auto& s) { --s.gpu_capacity_mib; },
      [](auto& s) { s.gpu_name = "L40"; }, [](auto& s) { --s.ram_available; }, [](auto& s) { --s.disk_free; },
  };
  for (std::size_t i = 0; i < below.size(); ++i) {
    auto s = sound();
    below[i](s);
    EXPECT_FALSE(meets(s, need)) << "condition " << i;
  }
  need.gpu_size = 0;  // no GPU condition, whatever the type and count
  need.gpu_count = 99;
  EXPECT_TRUE(meets(sound(), need));
}

TEST(placement_test, gpu_count_demands_that_many_and_a_gpu_at_least_one) {
  device_requirement need;
  for (std::int64_t count = 0; count <= 3; ++count) {
    need.gpu_count = count;
    EXPECT_EQ(meets(sound(), need), count <= 2) << count;
  }
  auto none = sound();
  none.gpu_count = 0;
  need.gpu_count = 0;
  EXPECT_FALSE(meets(none, need));
  need.gpu_count = std::numeric_limits<std::int64_t>::max();
  EXPECT_FALSE(meets(sound(), need));
}

TEST(placement_test, spread_news_of_an_idle_miner_does_not_send_it_to_the_end) {
  placement_index index{placement_policy::spread, 1};
  const device_requirement need;
  for (const char* h : {"a", "b", "c"}) index.offer(h, sound(), true);
  auto grown = sound();
  grown.cpu_count = 64;
  index.offer("a", grown, true);
  EXPECT_EQ(offered_in_order(index, need), (names{"a", "b", "c"}));
  index.offer("a", grown, false);
  EXPECT_EQ(offered_in_order(index, need), (names{"b", "c", "a"}));
  index.offer("a", grown, true);
  EXPECT_EQ(offered_in_order(index, need), (names{"a", "b", "c"}));
  index.withdraw("a");  // rented, and free again: the last that was used
  index.offer("a", grown, true);
  EXPECT_EQ(offered_in_order(index, need), (names{"b", "c", "a"}));
}

TEST(placement_test, random_prefers_nobody) {
  const device_requirement need;
  std::map<std::string, int> first;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    placement_index index{placement_policy::random, seed};
    auto large = sound();
    large.gpu_capacity_mib = 80000;
    index.offer("small", sound(), true);
    index.offer("large", large, true);
    index.offer("gone", sound(), false);
    const auto order = offered_in_order(index, need);
    ASSERT_EQ(order.size(), 3u);
    EXPECT_EQ(order.back(), "gone");
    ++first[order.front()];
  }
  EXPECT_GT(first["small"], 90);
  EXPECT_GT(first["large"], 90);
}

class random_fleets : public testing::TestWithParam<placement_policy> {};

// What is offered, in any order, is what a plain look at all miners finds; reachable ones first; best fit by size.
TEST_P(random_fleets, offer_exactly_what_fits) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    std::mt19937_64 rng{seed};
    const auto upto = [&](std::int64_t n) { return static_cast<std::int64_t>(rng() % static_cast<std::uint64_t>(n)); };
    placement_index index{GetParam(), seed};
    struct member {
      miner_specs specs;
      bool reachable;
    };
    std::map<std::string, member> fleet;
    for (int step = 0; step < 120; ++step) {
      const auto hotkey = "h" + std::to_string(upto(40));
      if (upto(4) == 0) {
        index.withdraw(hotkey);
        fleet.erase(hotkey);
        continue;
      }
      miner_specs s;
      s.cpu_count = upto(6);
      s.gpu_count = upto(4);
      s.gpu_capacity_mib = (1 + upto(6)) * 1000 - upto(2);
      s.gpu_name = upto(2) == 0 ? "NVIDIA A100" : "Tesla h100 gpu";
      s.ram_available = (1 + upto(4)) * gib - upto(2);
      s.disk_free = upto(4) * gib;
      const bool reachable = upto(3) != 0;
      index.offer(hotkey, s, reachable);
      fleet[hotkey] = {s, reachable};
    }
    ASSERT_EQ(index.size(), fleet.size());
    device_requirement need;
    need.cpu_count = upto(4);
    need.gpu_size = upto(4);
    need.gpu_count = upto(3);
    need.ram = upto(3);
    need.hard_disk = upto(3);
    need.gpu_type = std::vector<std::string>{"gpu", "GPU", "", "a100", "H100"}[static_cast<std::size_t>(upto(5))];
    std::set<std::string> fitting;
    for (const auto& [hotkey, m] : fleet) {
      const auto& s = m.specs;
      const bool any = boost::iequals(need.gpu_type, "gpu");
      const bool gpu =
          need.gpu_type.empty() || need.gpu_size == 0 ||
          (s.gpu_count >= 1 && s.gpu_count >= need.gpu_count && s.gpu_capacity_mib >= need.gpu_size * 1000 &&
           (any || boost::icontains(s.gpu_name, need.gpu_type)));
      if (gpu && s.cpu_count >= need.cpu_count && s.ram_available >= need.ram * gib &&
          s.disk_free >= need.hard_disk * gib)
        fitting.insert(hotkey);
    }
    const auto order = offered_in_order(index, need);
    EXPECT_EQ(std::set<std::string>(order.begin(), order.end()), fitting) << "seed " << seed;
    EXPECT_EQ(order.size(), fitting.size());
    for (std::size_t i = 1; i < order.size(); ++i) {
      const auto& a = fleet.at(order[i - 1]);
      const auto& b = fleet.at(order[i]);
      EXPECT_GE(a.reachable, b.reachable) << "seed " << seed;
      if (GetParam() == placement_policy::best_fit && a.reachable == b.reachable) {
        EXPECT_LE(a.specs.gpu_capacity_mib, b.specs.gpu_capacity_mib) << "seed " << seed;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(policies, random_fleets,
                         testing::Values(placement_policy::best_fit, placement_policy::spread,
                                         placement_policy::random));

}  // namespace
}  // namespace lode::actors
