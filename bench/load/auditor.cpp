#include "bench/load/auditor.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace lode::bench {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable_t<executor>{});
constexpr std::size_t page_size = 500;
constexpr int tries = 5;
constexpr milliseconds between_tries{150};
constexpr std::size_t miners_wanted = 10'000;

}  // namespace

auditor::auditor(const executor& ex, common_ground& ground) : ex_(ex), ground_(ground), peer_(ex, *ground.where.peer) {}

void auditor::abandon() {
  abandoned_ = true;
  peer_.close();
}

task<void> auditor::wait(milliseconds t) {
  timer alarm{ex_, clock::now() + t};
  [[maybe_unused]] const auto [cancelled] = co_await alarm.async_wait(as_result);
}

task<std::vector<std::string>> auditor::find_miners() {
  std::set<std::string> all;
  problem_.clear();
  for (unsigned page = 1; all.size() < miners_wanted; ++page) {
    const std::string request = plain_request(
        "POST", ground_.where.headers, fmt::format("/list/resources_sql?page_number={}&page_size={}", page, page_size));
    const auto answer = co_await peer_.exchange(request, clock::now() + ground_.what.deadline);
    if (!answer) {
      problem_ = fmt::format("the miners could not be listed: {}", to_string(answer.error()));
      break;
    }
    if (answer->status != 200) {
      problem_ = fmt::format("the miners could not be listed: status {}", answer->status);
      break;
    }
    const auto read = read_available(answer->body);
    if (!read) {
      problem_ = fmt::format("the miners could not be listed: {}", read.error().detail);
      break;
    }
    const std::size_t before = all.size();
    all.insert(read->begin(), read->end());
    if (read->size() != page_size || all.size() == before) break;
  }
  if (all.empty() && problem_.empty()) problem_ = "the server lists no miner that could be rented";
  co_return std::vector<std::string>(all.begin(), all.end());
}

// A server without pages answers everything, whatever page was asked.
task<bool> auditor::list(std::vector<listed_allocation>& all) {
  std::set<std::string> seen;
  all.clear();
  for (unsigned page = 1;; ++page) {
    const std::string request =
        plain_request("POST", ground_.where.headers,
                      fmt::format("/list/allocations_sql?page_number={}&page_size={}", page, page_size));
    const auto answer = co_await peer_.exchange(request, clock::now() + ground_.what.deadline);
    if (!answer) {
      problem_ = fmt::format("the allocations could not be listed: {}", to_string(answer.error()));
      co_return false;
    }
    if (answer->status == 404) break;  // none, or none on that page
    if (answer->status != 200) {
      problem_ = fmt::format("the allocations could not be listed: status {}", answer->status);
      co_return false;
    }
    auto read = read_allocations(answer->body);
    if (!read) {
      problem_ = fmt::format("the allocations could not be listed: {}", read.error().detail);
      co_return false;
    }
    const std::size_t before = all.size();
    const std::size_t on_page = read->size();
    for (auto& one : *read)
      if (seen.insert(one.uuid).second) all.push_back(std::move(one));
    if (on_page != page_size || all.size() == before) break;
  }
  problem_.clear();
  co_return true;
}

task<bool> auditor::check_listing() {
  std::vector<holding> missing = ground_.seen.held();
  std::set<std::string> ghosts;
  bool first = true;
  bool looked = false;
  for (int tried = 0; tried < tries && !abandoned_; ++tried) {
    if (tried > 0) co_await wait(between_tries);
    std::vector<listed_allocation> all;
    const bool read = co_await list(all);
    if (!read) continue;
    looked = true;
    std::map<std::string, const listed_allocation*> by_uuid;
    for (const auto& one : all) by_uuid.emplace(one.uuid, &one);
    missing.erase(std::remove_if(missing.begin(), missing.end(),
                                 [&](const holding& h) {
                                   const auto at = by_uuid.find(h.uuid);
                                   return (at != by_uuid.end() && at->second->hotkey == h.hotkey) ||
                                          !ground_.seen.still_held(h);
                                 }),
                  missing.end());
    // The end of a listed one may have been confirmed after the server listed it: only the next look can tell.
    std::set<std::string> still;
    for (const auto& one : all)
      if (one.state != "releasing" && (first || ghosts.count(one.uuid) > 0) &&
          ground_.seen.given_back(one.hotkey, one.uuid))
        still.insert(one.uuid);
    ghosts = std::move(still);
    first = false;
    if (missing.empty() && ghosts.empty()) {
      ++looks_;
      co_return true;
    }
    if (tried + 1 < tries) continue;
    ++looks_;
    for (const holding& h : missing)
      ground_.seen.violation(fmt::format("miner {} was given to {}, but no listing shows it", h.hotkey, describe(h)));
    for (const auto& uuid : ghosts) {
      const auto& one = *by_uuid.at(uuid);
      if (const auto h = ground_.seen.given_back(one.hotkey, uuid))
        ground_.seen.violation(
            fmt::format("miner {} of {} was given back, but is listed as before", h->hotkey, describe(*h)));
    }
    co_return true;
  }
  co_return looked&& missing.empty() && ghosts.empty();
}

task<bool> auditor::give_back(const granted_miner& m) {
  const std::string request = renter_request(ground_.where.headers, "deallocate", m);
  for (int tried = 0; tried < tries && !abandoned_; ++tried) {
    if (tried > 0) co_await wait(between_tries * (1 << tried));
    const auto answer = co_await peer_.exchange(request, clock::now() + ground_.what.deadline);
    if (answer && (answer->status == 200 || answer->status == 404 || answer->status == 400)) co_return true;
  }
  co_return false;
}

std::uint64_t auditor::ours(const listed_allocation& a) const {
  const std::string mark = fmt::format(" {}-", ground_.tag);
  const std::size_t at = a.ssh_key.rfind(mark);
  std::uint64_t op = 0;
  if (at == std::string::npos || a.state == "releasing") return 0;
  const char* begin = a.ssh_key.data() + at + mark.size();
  const char* end = a.ssh_key.data() + a.ssh_key.size();
  return std::from_chars(begin, end, op).ptr == end ? op : 0;
}

task<void> auditor::clean_up(std::uint64_t in_doubt, clock::time_point until) {
  for (const holding& h : ground_.seen.open()) {
    if (abandoned_) co_return;
    const granted_miner m{h.hotkey, h.uuid};
    const bool gone = co_await give_back(m);
    if (gone) ground_.seen.released(h.hotkey, h.op);
  }
  while (!abandoned_) {
    std::vector<listed_allocation> all;
    const bool read = co_await list(all);
    std::size_t found = 0;
    if (read) {
      for (const auto& one : all) {
        const std::uint64_t op = ours(one);
        if (op == 0) continue;
        const granted_miner m{one.hotkey, one.uuid};
        const bool gone = co_await give_back(m);
        if (!gone) continue;
        ++found;
        ++recovered_;
        ground_.seen.released(one.hotkey, op);
      }
    }
    if (clock::now() >= until || (read && found == 0 && recovered_ >= in_doubt)) co_return;
    co_await wait(between_tries * 2);
  }
}

}  // namespace lode::bench
