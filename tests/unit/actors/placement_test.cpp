// The placement index by itself: each policy's order, each condition's edge, and random fleets against a plain scan.

#include "actors/placement_index.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
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

using numbers = std::vector<placement_index::miner_number>;

numbers offered_in_order(const placement_index& index, const device_requirement& need) {
  numbers order;
  while (const auto miner = index.pick(need, order)) order.push_back(*miner);
  return order;
}

constexpr placement_index::miner_number a = 0, b = 1, c = 2;

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

TEST(placement_test, best_fit_takes_the_smallest_that_is_enough) {
  placement_index index{placement_policy::best_fit, 1};
  const auto specs = [](std::int64_t mib, std::int64_t cpus = 8) {
    miner_specs s;
    s.cpu_count = cpus;
    s.gpu_count = 1;
    s.gpu_capacity_mib = mib;
    s.gpu_name = "NVIDIA H100 PCIe";
    s.ram_total = s.ram_available = 64LL << 30;
    s.disk_total = s.disk_free = 512LL << 30;
    return s;
  };
  constexpr placement_index::miner_number large = 0, small = 1, tiny = 2, gone = 3;
  const auto pick = [&index](const device_requirement& need, const numbers& tried = {}) {
    return index.pick(need, tried);
  };
  index.offer(large, specs(80000), true);
  index.offer(small, specs(24000), true);
  index.offer(tiny, specs(2999), true);
  index.offer(gone, specs(3000), false);
  device_requirement need;
  EXPECT_EQ(pick(need), small);
  EXPECT_EQ(pick(need, {small}), large);
  EXPECT_EQ(pick(need, {small, large}), gone);  // unreachable last time: last
  EXPECT_EQ(pick(need, {small, large, gone}), std::nullopt);
  need.gpu_type = "h100";
  EXPECT_EQ(pick(need), small);
  need.gpu_type = "a100";
  EXPECT_EQ(pick(need), std::nullopt);
  need.gpu_type = "";
  EXPECT_EQ(pick(need), tiny);
  need.cpu_count = 9;
  EXPECT_EQ(pick(need), std::nullopt);
  index.withdraw(tiny);
  EXPECT_EQ(index.size(), 3u);
}

TEST(placement_test, spread_takes_the_one_that_has_been_idle_longest) {
  placement_index index{placement_policy::spread, 1};
  miner_specs s;
  s.cpu_count = 1;
  s.ram_available = s.disk_free = 8LL << 30;
  device_requirement need;
  need.gpu_type = "";
  for (const auto m : {a, b, c}) index.offer(m, s, true);
  EXPECT_EQ(index.pick(need, {}), a);
  index.withdraw(a);  // as the registry does while it is rented
  index.offer(a, s, true);
  EXPECT_EQ(index.pick(need, {}), b);
}

TEST(placement_test, spread_news_of_an_idle_miner_does_not_send_it_to_the_end) {
  placement_index index{placement_policy::spread, 1};
  const device_requirement need;
  for (const auto m : {a, b, c}) index.offer(m, sound(), true);
  auto grown = sound();
  grown.cpu_count = 64;
  index.offer(a, grown, true);
  EXPECT_EQ(offered_in_order(index, need), (numbers{a, b, c}));
  index.offer(a, grown, false);
  EXPECT_EQ(offered_in_order(index, need), (numbers{b, c, a}));
  index.offer(a, grown, true);
  EXPECT_EQ(offered_in_order(index, need), (numbers{a, b, c}));
  index.withdraw(a);  // rented, and free again: the last that was used
  index.offer(a, grown, true);
  EXPECT_EQ(offered_in_order(index, need), (numbers{b, c, a}));
}

TEST(placement_test, random_prefers_nobody) {
  const device_requirement need;
  constexpr auto small = a, large = b, gone = c;
  std::map<placement_index::miner_number, int> first;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    placement_index index{placement_policy::random, seed};
    auto much = sound();
    much.gpu_capacity_mib = 80000;
    index.offer(small, sound(), true);
    index.offer(large, much, true);
    index.offer(gone, sound(), false);
    const auto order = offered_in_order(index, need);
    ASSERT_EQ(order.size(), 3u);
    EXPECT_EQ(order.back(), gone);
    ++first[order.front()];
  }
  EXPECT_GT(first[small], 90);
  EXPECT_GT(first[large], 90);
}

