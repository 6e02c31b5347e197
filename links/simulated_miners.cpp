#include "links/simulated_miners.hpp"

#include "links/simulated_fleet.hpp"
#include "links/transfer.hpp"

#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace lode::links {

namespace asio = boost::asio;
using call_done = std::function<void(miner_reply)>;
using probe_done = std::function<void(ssh_state)>;
using std::chrono::microseconds;

namespace {

// What dice are drawn for; beside the two of simulated_fleet.cpp.
enum purpose : std::uint64_t { fate_of_call = 2, fate_of_probe = 3, rsa_only = 4 };

enum class luck : std::uint8_t { fine, refused, failed_before, failed_after, unreachable, stalled_for_good, late };

struct fate {
  luck what = luck::fine;
  microseconds latency{0};
  microseconds late{0};
};

fate draw_fate(dice d, const simulated_settings& s) {
  fate f;
  const auto stretch = 0.5 + d.share();
  f.latency = microseconds(static_cast<std::int64_t>(1000.0 * static_cast<double>(s.latency.count()) * stretch));
  const auto r = d.share();
  const auto kind = d.next();
  f.late = microseconds(1 + static_cast<std::int64_t>(1000.0 * static_cast<double>(s.max_late.count()) * d.share()));
  if (r < s.stall_rate) {
    f.what = kind % 2 == 0 ? luck::late : luck::stalled_for_good;
  } else if (r < s.stall_rate + s.failure_rate) {
    constexpr std::array kinds{luck::refused,      luck::refused,     luck::failed_before,
                               luck::failed_after, luck::unreachable, luck::unreachable};
    f.what = kinds[kind % kinds.size()];
  }
  return f;
}

miner_reply outcome(errc code, std::string_view detail) {
  miner_reply r;
  r.code = code;
  r.detail = detail;
  return r;
}

}  // namespace

struct simulated_miners::core : std::enable_shared_from_this<simulated_miners::core> {
  struct miner {
    simulated_slot slot;
    std::array<std::uint64_t, 2> calls{};
    std::uint64_t probes = 0;
  };

  core(asio::io_context& io, simulated_settings s) : settings(s), on_strand(asio::make_strand(io)) {
    infos.reserve(settings.count);
    miners.reserve(settings.count);
    for (std::size_t i = 0; i < settings.count; ++i) {
      infos.push_back(make_simulated_miner(settings.seed, i));
      const bool old = dice{settings.seed, i, rsa_only}.share() < settings.rsa_only_share;
      miners.push_back({simulated_slot(infos.back(), old, settings.seed, i, boxes)});
      by_hotkey.emplace(infos.back().hotkey, i);
    }
  }

  /// The answer where nothing has to be waited for; else nullopt, and nothing has happened. Not for what takes long: a
  /// register, which does public-key work.
  std::optional<miner_reply> at_once(const miner_call& c) {
    if (c.action == miner_action::reg || settings.latency.count() != 0) return std::nullopt;
    const std::lock_guard lock{mutex};
    if (stopped) return outcome(errc::shutting_down, "the link is closed");
    const auto found = by_hotkey.find(c.to.hotkey);
    if (found == by_hotkey.end()) return outcome(errc::miner_unreachable, "no such simulated miner");
    auto& calls = miners[found->second].calls[lane_of(c)];
    const auto f = draw_fate(dice{settings.seed, found->second, fate_of_call, lane_of(c), calls}, settings);
    if (f.what == luck::stalled_for_good || f.what == luck::late) return std::nullopt;
    ++calls;
    return finish(found->second, c, f.what);
  }

  void start_call(miner_call c, const call_done& done) {
    std::unique_lock lock{mutex};
    const auto answer = [&](miner_reply reply) {
      lock.unlock();
      done(std::move(reply));
    };
    if (stopped) return answer(outcome(errc::shutting_down, "the link is closed"));
    const auto found = by_hotkey.find(c.to.hotkey);
    if (found == by_hotkey.end()) return answer(outcome(errc::miner_unreachable, "no such simulated miner"));
    const auto k = miners[found->second].calls[lane_of(c)]++;
    const auto f = draw_fate(dice{settings.seed, found->second, fate_of_call, lane_of(c), k}, settings);
    if (f.what == luck::stalled_for_good || f.what == luck::late || f.latency > c.timeout)
      return time_out(found->second, std::move(c), f, done);
    if (f.latency.count() == 0) return answer(finish(found->second, c, f.what));
    after(f.latency, [this, index = found->second, c = std::move(c), what = f.what, done](bool shut) {
      if (shut) return done(outcome(errc::shutting_down, "the link was closed before the answer"));
      std::unique_lock again{mutex};
      auto reply = finish(index, c, what);
      again.unlock();
      done(std::move(reply));
    });
  }

  void time_out(std::size_t index, miner_call c, const fate& f, call_done done) {
    const auto timeout = c.timeout;
    const bool acts = f.what != luck::stalled_for_good && f.what != luck::unreachable && f.what != luck::refused &&
                      f.what != luck::failed_before;
    const auto at = f.what == luck::late ? timeout + f.late : std::max<microseconds>(f.latency, timeout);
    if (acts) {
      after(at, [this, index, c = std::move(c)](bool shut) {
        const std::lock_guard lock{mutex};
        if (!shut) act(index, c);
      });
    }
    after(timeout, [done = std::move(done)](bool shut) {
      done(shut ? outcome(errc::shutting_down, "the link was closed before the answer")
                : outcome(errc::miner_timed_out, "no answer in time"));
    });
  }

