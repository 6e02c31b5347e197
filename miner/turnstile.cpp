#include "miner/turnstile.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace lode::miner {

namespace net = boost::asio;

namespace {
using timer =
    net::basic_waitable_timer<std::chrono::steady_clock, net::wait_traits<std::chrono::steady_clock>, http::executor>;
constexpr auto tuple_await = net::as_tuple_t<net::use_awaitable_t<http::executor>>{};
}  // namespace

struct turnstile::waiter {
  explicit waiter(net::io_context& io) : wake(io.get_executor()) { wake.expires_at(timer::time_point::max()); }
  timer wake;
  bool granted = false;
};

struct turnstile::shared {
  std::size_t free = 0;
  std::size_t places = 0;
  std::size_t may_wait = 0;
  std::deque<std::shared_ptr<waiter>> waiting;
};

turnstile::pass::~pass() {
  if (!shared_) return;
  if (shared_->waiting.empty()) {
    ++shared_->free;
    return;
  }
  const auto next = std::move(shared_->waiting.front());
  shared_->waiting.pop_front();
  next->granted = true;
  next->wake.cancel();
}

turnstile::turnstile(net::io_context& io, std::size_t places, std::size_t waiting)
    : io_(io), shared_(std::make_shared<shared>()) {
  shared_->free = shared_->places = places;
  shared_->may_wait = waiting;
}

turnstile::~turnstile() = default;

http::task<std::optional<turnstile::pass>> turnstile::enter() {
  const auto s = shared_;
  if (s->free > 0) {
    --s->free;
    co_return pass{s};
  }
  if (s->waiting.size() >= s->may_wait) co_return std::nullopt;
  const auto me = std::make_shared<waiter>(io_);
  s->waiting.push_back(me);
  while (!me->granted) co_await me->wake.async_wait(tuple_await);
  co_return pass{s};
}

bool turnstile::idle() const { return shared_->free == shared_->places; }

struct event::sleeper {
  explicit sleeper(net::io_context& io) : wake(io.get_executor()) {}
  timer wake;
};

event::event(net::io_context& io) : io_(io) {}
event::~event() = default;

void event::set() {
  set_ = true;
  for (const auto& s : sleepers_) s->wake.cancel();
}

http::task<void> event::wait() {
  // g++ 12 miscompiles a co_await with a temporary in a loop's condition.
  const std::chrono::milliseconds long_while = std::chrono::hours{1};
  while (!set_) co_await wait_for(long_while);
}

http::task<bool> event::wait_for(std::chrono::milliseconds bound) {
  if (set_) co_return true;
  const auto me = std::make_shared<sleeper>(io_);
  me->wake.expires_after(bound);
  sleepers_.push_back(me);
  co_await me->wake.async_wait(tuple_await);
  std::erase(sleepers_, me);
  co_return set_;
}

}  // namespace lode::miner
