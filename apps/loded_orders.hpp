#pragma once
// What the main thread of loded is told by the others. Private to loded.

#include <condition_variable>
#include <mutex>
#include <optional>

namespace lode::loded {

/// Any thread tells, the main thread waits.
class orders {
 public:
  /// End with this exit code; the first one counts.
  void end(int code) {
    tell([&] {
      if (!code_) code_ = code;
      if (!recovered_) recovered_ = false;
    });
  }
  /// Read the settings again; once for any number of calls before it is done.
  void reload() {
    tell([&] { reload_ = true; });
  }
  /// Every stored allocation is served again.
  void recovered() {
    tell([&] {
      if (!recovered_) recovered_ = true;
    });
  }

  /// False when the end came first.
  bool wait_for_recovery() {
    std::unique_lock lock{mutex_};
    told_.wait(lock, [&] { return recovered_.has_value(); });
    return *recovered_;
  }
  /// The exit code, or nothing: read the settings again.
  std::optional<int> wait() {
    std::unique_lock lock{mutex_};
    told_.wait(lock, [&] { return code_.has_value() || reload_; });
    if (!code_) reload_ = false;
    return code_;
  }

 private:
  template <class F>
  void tell(F change) {
    const std::lock_guard lock{mutex_};
    change();
    told_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable told_;
  std::optional<int> code_;
  std::optional<bool> recovered_;
  bool reload_ = false;
};

}  // namespace lode::loded
