#pragma once
// A store that fails on demand, for tests of what stands on it.

#include "storage/store.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

namespace lode::storage {

enum class commit_fault : std::uint8_t {
  lost,     ///< nothing is written, store_io is reported
  unknown,  ///< the group is durable, store_io is reported all the same
};

/// Passes everything to `inner` but the commits that were told to fail. As a real store, it refuses every commit after
/// a failed one; "opening it again" is a new faulty_store around the same inner store. fail_commit() and commits() may
/// be called from any thread.
class faulty_store final : public store {
 public:
  explicit faulty_store(std::shared_ptr<store> inner) : inner_(std::move(inner)) {}

  /// The `nth` commit() from now on (1: the next) fails that way.
  void fail_commit(std::uint64_t nth, commit_fault how);

  /// How many calls of commit() there were, failed and refused ones included.
  [[nodiscard]] std::uint64_t commits() const;

  result<std::vector<result<revision>>> commit(std::span<const commit_request> group) override;
  result<std::optional<entry>> get(column c, std::string_view key) const override;
  result<std::vector<entry>> scan(column c, std::string_view prefix, std::string_view after,
                                  std::size_t limit) const override;
  result<std::unique_ptr<watch_handle>> watch(revision from, std::function<void(const change&)> sink) override;
  result<void> checkpoint(const std::string& path) override;
  revision head() const override;

 private:
  std::shared_ptr<store> inner_;
  mutable std::mutex mutex_;  // guards the rest
  std::map<std::uint64_t, commit_fault> planned_;
  std::uint64_t commits_ = 0;
  bool failed_ = false;
};

}  // namespace lode::storage
