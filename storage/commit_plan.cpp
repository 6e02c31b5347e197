#include "storage/commit_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace lode::storage {
namespace {

class planner {
 public:
  planner(std::span<const commit_request> group, revision head, const revision_lookup& lookup)
      : lookup_(lookup),
        preconditions_(std::ranges::any_of(group, [](const auto& r) { return !r.preconditions.empty(); })) {
    plan_.head = head;
    plan_.results.reserve(group.size());
  }

  /// An error is the lookup's; a request that does not hold has its error among the results.
  result<void> add(const commit_request& request) {
    if (auto refusal = senseless(request.writes)) {
      plan_.results.emplace_back(*std::move(refusal));
      return {};
    }
    for (const precondition& p : request.preconditions) {
      const auto now = current(p.in, p.key);
      if (!now) return now.error();
      if (*now != p.at) {
        plan_.results.emplace_back(error{errc::conflict, fmt::format("a key is at revision {}, not {}", *now, p.at)});
        return {};
      }
    }
    apply(request.writes, ++plan_.head);
    plan_.results.emplace_back(plan_.head);
    return {};
  }

  commit_plan take() { return std::move(plan_); }

 private:
  static std::optional<error> senseless(const batch& writes) {
    std::size_t appends = 0;
    for (const mutation& m : writes.mutations()) {
      if (m.what == mutation::kind::append)
        ++appends;
      else if (m.key.empty())
        return error{errc::bad_request, "a write has an empty key"};
    }
    if (appends > max_appends) return error{errc::bad_request, "too many appends in one commit"};
    return std::nullopt;
  }

  result<revision> current(column c, const std::string& key) const {
    const auto written = written_.find({c, key});
    if (written != written_.end()) return written->second;
    return lookup_(c, key);
  }

  void apply(const batch& writes, revision at) {
    std::size_t appends = 0;
    for (const mutation& m : writes.mutations()) {
      change c{at, m.in, m.key, m.value, m.what == mutation::kind::erase};
      if (m.what == mutation::kind::append) {
        c.key = appended_key(m.key, at, appends);
        ++appends;
      }
      if (preconditions_) written_[{c.in, c.key}] = c.erased ? 0 : at;
      plan_.changes.push_back(std::move(c));
    }
  }

  const revision_lookup& lookup_;
  const bool preconditions_;  // without any in the group nobody asks what it wrote
  std::map<std::pair<column, std::string>, revision> written_;
  commit_plan plan_;
};

}  // namespace

std::string appended_key(std::string_view prefix, revision at, std::size_t n) {
  return n == 0 ? fmt::format("{}{:020}", prefix, at) : fmt::format("{}{:020}-{:06}", prefix, at, n);
}

result<commit_plan> plan_commit(std::span<const commit_request> group, revision head, const revision_lookup& lookup) {
  planner p{group, head, lookup};
  for (const commit_request& request : group)
    if (const auto added = p.add(request); !added) return added.error();
  return p.take();
}

}  // namespace lode::storage