TEST(placement_test, amounts_beyond_what_is_compared_quickly_are_compared_exactly) {
  constexpr auto huge = std::numeric_limits<std::int64_t>::max();
  for (const auto policy : {placement_policy::best_fit, placement_policy::spread, placement_policy::random}) {
    placement_index index{policy, 1};
    auto less = sound();
    less.cpu_count = huge - 1;
    auto negative = sound();
    negative.cpu_count = -1;
    auto most = less;
    most.cpu_count = huge;
    index.offer(a, less, true);
    index.offer(b, negative, true);
    index.offer(c, most, true);
    device_requirement need;
    need.cpu_count = huge;
    EXPECT_EQ(offered_in_order(index, need), (numbers{c}));
    need.cpu_count = 0;
    EXPECT_EQ(offered_in_order(index, need).size(), 2u);
    need.cpu_count = std::numeric_limits<std::int64_t>::min();
    EXPECT_EQ(offered_in_order(index, need).size(), 3u);
  }
}

TEST(placement_test, a_name_that_is_no_longer_offered_is_not_found_under_its_successor) {
  placement_index index{placement_policy::best_fit, 1};
  auto other = sound();
  other.gpu_name = "Tesla T4";
  index.offer(a, sound(), true);
  index.offer(a, other, true);
  index.withdraw(a);
  index.withdraw(a);
  index.offer(b, other, true);
  device_requirement need;
  need.gpu_type = "l40s";
  EXPECT_EQ(index.pick(need, {}), std::nullopt);
  need.gpu_type = "T4";
  EXPECT_EQ(index.pick(need, {}), b);
  EXPECT_EQ(index.size(), 1u);
  EXPECT_EQ(index.shapes(), 1u);
}

// -- random fleets against a plain look at all miners -----------------------------------------------------------------

struct fleet {
  struct member {
    miner_specs specs;
    bool reachable = true;
    std::uint64_t idle_since = 0;
  };
  std::mt19937_64 rng;
  placement_index index;
  std::map<placement_index::miner_number, member> members;
  std::uint64_t offers = 0;

  fleet(placement_policy policy, std::uint64_t seed) : rng(seed), index(policy, seed) {}

  std::int64_t upto(std::int64_t n) { return static_cast<std::int64_t>(rng() % static_cast<std::uint64_t>(n)); }

  void offer(placement_index::miner_number m, const miner_specs& s, bool reachable) {
    index.offer(m, s, reachable);
    const auto [it, fresh] = members.try_emplace(m);
    if (fresh) it->second.idle_since = ++offers;
    it->second.specs = s;
    it->second.reachable = reachable;
  }
  void withdraw(placement_index::miner_number m) {
    index.withdraw(m);
    members.erase(m);
  }

  [[nodiscard]] std::set<placement_index::miner_number> fitting(const device_requirement& need) const {
    std::set<placement_index::miner_number> out;
    for (const auto& [m, each] : members) {
      const auto& s = each.specs;
      const bool any = boost::iequals(need.gpu_type, "gpu");
      const bool gpu =
          need.gpu_type.empty() || need.gpu_size == 0 ||
          (s.gpu_count >= 1 && s.gpu_count >= need.gpu_count && s.gpu_capacity_mib >= need.gpu_size * 1000 &&
           (any || boost::icontains(s.gpu_name, need.gpu_type)));
      if (gpu && s.cpu_count >= need.cpu_count && s.ram_available >= need.ram * gib &&
          s.disk_free >= need.hard_disk * gib)
        out.insert(m);
    }
    return out;
  }

  /// What is known of the order: all of it but for ties and the draws of the policy random.
  [[nodiscard]] bool may_come_before(placement_policy policy, const member& x, const member& y) const {
    if (x.reachable != y.reachable) return x.reachable;
    if (policy == placement_policy::random) return true;
    if (policy == placement_policy::spread) return x.idle_since < y.idle_since;
    const auto size = [](const miner_specs& s) {
      return std::tie(s.gpu_capacity_mib, s.gpu_count, s.cpu_count, s.ram_available, s.disk_free);
    };
    return size(x.specs) <= size(y.specs);
  }
};

class random_fleets : public testing::TestWithParam<placement_policy> {
 protected:
  // `everything`: the order of all members. The miners that fit must come in just that order, whatever is asked for,
  // whoever was tried.
  static void compare(fleet& f, const numbers& everything, const device_requirement& need, const std::string& about) {
    const auto fitting = f.fitting(need);
    numbers expected;
    std::copy_if(everything.begin(), everything.end(), std::back_inserter(expected),
                 [&](auto m) { return fitting.contains(m); });
    EXPECT_EQ(expected.size(), fitting.size()) << about;
    EXPECT_EQ(f.index.order(need), expected) << about;
    numbers tried;
    for (std::size_t i = 0; i < expected.size(); i += 1 + expected.size() / 8) {
      // The first ones in any order, and some that would come later.
      tried.assign(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(i));
      std::shuffle(tried.begin(), tried.end(), f.rng);
      auto next = i;
      if (f.upto(2) == 0 && next + 1 < expected.size()) tried.push_back(expected[next++]);
      EXPECT_EQ(f.index.pick(need, tried), expected[next]) << about;
    }
    EXPECT_EQ(f.index.pick(need, expected), std::nullopt) << about;
  }

