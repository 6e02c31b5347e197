#include "storage/faulty_store.hpp"

#include <utility>

namespace lode::storage {

void faulty_store::fail_commit(std::uint64_t nth, commit_fault how) {
  const std::lock_guard lock{mutex_};
  planned_[commits_ + nth] = how;
}

std::uint64_t faulty_store::commits() const {
  const std::lock_guard lock{mutex_};
  return commits_;
}

result<std::vector<result<revision>>> faulty_store::commit(std::span<const commit_request> group) {
  std::optional<commit_fault> fault;
  {
    const std::lock_guard lock{mutex_};
    ++commits_;
    if (failed_) return error{errc::store_io, "an earlier write failed; the store must be opened again"};
    if (const auto planned = planned_.find(commits_); planned != planned_.end()) {
      fault = planned->second;
      failed_ = true;
    }
  }
  if (!fault) return inner_->commit(group);
  // Whether the inner store took it is what the caller must not learn.
  if (*fault == commit_fault::unknown) (void)inner_->commit(group);
  return error{errc::store_io, "injected fault"};
}

result<std::optional<entry>> faulty_store::get(column c, std::string_view key) const { return inner_->get(c, key); }

result<std::vector<entry>> faulty_store::scan(column c, std::string_view prefix, std::string_view after,
                                              std::size_t limit) const {
  return inner_->scan(c, prefix, after, limit);
}

result<std::unique_ptr<watch_handle>> faulty_store::watch(revision from, std::function<void(const change&)> sink) {
  return inner_->watch(from, std::move(sink));
}

result<void> faulty_store::checkpoint(const std::string& path) { return inner_->checkpoint(path); }

revision faulty_store::head() const { return inner_->head(); }

}  // namespace lode::storage
