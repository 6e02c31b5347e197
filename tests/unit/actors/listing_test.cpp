// The listings of the registry: pages, sums and filters against a plain scan, and the clock that says when they change.

#include "actors/listing_rows.hpp"
#include "fixture.hpp"

#include <random>

namespace lode::testing {
namespace {

miner_specs specs_with(std::int64_t cpus, std::int64_t gpus, const char* gpu) {
  miner_specs s;
  s.cpu_count = cpus;
  s.gpu_count = gpus;
  s.gpu_name = gpu;
  s.gpu_capacity_mib = 24576;
  s.ram_total = s.ram_available = std::int64_t{cpus} << 30;
  s.disk_total = s.disk_free = std::int64_t{100} << 30;
  return s;
}

TEST(listing_rows, random_changes_leave_what_a_plain_scan_would_show) {
  std::mt19937 random{7};
  listing_rows rows;
  std::map<std::string, std::pair<miner_specs, bool>> model;
  for (int step = 0; step < 3000; ++step) {
    const auto hotkey = "5H" + std::to_string(random() % 60);
    if (random() % 4 == 0) {
      EXPECT_EQ(rows.hide(hotkey), model.erase(hotkey) == 1);
    } else {
      const auto specs =
          specs_with(1 + static_cast<std::int64_t>(random() % 4), static_cast<std::int64_t>(random() % 3),
                     random() % 2 == 0 ? "NVIDIA A100" : "Tesla T4");
      const bool reserved = random() % 2 == 0;
      const auto was = model.find(hotkey);
      const bool same = was != model.end() && was->second == std::pair{specs, reserved};
      EXPECT_EQ(rows.show(hotkey, specs, reserved), !same);
      model[hotkey] = {specs, reserved};
    }
    if (step % 10 != 0) continue;
    resource_query filter;
    if (random() % 2 == 0) filter.cpu_count_min = 1 + random() % 4;
    if (random() % 2 == 0) filter.gpu_name = "a100";
    page_request page;
    page.number = random() % 4;
    page.size = random() % 20;
    std::vector<std::string> wanted;
    std::size_t reserved = 0;
    for (const auto& [key, value] : model) {
      if (filter.cpu_count_min && value.first.cpu_count < *filter.cpu_count_min) continue;
      if (filter.gpu_name && value.first.gpu_name != "NVIDIA A100") continue;
      wanted.push_back(key);
      if (value.second) ++reserved;
    }
    const auto got = rows.list(filter, page);
    EXPECT_EQ(got.known, model.size());
    EXPECT_EQ(got.total, wanted.size());
    EXPECT_EQ(got.reserved, reserved);
    EXPECT_EQ(got.available, wanted.size() - reserved);
    const auto size = static_cast<std::size_t>(*page.size == 0 ? 50 : *page.size);
    const auto first = *page.number == 0 ? 0 : std::min(wanted.size(), (*page.number - 1) * size);
    const auto last = *page.number == 0 ? wanted.size() : std::min(wanted.size(), first + size);
    ASSERT_EQ(got.items.size(), last - first);
    for (std::size_t i = 0; i < got.items.size(); ++i) {
      EXPECT_EQ(got.items[i].hotkey, wanted[first + i]);
      EXPECT_EQ(got.items[i].allocate_status, model[wanted[first + i]].second ? "reserved" : "available");
    }
  }
}

class listing_test : public actor_test {
 protected:
  std::uint64_t clock() { return env->listings->now(); }
};

TEST_F(listing_test, the_clock_moves_when_a_listing_does_and_at_no_other_time) {
  start_tree();
  auto before = clock();
  publish({miner("5A"), miner("5B")});
  EXPECT_GT(clock(), before);

  before = clock();
  publish({miner("5A"), miner("5B")});
  ask<resource_list>(list_resources{});
  ask<readiness>(get_readiness{});
  EXPECT_EQ(clock(), before);

  auto got = allocate("5A");
  ASSERT_TRUE(got.ok());
  EXPECT_GT(clock(), before);
  EXPECT_EQ(ask<resource_list>(list_resources{}).value().reserved, 1U);

  before = clock();
  ASSERT_TRUE(ask<done>(deallocate{"5A", got.value().uuid_key, false, {}}).ok());
  EXPECT_GT(clock(), before);
  EXPECT_EQ(ask<resource_list>(list_resources{}).value().reserved, 0U);
  EXPECT_EQ(ask<allocation_list>(list_allocations{}).value().total, 0U);

  before = clock();
  publish({miner("5B")});
  EXPECT_GT(clock(), before);
  EXPECT_EQ(ask<resource_list>(list_resources{}).value().total, 1U);
}

TEST_F(listing_test, has_moved_before_the_client_hears_of_its_allocation) {
  start_tree();
  publish({miner("5A")});
  std::optional<std::uint64_t> at_reply;
  const auto before = clock();
  sys.spawn([&, to = registry](caf::event_based_actor* a) {
    a->request(to, caf::infinite, allocate_hotkey{"5A", {}, {}})
        .then([&](allocation&) { at_reply = clock(); }, [](caf::error&) {});
  });
  run();
  ASSERT_TRUE(at_reply);
  EXPECT_GT(*at_reply, before);
  EXPECT_EQ(*at_reply, clock());  // nothing of it is told later
}

TEST_F(listing_test, pages_of_allocations) {
  start_tree();
  std::vector<miner_info> fleet_of_seven;
  for (int i = 0; i < 7; ++i) fleet_of_seven.push_back(miner("5" + std::to_string(i)));
  publish(fleet_of_seven);
  for (const auto& m : fleet_of_seven) ASSERT_TRUE(allocate(m.hotkey).ok());
  list_allocations query;
  query.page.number = 2;
  query.page.size = 3;
  auto second = ask<allocation_list>(query);
  EXPECT_EQ(second.value().total, 7U);
  ASSERT_EQ(second.value().items.size(), 3U);
  EXPECT_EQ(second.value().items[0].hotkey, "53");
  query.page.number = 4;
  EXPECT_TRUE(ask<allocation_list>(query).value().items.empty());
}

}  // namespace
}  // namespace lode::testing