  static numbers whole_order(const fleet& f) {
    device_requirement everything;
    everything.cpu_count = everything.ram = everything.hard_disk = everything.gpu_size = 0;
    return f.index.order(everything);
  }
};

// What is offered, in any order, is what a plain look at all miners finds; reachable ones first; best fit by size.
TEST_P(random_fleets, offer_exactly_what_fits) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    fleet f{GetParam(), seed};
    const auto upto = [&](std::int64_t n) { return f.upto(n); };
    for (int step = 0; step < 120; ++step) {
      const auto m = static_cast<placement_index::miner_number>(upto(40));
      if (upto(4) == 0) {
        f.withdraw(m);
        continue;
      }
      miner_specs s;
      s.cpu_count = upto(6);
      s.gpu_count = upto(4);
      s.gpu_capacity_mib = (1 + upto(6)) * 1000 - upto(2);
      s.gpu_name = upto(2) == 0 ? "NVIDIA A100" : "Tesla h100 gpu";
      s.ram_available = (1 + upto(4)) * gib - upto(2);
      s.disk_free = upto(4) * gib;
      f.offer(m, s, upto(3) != 0);
    }
    ASSERT_EQ(f.index.size(), f.members.size());
    const auto everything = whole_order(f);
    ASSERT_EQ(everything.size(), f.members.size());
    for (std::size_t i = 1; i < everything.size(); ++i)
      EXPECT_TRUE(f.may_come_before(GetParam(), f.members.at(everything[i - 1]), f.members.at(everything[i])))
          << "seed " << seed;
    for (int query = 0; query < 8; ++query) {
      device_requirement need;
      need.cpu_count = upto(4);
      need.gpu_size = upto(4);
      need.gpu_count = upto(3);
      need.ram = upto(3);
      need.hard_disk = upto(3);
      need.gpu_type = std::vector<std::string>{"gpu", "GPU", "", "a100", "H100"}[static_cast<std::size_t>(upto(5))];
      compare(f, everything, need, "seed " + std::to_string(seed));
    }
  }
}

// Many of few shapes, so that a shape's miners are on many stretches, which grow, split, shrink and join.
TEST_P(random_fleets, of_few_shapes_offer_exactly_what_fits_while_they_grow_and_shrink) {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    fleet f{GetParam(), seed};
    const auto upto = [&](std::int64_t n) { return f.upto(n); };
    constexpr std::int64_t most = 6000;
    for (const int withdrawn : {5, 40, 90, 10}) {  // of a hundred
      for (int step = 0; step < 4000; ++step) {
        const auto m = static_cast<placement_index::miner_number>(upto(most));
        if (upto(100) < withdrawn) {
          f.withdraw(m);
          continue;
        }
        auto s = sound();
        s.cpu_count = upto(2) == 0 ? 8 : 200 + upto(40);  // large ones share a shape
        s.gpu_name = upto(3) == 0 ? "NVIDIA L40S" : "NVIDIA A100";
        // Who has much of the one has little of the other.
        const auto share = upto(1000);
        s.ram_available = (share + upto(3)) * gib + upto(2);
        s.disk_free = (1000 - share) * gib;
        f.offer(m, s, upto(10) != 0);
      }
      ASSERT_EQ(f.index.size(), f.members.size());
      const auto everything = whole_order(f);
      ASSERT_EQ(everything.size(), f.members.size());
      for (std::size_t i = 1; i < everything.size(); ++i)
        ASSERT_TRUE(f.may_come_before(GetParam(), f.members.at(everything[i - 1]), f.members.at(everything[i])))
            << "seed " << seed;
      for (int query = 0; query < 30; ++query) {
        device_requirement need;
        need.cpu_count = upto(2) == 0 ? 1 : 200 + upto(45);
        need.gpu_type = upto(2) == 0 ? "gpu" : "a100";
        need.ram = upto(1003);
        need.hard_disk = 1000 - need.ram + upto(5) - 1;
        compare(f, everything, need, "seed " + std::to_string(seed));
      }
    }
    while (!f.members.empty()) f.withdraw(f.members.begin()->first);
    EXPECT_EQ(f.index.size(), 0u);
    EXPECT_EQ(f.index.shapes(), 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(policies, random_fleets,
                         testing::Values(placement_policy::best_fit, placement_policy::spread,
                                         placement_policy::random));

}  // namespace
}  // namespace lode::actors
