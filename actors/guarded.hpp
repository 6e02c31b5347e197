#pragma once
// A response promise that cannot be forgotten. CAF 0.17 drops a promise silently: the requester would hear nothing.

#include <caf/sec.hpp>
#include <caf/typed_response_promise.hpp>

#include <memory>
#include <utility>

namespace lode::actors {

/// Copyable handle to one promise. Delivers at most once; when the last copy goes undelivered (the actor ended, a
/// handler threw, somebody forgot) the requester gets sec::request_receiver_down.
template <class T>
class guarded {
 public:
  guarded() = default;
  explicit guarded(caf::typed_response_promise<T> promise) : core_(std::make_shared<core>(std::move(promise))) {}

  void deliver(T value) const {
    settle([&](auto& p) { p.deliver(std::move(value)); });
  }
  void fail(caf::error e) const {
    settle([&](auto& p) { p.deliver(std::move(e)); });
  }
  [[nodiscard]] bool pending() const { return core_ && core_->open; }

 private:
  struct core {
    caf::typed_response_promise<T> promise;
    bool open = true;
    explicit core(caf::typed_response_promise<T> p) : promise(std::move(p)) {}
    core(const core&) = delete;
    core& operator=(const core&) = delete;
    ~core() {
      if (open && promise.pending()) promise.deliver(caf::make_error(caf::sec::request_receiver_down));
    }
  };
  template <class F>
  void settle(F f) const {
    if (!pending()) return;
    core_->open = false;
    f(core_->promise);
  }
  std::shared_ptr<core> core_;
};

}  // namespace lode::actors
