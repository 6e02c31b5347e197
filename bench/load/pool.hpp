#pragma once
// A bounded number of connections, and who waits for one.

#include "bench/load/connection.hpp"

#include <boost/asio/basic_waitable_timer.hpp>

#include <cstddef>
#include <deque>
#include <list>
#include <memory>
#include <utility>
#include <vector>

namespace lode::bench {

using timer = boost::asio::basic_waitable_timer<clock, boost::asio::wait_traits<clock>, executor>;

/// Who waits longest gets the next connection that comes free, and the one unused longest is lent first, so that all
/// that are open are in use. Thread: the one that runs the executor. Outlives every lease and every wait.
class pool {
 public:
  /// A connection on loan; it goes back at the end of the lease's life.
  class lease {
   public:
    lease() = default;
    lease(pool* from, connection* lent) : pool_(from), connection_(lent) {}
    lease(lease&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), connection_(std::exchange(other.connection_, nullptr)) {}
    lease& operator=(lease&& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(connection_, other.connection_);
      return *this;
    }
    ~lease() { give_back(); }
    lease(const lease&) = delete;
    lease& operator=(const lease&) = delete;

    explicit operator bool() const noexcept { return connection_ != nullptr; }
    connection* operator->() const noexcept { return connection_; }
    void give_back() {
      if (connection_ != nullptr) pool_->release(std::exchange(connection_, nullptr));
    }

   private:
    pool* pool_ = nullptr;
    connection* connection_ = nullptr;
  };

  /// `peer` outlives it. At most `size` connections, at most `backlog` waits.
  pool(executor ex, const peer_address& peer, std::size_t size, std::size_t backlog);

  /// Nothing when none came free before `until`, too many wait already, or turn_away() was called; only the last of
  /// these does not count for one who `must` have one.
  task<lease> acquire(clock::time_point until, bool must = false);
  /// Opens all, a few at a time. False when one could not be opened; problem() then says why.
  task<bool> open_all(std::chrono::milliseconds deadline);

  /// Nobody waits any more who need not have a connection.
  void turn_away();
  /// Closes connections whose exchange is overdue.
  void close_overdue(clock::time_point now);
  void close_all();

  [[nodiscard]] std::size_t waiting() const noexcept { return waits_.size(); }
  [[nodiscard]] std::size_t busy() const noexcept { return all_.size() - idle_.size(); }
  [[nodiscard]] std::size_t connected() const noexcept;
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

 private:
  struct wait {
    wait(const executor& ex, clock::time_point until, bool m) : woken(ex, until), must(m) {}
    timer woken;
    bool must;
    bool dismissed = false;
    connection* got = nullptr;
    std::list<wait*>::iterator place;
  };

  void release(connection* c);
  void dismiss(bool all);
  task<void> open_some(std::size_t& next, std::chrono::milliseconds deadline);

  executor ex_;
  const peer_address& peer_;
  std::size_t size_;
  std::size_t backlog_;
  bool turning_away_ = false;
  bool closed_ = false;
  std::string problem_;
  std::vector<std::unique_ptr<connection>> all_;
  std::deque<connection*> idle_;
  std::list<wait*> waits_;
};

}  // namespace lode::bench
