#include "bench/load/load.hpp"

#include "bench/load/rest.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace lode::bench {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable_t<executor>{});
constexpr milliseconds tick_every{100};
constexpr milliseconds first_backoff{5};
constexpr milliseconds longest_backoff{1000};
constexpr int release_tries = 10;

}  // namespace

load::load(asio::io_context& io, load_options options)
    : io_(io), options_(std::move(options)), ticker_(io.get_executor()) {
  for (unsigned i = 0; i < options_.concurrency; ++i) {
    workers_.push_back(std::make_unique<worker>(i, io.get_executor(), options_));
  }
}

void load::start(std::function<void(const figures&)> tick, std::function<void()> ended) {
  tick_ = std::move(tick);
  ended_ = std::move(ended);
  last_reply_ = clock::now();
  begin_ = last_reply_ + options_.warmup;
  end_ = options_.duration.count() > 0 ? begin_ + options_.duration : clock::time_point::max();
  running_ = workers_.size();
  for (const auto& w : workers_) {
    asio::co_spawn(io_.get_executor(), run(*w), [this](const std::exception_ptr& thrown) {
      if (thrown) fail("the generator ran out of something: an exception ended a worker");
      if (--running_ > 0) return;
      ticker_.cancel();
      if (ended_) ended_();
    });
  }
  asio::co_spawn(io_.get_executor(), watch(), [this](const std::exception_ptr& thrown) {
    if (thrown) abandon();
  });
}

void load::stop() {
  if (stopping_) return;
  stopped_ = std::min(clock::now(), end_);
  stopping_ = true;
  for (const auto& w : workers_) w->pause.cancel();
}

void load::abandon() {
  stop();
  abandoned_ = true;
  for (const auto& w : workers_) {
    w->pause.cancel();
    w->peer.close();
  }
}

const figures& load::so_far() {
  const auto now = stopping_ ? stopped_ : std::min(clock::now(), end_);
  figures_.measuring = now >= begin_;
  figures_.measured = figures_.measuring ? now - begin_ : std::chrono::nanoseconds{0};
  figures_.left_behind = holdings_.open();
  return figures_;
}

task<void> load::watch() {
  while (running_ > 0) {
    ticker_.expires_after(tick_every);
    const auto [cancelled] = co_await ticker_.async_wait(as_result);
    const auto now = clock::now();
    for (const auto& w : workers_) w->peer.close_if_overdue(now);
    if (!stopping_ && now - last_reply_ > options_.patience)
      fail(fmt::format("the server has not answered for {} s", (now - last_reply_) / std::chrono::seconds{1}));
    look_at_clock(now);
    if (stopping_ && now - stopped_ > options_.timeout) abandon();
    if (!cancelled && tick_) tick_(so_far());
  }
}

void load::look_at_clock(clock::time_point now) {
  if (now >= end_ || (options_.count > 0 && figures_.done >= options_.count)) stop();
}

void load::violate(std::string text) {
  if (figures_.violation.empty()) figures_.violation = std::move(text);
  stop();
}

void load::fail(std::string text) {
  if (figures_.failure.empty()) figures_.failure = std::move(text);
  stop();
}

void load::count_error(std::string_view what, std::string_view reason) {
  ++figures_.errors[fmt::format("{} {}", what, reason)];
}

task<void> load::wait(worker& w, milliseconds time) {
  if (stopping_) co_return;
  w.pause.expires_after(time);
  [[maybe_unused]] const auto [cancelled] = co_await w.pause.async_wait(as_result);
}

// Never cut short: it also spaces the last tries to give something back.
task<void> load::back_off(worker& w) {
  w.backoff = std::clamp(w.backoff * 2, first_backoff, longest_backoff);
  w.pause.expires_after(w.backoff);
  [[maybe_unused]] const auto [cancelled] = co_await w.pause.async_wait(as_result);
}

task<boost::system::result<reply, exchange_error>> load::ask(worker& w, std::string_view what,
                                                             clock::time_point& began) {
  began = clock::now();
  auto answer = co_await w.peer.exchange(w.request);
  if (!answer) {
    count_error(what, to_string(answer.error()));
    co_return answer;
  }
  last_reply_ = clock::now();
  if (answer->status != 200) {
    count_error(what, fmt::format("{}", answer->status));
  } else {
    w.backoff = {};
  }
  co_return answer;
}

task<void> load::run(worker& w) {
  while (!stopping_) {
    if (options_.kind == scenario::get) {
      co_await get(w);
    } else {
      co_await pair(w);
    }
  }
}

task<void> load::get(worker& w) {
  if (w.request.empty()) w.request = plain_request(options_.method, options_.host, options_.path);
  clock::time_point began;
  const auto answer = co_await ask(w, "get", began);
  if (!answer || answer->status != 200) {
    co_await back_off(w);
    co_return;
  }
  if (measured(last_reply_)) {
    figures_.get.add(last_reply_ - began);
    ++figures_.done;
  }
  look_at_clock(last_reply_);
}

task<void> load::pair(worker& w) {
  const bool granted = co_await allocate(w);
  if (!granted) {
    co_await back_off(w);
    co_return;
  }
  if (options_.hold.count() > 0) co_await wait(w, options_.hold);
  const bool released = co_await deallocate(w);
  if (released && measured(last_reply_)) ++figures_.done;
  look_at_clock(last_reply_);
}

task<bool> load::allocate(worker& w) {
  allocate_request(w.request, options_.host);
  clock::time_point began;
  const auto answer = co_await ask(w, "allocate", began);
  if (!answer) {
    if (answer.error() != exchange_error::unreachable) ++figures_.in_doubt;
    co_return false;
  }
  if (answer->status != 200) co_return false;
  auto read = read_allocation(answer->body);
  if (!read) {
    ++figures_.in_doubt;
    violate(fmt::format("an allocate reply with status 200 is not one: {}", read.error().detail));
    co_return false;
  }
  w.hotkey = std::move(read->hotkey);
  w.uuid = std::move(read->uuid);
  if (measured(last_reply_)) figures_.allocate.add(last_reply_ - began);
  // What was given twice is given back all the same.
  if (auto wrong = holdings_.granted(w.id, w.hotkey, w.uuid); !wrong.empty()) violate(std::move(wrong));
  co_return true;
}

task<bool> load::deallocate(worker& w) {
  deallocate_request(w.request, options_.host, w.hotkey, w.uuid);
  holdings_.releasing(w.id, w.hotkey);
  for (int tried = 0; tried < release_tries && !abandoned_; ++tried) {
    if (tried > 0) co_await back_off(w);
    clock::time_point began;
    const auto answer = co_await ask(w, "deallocate", began);
    if (!answer) continue;
    if (answer->status == 200) {
      if (const auto wrong = read_success(answer->body); !wrong.empty())
        violate(fmt::format("a deallocate reply with status 200 is not one: {}", wrong));
      if (measured(last_reply_)) figures_.deallocate.add(last_reply_ - began);
      holdings_.released(w.id, w.hotkey);
      co_return true;
    }
    if (answer->status == 404 || answer->status == 400) {
      // An earlier try may have been acted on; the first one cannot have been.
      if (tried == 0)
        violate(fmt::format("{} was allocated, but giving it back was answered {}", w.hotkey, answer->status));
      holdings_.released(w.id, w.hotkey);
      co_return false;
    }
  }
  if (!abandoned_) fail(fmt::format("{} could not be given back in {} tries", w.hotkey, release_tries));
  co_return false;
}

}  // namespace lode::bench
