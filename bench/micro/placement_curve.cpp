// placement_curve: how the time to choose a miner grows with the number of miners, for each policy and for requirements
// of several kinds, also those that an index finds hard. Prints a table in Markdown.
//
// A time is the processor time of one pick (a machine that is busy with other things does not show), less what reading
// the clock takes, on a fleet that does not change meanwhile. Requirements are drawn anew for each pick, so
// nothing is answered from what the pick before looked at.

#include "actors/placement_index.hpp"
#include "links/simulated_fleet.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <ctime>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace lode;          // NOLINT(google-build-using-namespace): a program of one file
using namespace lode::actors;  // NOLINT(google-build-using-namespace)

constexpr std::int64_t gib = 1LL << 30;

struct draw {
  std::mt19937_64 bits;
  std::int64_t below(std::int64_t n) { return static_cast<std::int64_t>(bits() % static_cast<std::uint64_t>(n)); }
  template <class T, std::size_t N>
  const T& one_of(const std::array<T, N>& all) {
    return all[static_cast<std::size_t>(below(N))];
  }
};

// As the simulated miners of loded.
miner_specs usual(draw& d) {
  links::dice of_its_own{d.bits()};
  return links::draw_specs(of_its_own);
}

constexpr std::int64_t together = 2000;  // RAM and disk of an opposed miner, in GiB

// Who has much RAM has little disk, within each shape.
miner_specs opposed(draw& d) {
  auto s = usual(d);
  const auto ram = d.below(together);
  s.ram_available = ram * gib;
  s.disk_free = (together - ram) * gib;
  return s;
}

// Cores, GPU memory, RAM and disk drawn evenly from wide ranges and of nearly as many shapes as an index may see.
miner_specs diverse(draw& d) {
  auto s = usual(d);
  s.cpu_count = 1 + d.below(256);
  s.ram_available = d.below(2048) * gib;
  s.disk_free = d.below(8192) * gib;
  if (s.gpu_count != 0) s.gpu_capacity_mib = (1 + d.below(640)) * 1000;
  return s;
}

device_requirement any_gpu(draw& d) {
  device_requirement n;
  n.gpu_size = 1 + d.below(8);
  return n;
}

device_requirement typical(draw& d) {
  constexpr std::array<const char*, 7> types{"gpu", "rtx 4090", "A100", "h100", "L40S", "t4", "nvidia"};
  device_requirement n;
  n.gpu_type = d.one_of(types);
  n.gpu_size = 1 + d.below(80);
  n.gpu_count = 1 + d.below(2);
  n.cpu_count = 1 + d.below(32);
  n.ram = 1 + d.below(128);
  n.hard_disk = 1 + d.below(1024);
  return n;
}

// All but the best few of the largest shape fail.
device_requirement only_the_last(draw& d) {
  device_requirement n;
  n.gpu_size = 655;
  n.gpu_count = 8;
  n.cpu_count = 128;
  n.ram = 500 + d.below(11);
  n.hard_disk = 3900 + d.below(190);
  return n;
}

device_requirement too_much(draw& d) {
  auto n = typical(d);
  n.hard_disk = 5000 + d.below(1000);
  return n;
}

// Each maximum of each shape is enough, and no miner is.
device_requirement opposed_too_much(draw& d) {
  device_requirement n;
  n.gpu_size = 1;
  n.ram = 1 + d.below(together - 1);
  n.hard_disk = together - n.ram + 1;
  return n;
}

device_requirement opposed_just_enough(draw& d) {
  auto n = opposed_too_much(d);
  --n.hard_disk;
  return n;
}

device_requirement diverse_much(draw& d) {
  device_requirement n;
  n.gpu_size = 300 + d.below(330);
  n.cpu_count = 128 + d.below(120);
  n.ram = 1024 + d.below(1000);
  n.hard_disk = 4096 + d.below(4000);
  return n;
}

struct mix {
  const char* name;
  miner_specs (*fleet)(draw&);
  device_requirement (*need)(draw&);
};
constexpr std::array mixes{mix{"any GPU", usual, any_gpu},
                           mix{"typical", usual, typical},
                           mix{"only the last fit", usual, only_the_last},
                           mix{"nothing fits", usual, too_much},
                           mix{"RAM against disk, nothing fits", opposed, opposed_too_much},
                           mix{"RAM against disk, few fit", opposed, opposed_just_enough},
                           mix{"diverse hardware, much of all", diverse, diverse_much}};

double quantile(const std::vector<double>& sorted, double q) {
  return sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(q * static_cast<double>(sorted.size())))];
}

// Processor time of this thread, µs.
double now() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) * 1e-3;
}
double since(double then) { return now() - then; }

double reading_the_clock() {
  std::vector<double> times(1000);
  for (auto& each : times) each = since(now());
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"How the time to choose a miner grows with the number of miners."};
  std::vector<std::size_t> sizes{1'000, 10'000, 100'000, 1'000'000};
  std::size_t picks = 5'000;
  app.add_option("--miners", sizes, "Sizes of the fleet")->capture_default_str();
  app.add_option("--picks", picks, "Picks measured for each line")
      ->capture_default_str()
      ->check(CLI::Range(100, 1000000));
  CLI11_PARSE(app, argc, argv);

  const auto clock = reading_the_clock();
  fmt::print(
      "| policy | fleet and requirement | miners | shapes | found | p50 µs | p99 µs | max µs | offer µs | withdraw + "
      "offer µs |\n");
  fmt::print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|\n");
  constexpr std::array policies{std::pair{"best-fit", placement_policy::best_fit},
                                std::pair{"spread", placement_policy::spread},
                                std::pair{"random", placement_policy::random}};
  for (const auto& [policy_name, policy] : policies)
    for (const auto& m : mixes)
      for (const auto size : sizes) {
        draw d{std::mt19937_64{size}};
        placement_index index{policy, 1};
        std::vector<miner_specs> fleet;
        for (std::size_t i = 0; i < size; ++i) fleet.push_back(m.fleet(d));
        auto began = now();
        for (std::size_t i = 0; i < size; ++i) index.offer(static_cast<std::uint32_t>(i), fleet[i], d.below(100) != 0);
        const auto offer = since(began) / static_cast<double>(size);
        began = now();
        for (std::size_t i = 0; i < picks; ++i) {
          const auto one = static_cast<std::uint32_t>(d.below(static_cast<std::int64_t>(size)));
          index.withdraw(one);
          index.offer(one, fleet[one], true);
        }
        const auto change = since(began) / static_cast<double>(picks);
        std::vector<double> times;
        std::size_t found = 0;
        for (std::size_t i = 0; i < picks; ++i) {
          const auto need = m.need(d);
          const auto start = now();
          const auto picked = index.pick(need, {});
          times.push_back(std::max(0.0, since(start) - clock));
          if (picked) ++found;
        }
        std::sort(times.begin(), times.end());
        fmt::print("| {} | {} | {} | {} | {:.0f} % | {:.2f} | {:.2f} | {:.1f} | {:.2f} | {:.2f} |\n", policy_name,
                   m.name, size, index.shapes(), 100.0 * static_cast<double>(found) / static_cast<double>(picks),
                   quantile(times, 0.5), quantile(times, 0.99), times.back(), offer, change);
        std::fflush(stdout);
      }
}
