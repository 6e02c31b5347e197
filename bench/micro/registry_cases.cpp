// The registry's data structures: choosing a miner, listing miners.

#include "actors/listing_rows.hpp"
#include "actors/placement_index.hpp"
#include "bench/micro/micro.hpp"
#include "bench/micro/samples.hpp"
#include "messages/envelope.hpp"
#include "messages/json.hpp"

#include <memory>

namespace lode::micro {
namespace {

device_requirement need(std::size_t n) {
  constexpr std::array<const char*, 4> types{"gpu", "4090", "a100", "h100"};
  device_requirement d;
  d.gpu_type = types.at(n % types.size());
  d.gpu_size = 1 + static_cast<std::int64_t>(n % 5) * 16;
  d.cpu_count = 1 + static_cast<std::int64_t>(n % 7) * 4;
  return d;
}

// A pair: a miner is chosen and taken, and comes back.
loop place(std::uint32_t miners) {
  auto index = std::make_shared<actors::placement_index>(actors::placement_policy::best_fit, 1);
  for (std::uint32_t i = 0; i < miners; ++i) index->offer(i, sample_specs(i), true);
  return [index](std::size_t n) {
    for (; n > 0; --n) {
      const auto chosen = index->pick(need(n), {});
      if (!chosen) continue;  // no miner has so much: an answer as well
      index->withdraw(*chosen);
      index->offer(*chosen, sample_specs(*chosen), true);
    }
  };
}

std::shared_ptr<actors::listing_rows> listed(std::uint32_t miners) {
  auto rows = std::make_shared<actors::listing_rows>();
  for (std::uint32_t i = 0; i < miners; ++i) rows->show(sample_address(i), sample_specs(i), i % 10 == 0);
  return rows;
}

std::string encoded(const actors::listing_rows& rows, const resource_query& filter) {
  constexpr page_request fifth{5, 50};
  const auto found = rows.list(filter, fifth);
  must(found.items.size() == 50, "listing a page");
  std::string items{"["};
  for (const auto& item : found.items) {
    if (items.size() > 1) items.push_back(',');
    write_json(items, item);
  }
  items.push_back(']');
  return success("List resources successfully", page(items, 50, found.total, fifth.number, fifth.size));
}

// What a page costs that is asked for after a miner was taken.
loop list_page() {
  return [rows = listed(1000), address = sample_address(500)](std::size_t n) {
    for (; n > 0; --n) {
      rows->show(address, sample_specs(500), n % 2 == 0);
      keep(encoded(*rows, {}));
    }
  };
}

loop list_filtered() {
  resource_query filter;
  filter.gpu_name = "4090";
  filter.cpu_count_min = 8;
  must(!encoded(*listed(2000), filter).empty(), "filtering");
  return [rows = listed(2000), filter](std::size_t n) {
    for (; n > 0; --n) keep(encoded(*rows, filter));
  };
}

}  // namespace

std::vector<micro_case> registry_cases() {
  return {
      {"placement.1k", "a miner of 1,000 chosen, taken and given back", 400, [] { return place(1000); }},
      {"placement.10k", "the same of 10,000", 400, [] { return place(10'000); }},
      {"listing.page", "a change, then a page of 50 of 1,000 miners as JSON", 20, list_page},
      {"listing.filtered", "a page of 50 of those that match, of 2,000 miners", 10, list_filtered},
  };
}

}  // namespace lode::micro
