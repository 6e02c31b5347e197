#pragma once
// Lets a bounded number of coroutines through at once, the others in order of arrival. With one place it is a mutex.
// Thread: the io thread only.

#include "http/server/message.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

namespace lode::miner {

class turnstile {
  struct waiter;
  struct shared;

 public:
  /// A place inside; leaving scope hands it to the next. May outlive the turnstile.
  class pass {
   public:
    pass(pass&&) noexcept = default;
    pass& operator=(pass&&) noexcept = delete;
    pass(const pass&) = delete;
    ~pass();

   private:
    friend class turnstile;
    explicit pass(std::shared_ptr<shared> s) : shared_(std::move(s)) {}
    std::shared_ptr<shared> shared_;
  };

  turnstile(boost::asio::io_context& io, std::size_t places, std::size_t waiting);
  ~turnstile();

  /// A place, or nothing when as many wait as may.
  http::task<std::optional<pass>> enter();
  /// Nobody is inside.
  [[nodiscard]] bool idle() const;

 private:
  boost::asio::io_context& io_;
  std::shared_ptr<shared> shared_;
};

/// Something that happens once and that any number of coroutines wait for. Outlives its waiters: hold it by
/// shared_ptr where that is not plain.
class event {
 public:
  explicit event(boost::asio::io_context& io);
  ~event();
  void set();
  [[nodiscard]] bool is_set() const { return set_; }
  /// Returns at once when it has happened already.
  http::task<void> wait();
  /// The same, but not longer than `bound`; true when it has happened.
  http::task<bool> wait_for(std::chrono::milliseconds bound);

 private:
  struct sleeper;
  boost::asio::io_context& io_;
  std::vector<std::shared_ptr<sleeper>> sleepers_;
  bool set_ = false;
};

}  // namespace lode::miner