  miner_reply finish(std::size_t index, const miner_call& c, luck what) {
    auto reply = outcome(errc::none, {});
    switch (what) {
      case luck::refused:
        reply = outcome(errc::miner_refused, "HTTP 403: Forbidden. (simulated)");
        break;
      case luck::unreachable:
        reply = outcome(errc::miner_unreachable, "connection refused (simulated)");
        break;
      case luck::failed_before:
        reply = outcome(errc::miner_failed, "HTTP 500 (simulated)");
        break;
      case luck::failed_after:
        act(index, c);
        reply = outcome(errc::miner_failed, "closed without an answer (simulated)");
        break;
      default:
        reply = act(index, c);
    }
    if (!reply.ok()) {
      spdlog::debug("[{}] {} to simulated {}: {} {}", c.request_id, to_string(c.action), c.to.hotkey,
                    to_string(reply.code), reply.detail);
    }
    return reply;
  }

  miner_reply act(std::size_t index, const miner_call& c) {
    auto& slot = miners[index].slot;
    const auto occupied = slot.occupied();
    const auto destroyed = slot.registers_on_occupied();
    miner_reply r;
    try {
      r = slot.act(c);
    } catch (const std::exception& e) {
      r = outcome(errc::internal, e.what());
    }
    if (slot.occupied() && !occupied) containers.fetch_add(1);
    if (!slot.occupied() && occupied) containers.fetch_sub(1);
    registers_on_occupied.fetch_add(slot.registers_on_occupied() - destroyed);
    return r;
  }

  void start_probe(const std::string& hotkey, std::uint16_t port, std::chrono::milliseconds timeout, probe_done done) {
    std::unique_lock lock{mutex};
    const auto found = by_hotkey.find(hotkey);
    if (stopped || found == by_hotkey.end()) {
      lock.unlock();
      return done(ssh_state::unknown);
    }
    const auto k = miners[found->second].probes++;
    const auto f = draw_fate(dice{settings.seed, found->second, fate_of_probe, k}, settings);
    const bool lost = f.what != luck::fine || f.latency > timeout;
    auto look = [this, index = found->second, port, lost, done = std::move(done)](bool shut) {
      std::unique_lock again{mutex};
      const auto seen = shut || lost ? ssh_state::unknown : miners[index].slot.probe(port);
      again.unlock();
      done(seen);
    };
    const auto wait = std::min<microseconds>(f.latency, timeout);
    if (wait.count() != 0) return after(wait, std::move(look));
    lock.unlock();
    look(false);
  }

  // With the mutex held. `then` runs on the strand and without it, with true when the link shuts down before `wait` has
  // passed.
  template <class F>
  void after(microseconds wait, F then) {
    const auto timer = std::make_shared<strand_timer>(on_strand, wait);
    timers.insert(timer);
    timer->async_wait([self = shared_from_this(), timer, then = std::move(then)](boost::system::error_code) mutable {
      std::unique_lock lock{self->mutex};
      self->timers.erase(timer);
      const auto shut = self->stopped;
      lock.unlock();
      then(shut);
    });
  }

  void stop() {
    const std::lock_guard lock{mutex};
    stopped = true;
    for (const auto& t : timers) t->cancel();
  }

  static std::size_t lane_of(const miner_call& c) { return c.lane == call_lane::check ? 1U : 0U; }

  const simulated_settings settings;
  const strand on_strand;
  std::vector<miner_info> infos;                           // constant after construction
  std::unordered_map<std::string, std::size_t> by_hotkey;  // likewise
  std::atomic<std::uint64_t> registers_on_occupied{0};
  std::atomic<std::size_t> containers{0};

  const crypto::box_maker boxes;

  // Below: of the mutex; the timers themselves are touched on the strand only.
  std::mutex mutex;
  std::vector<miner> miners;
  std::unordered_set<std::shared_ptr<strand_timer>> timers;
  bool stopped = false;
};

simulated_miners::simulated_miners(asio::io_context& io, simulated_settings settings)
    : core_(std::make_shared<core>(io, settings)) {}

simulated_miners::~simulated_miners() { shutdown(); }

void simulated_miners::call(miner_call c, call_done done) {
  // Not inside another's `done`: a chain of calls would be a chain of stack frames.
  thread_local bool answering = false;
  if (!answering) {
    if (auto reply = core_->at_once(c)) {
      answering = true;
      done(std::move(*reply));
      answering = false;
      return;
    }
  }
  asio::post(core_->on_strand, [self = core_, c = std::move(c), done = std::move(done)]() mutable {
    self->start_call(std::move(c), done);
  });
}

void simulated_miners::probe_ssh(axon of, std::string, std::uint16_t port, std::chrono::milliseconds timeout,
                                 probe_done done) {
  asio::post(core_->on_strand,
             [self = core_, hotkey = std::move(of.hotkey), port, timeout, done = std::move(done)]() mutable {
               self->start_probe(hotkey, port, timeout, std::move(done));
             });
}

void simulated_miners::shutdown() {
  asio::post(core_->on_strand, [self = core_] { self->stop(); });
}

std::vector<miner_info> simulated_miners::infos() const { return core_->infos; }
std::uint64_t simulated_miners::registers_on_occupied() const noexcept { return core_->registers_on_occupied.load(); }
std::size_t simulated_miners::containers() const noexcept { return core_->containers.load(); }

}  // namespace lode::links
