#include "bench/load/pool.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

namespace lode::bench {
namespace {

namespace asio = boost::asio;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable_t<executor>{});

}  // namespace

pool::pool(executor ex, const peer_address& peer, std::size_t size, std::size_t backlog)
    : ex_(std::move(ex)), peer_(peer), size_(size), backlog_(backlog) {}

task<pool::lease> pool::acquire(clock::time_point until, bool must) {
  if (closed_ || (turning_away_ && !must)) co_return lease{};
  if (waits_.empty()) {
    if (!idle_.empty()) {
      connection* c = idle_.front();
      idle_.pop_front();
      co_return lease{this, c};
    }
    if (all_.size() < size_) {
      all_.push_back(std::make_unique<connection>(ex_, peer_));
      co_return lease{this, all_.back().get()};
    }
  }
  if (waits_.size() >= backlog_ && !must) co_return lease{};
  wait w{ex_, until, must};
  w.place = waits_.insert(waits_.end(), &w);
  [[maybe_unused]] const auto [cancelled] = co_await w.woken.async_wait(as_result);
  if (w.got != nullptr) co_return lease{this, w.got};
  // Whoever hands a connection over, or dismisses, takes the wait out of the list.
  if (!w.dismissed) waits_.erase(w.place);
  co_return lease{};
}

void pool::release(connection* c) {
  if (waits_.empty()) {
    idle_.push_back(c);
    return;
  }
  wait* first = waits_.front();
  waits_.pop_front();
  first->got = c;
  first->woken.cancel();
}

void pool::dismiss(bool all) {
  waits_.remove_if([all](wait* w) {
    w->dismissed = all || !w->must;
    if (w->dismissed) w->woken.cancel();
    return w->dismissed;
  });
}

void pool::turn_away() {
  turning_away_ = true;
  dismiss(false);
}

task<void> pool::open_some(std::size_t& next, std::chrono::milliseconds deadline) {
  while (next < all_.size() && problem_.empty()) {
    connection& c = *all_[next++];
    const bool opened = co_await c.open(clock::now() + deadline);
    if (!opened && problem_.empty()) problem_ = c.problem();
  }
}

task<bool> pool::open_all(std::chrono::milliseconds deadline) {
  constexpr std::size_t at_once = 32;
  while (all_.size() < size_) {
    all_.push_back(std::make_unique<connection>(ex_, peer_));
    idle_.push_back(all_.back().get());
  }
  std::size_t next = 0;
  std::size_t running = std::min(at_once, all_.size());
  timer finished{ex_, clock::time_point::max()};
  for (std::size_t i = running; i > 0; --i) {
    asio::co_spawn(ex_, open_some(next, deadline), [&](const std::exception_ptr& thrown) {
      if (thrown && problem_.empty()) problem_ = "the generator ran out of something";
      if (--running == 0) finished.cancel();
    });
  }
  [[maybe_unused]] const auto [cancelled] = co_await finished.async_wait(as_result);
  co_return problem_.empty();
}

void pool::close_overdue(clock::time_point now) {
  for (const auto& c : all_) c->close_if_overdue(now);
}

void pool::close_all() {
  closed_ = true;
  dismiss(true);
  for (const auto& c : all_) c->close();
}

std::size_t pool::connected() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(all_.begin(), all_.end(), [](const auto& c) { return c->connected(); }));
}

}  // namespace lode::bench
