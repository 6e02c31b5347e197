#pragma once
// What a group of commit requests comes to, worked out before anything is written: the part of commit() that every
// store has in common.

#include "storage/store.hpp"

#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace lode::storage {

struct commit_plan {
  std::vector<result<revision>> results;  ///< one for each request
  std::vector<change> changes;            ///< of the requests that succeed, in order, with final keys
  revision head = 0;                      ///< after the group
};

/// Appends in one request beyond this are bad_request: the key's counter has six digits.
inline constexpr std::size_t max_appends = 1'000'000;

/// The mod_revision of a key before the group, 0 when there is none.
using revision_lookup = std::function<result<revision>(column c, std::string_view key)>;

/// The outer error is the lookup's.
result<commit_plan> plan_commit(std::span<const commit_request> group, revision head, const revision_lookup& lookup);

}  // namespace lode::storage
