#include "storage/memory_store.hpp"

#include "storage/commit_plan.hpp"
#include "storage/watch_hub.hpp"

#include <array>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <utility>

namespace lode::storage {
namespace {

class memory_store final : public store {
 public:
  explicit memory_store(const memory_options& options) : hub_(0, options.history, options.history_bytes) {}

  result<std::vector<result<revision>>> commit(std::span<const commit_request> group) override {
    // The one writer is this thread: reading without the lock is safe.
    auto plan = plan_commit(group, head_, [this](column c, std::string_view key) -> result<revision> {
      const auto found = table(c).find(key);
      return found == table(c).end() ? 0 : found->second.mod_revision;
    });
    if (!plan) return plan.error();
    {
      const std::lock_guard lock{mutex_};
      for (const change& c : plan->changes) {
        if (c.erased)
          table(c.in).erase(c.key);
        else
          table(c.in).insert_or_assign(c.key, stored{c.value, c.at});
      }
      head_ = plan->head;
    }
    hub_.publish(std::move(plan->changes));
    return std::move(plan->results);
  }

  result<std::optional<entry>> get(column c, std::string_view key) const override {
    const std::shared_lock lock{mutex_};
    const auto found = table(c).find(key);
    if (found == table(c).end()) return std::optional<entry>{};
    return std::optional<entry>{entry{found->first, found->second.value, found->second.mod_revision}};
  }

  result<std::vector<entry>> scan(column c, std::string_view prefix, std::string_view after,
                                  std::size_t limit) const override {
    std::vector<entry> found;
    const std::shared_lock lock{mutex_};
    auto at = after < prefix ? table(c).lower_bound(prefix) : table(c).upper_bound(after);
    for (; at != table(c).end() && found.size() < limit && at->first.starts_with(prefix); ++at)
      found.push_back({at->first, at->second.value, at->second.mod_revision});
    return found;
  }

  result<std::unique_ptr<watch_handle>> watch(revision from, std::function<void(const change&)> sink) override {
    return hub_.watch(from, std::move(sink));
  }

  result<void> checkpoint(const std::string& /*path*/) override {
    return error{errc::not_implemented, "a store in memory cannot be copied to disk"};
  }

  revision head() const override {
    const std::shared_lock lock{mutex_};
    return head_;
  }

 private:
  struct stored {
    std::string value;
    revision mod_revision;
  };
  using table_type = std::map<std::string, stored, std::less<>>;

  table_type& table(column c) { return tables_[static_cast<std::size_t>(c)]; }
  const table_type& table(column c) const { return tables_[static_cast<std::size_t>(c)]; }

  mutable std::shared_mutex mutex_;  // guards tables_ and head_
  std::array<table_type, column_families.size()> tables_;
  revision head_ = 0;
  watch_hub hub_;
};

}  // namespace

std::unique_ptr<store> make_memory_store(const memory_options& options) {
  return std::make_unique<memory_store>(options);
}

}  // namespace lode::storage
