#include "links/dendrite.hpp"

#include "links/axon_exchange.hpp"
#include "links/connection_pool.hpp"
#include "links/ssh_probe.hpp"
#include "links/synapse.hpp"
#include "links/transfer.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <map>
#include <unordered_set>
#include <utility>

namespace lode::links {

namespace asio = boost::asio;
using boost::system::error_code;
using call_done = std::function<void(miner_reply)>;
using probe_done = std::function<void(ssh_state)>;

namespace {

miner_reply outcome(errc code, std::string detail) {
  miner_reply r;
  r.code = code;
  r.detail = std::move(detail);
  return r;
}

miner_reply closed_link() { return outcome(errc::shutting_down, "the link is closed"); }

// It goes into header lines and into the signed text, so nothing but the alphabet of addresses may be in it.
bool could_be_hotkey(const std::string& s) noexcept {
  const auto alphanumeric = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  };
  return !s.empty() && s.size() <= 64 && std::ranges::all_of(s, alphanumeric);
}

miner_reply no_connection(const error_code& ec, const transfer& t) {
  if (t.stopped()) return closed_link();
  if (t.expired()) return outcome(errc::miner_unreachable, "no connection in time");
  if (is_shortage(ec)) return outcome(errc::overloaded, "no connection for lack of resources: " + ec.message());
  return outcome(errc::miner_unreachable, ec.message());
}

}  // namespace

struct dendrite::core : std::enable_shared_from_this<dendrite::core> {
  core(asio::io_context& io, crypto::hotkey key, dendrite_settings s)
      : settings(std::move(s)),
        on_strand(asio::make_strand(io)),
        encoder(std::move(key), settings.own_ip),
        pool(settings.max_idle, settings.max_idle_per_axon, settings.idle_timeout),
        sweep_timer(on_strand) {}

  // Keeps one of `active` from being forgotten on any way out of a coroutine.
  struct membership {
    core& of;
    std::shared_ptr<transfer> t;
    membership(core& c, std::shared_ptr<transfer> x) : of(c), t(std::move(x)) { of.active.insert(t); }
    membership(const membership&) = delete;
    membership& operator=(const membership&) = delete;
    ~membership() { of.active.erase(t); }
  };

  bool enter() noexcept {
    if (in_flight.fetch_add(1) < settings.max_in_flight) return true;
    in_flight.fetch_sub(1);
    return false;
  }

  void start_call(miner_call c, steady_time deadline, call_done done) {
    const auto axon = endpoint_of(c.to.ip, c.to.port);
    auto refusal = refuse(c, axon);
    if (refusal) {
      in_flight.fetch_sub(1);
      return done(std::move(*refusal));
    }
    ++per_axon[*axon];
    asio::co_spawn(on_strand, run_call(shared_from_this(), std::move(c), *axon, deadline, std::move(done)),
                   asio::detached);
  }

  std::optional<miner_reply> refuse(const miner_call& c, const std::optional<tcp_endpoint>& axon) const {
    if (stopped) return closed_link();
    if (!axon) return outcome(errc::miner_unreachable, "not serving");
    if (!could_be_hotkey(c.to.hotkey)) return outcome(errc::miner_unreachable, "not a hotkey");
    const auto found = per_axon.find(*axon);
    if (found != per_axon.end() && found->second >= settings.max_per_axon) {
      return outcome(errc::overloaded, "too many calls to this miner under way");
    }
    return std::nullopt;
  }

  static strand_task<void> run_call(std::shared_ptr<core> self, miner_call c, tcp_endpoint axon, steady_time deadline,
                                    call_done done) {
    const auto begun = std::chrono::steady_clock::now();
    miner_reply reply;
    try {
      reply = co_await self->attempt(c, axon, deadline);
    } catch (const std::exception& e) {
      reply = outcome(errc::internal, e.what());
    }
    const auto count = self->per_axon.find(axon);
    if (--count->second == 0) self->per_axon.erase(count);
    self->in_flight.fetch_sub(1);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
    spdlog::debug("[{}] {} to {}: {} after {} ms {}", c.request_id, to_string(c.action), c.to.hotkey,
                  to_string(reply.code), took.count(), reply.detail);
    done(std::move(reply));
  }

  strand_task<miner_reply> attempt(const miner_call& c, tcp_endpoint axon, steady_time deadline) {
    const auto t = std::make_shared<transfer>(on_strand);
    if (stopped) co_return closed_link();
    const membership registered(*this, t);
    bool reused = false;
    if (is_read_only(c.action)) {
      if (auto kept = pool.take(axon)) {
        t->socket = std::move(*kept);
        reused = true;
      }
    }
    while (true) {
      if (!reused) {
        const auto by = std::min(deadline, std::chrono::steady_clock::now() + settings.connect_timeout);
        const auto ec = co_await connect(t, axon, by);
        if (ec) co_return no_connection(ec, *t);
      }
      t->expire_at(deadline);
      auto request = encoder.encode(c);
      auto o = co_await exchange(t, axon, c.action, std::move(request), settings.max_reply_bytes);
      if (o.unanswered && reused) {
        error_code ignored;
        t->socket.close(ignored);
        reused = false;
        continue;
      }
      t->disarm();
      if (o.reusable && !stopped) keep(axon, std::move(t->socket));
      co_return std::move(o.reply);
    }
  }

  void keep(const tcp_endpoint& axon, tcp_socket socket) {
    pool.put(axon, std::move(socket), std::chrono::steady_clock::now());
    if (!sweeping && pool.size() > 0) sweep();
  }

  void sweep() {
    const auto next = stopped ? std::nullopt : pool.sweep(std::chrono::steady_clock::now());
    sweeping = next.has_value();
    if (!next) return;
    sweep_timer.expires_at(*next);
    sweep_timer.async_wait([weak = weak_from_this()](error_code) {
      if (const auto self = weak.lock()) self->sweep();
    });
  }

  void start_probe(std::optional<tcp_endpoint> where, steady_time deadline, probe_done done) {
    if (stopped || !where) {
      in_flight.fetch_sub(1);
      return done(ssh_state::unknown);
    }
    asio::co_spawn(on_strand, run_probe(shared_from_this(), *where, deadline, std::move(done)), asio::detached);
  }

  static strand_task<void> run_probe(std::shared_ptr<core> self, tcp_endpoint where, steady_time deadline,
                                     probe_done done) {
    auto state = ssh_state::unknown;
    try {
      const auto t = std::make_shared<transfer>(self->on_strand);
      const membership registered(*self, t);
      if (!self->stopped) state = co_await read_banner(t, where, deadline);
    } catch (const std::exception&) {
      state = ssh_state::unknown;  // out of memory: our trouble, not the container's
    }
    self->in_flight.fetch_sub(1);
    done(state);
  }

  void stop() {
    stopped = true;
    for (const auto& t : active) t->stop();
    pool.clear();
    sweep_timer.cancel();
  }

  const dendrite_settings settings;
  const strand on_strand;
  synapse_encoder encoder;
  std::atomic<std::size_t> in_flight{0};

  // Below: on the strand only.
  connection_pool pool;
  strand_timer sweep_timer;
  bool sweeping = false;
  bool stopped = false;
  std::unordered_set<std::shared_ptr<transfer>> active;
  std::map<tcp_endpoint, std::size_t> per_axon;
};

dendrite::dendrite(asio::io_context& io, crypto::hotkey key, dendrite_settings settings)
    : core_(std::make_shared<core>(io, std::move(key), std::move(settings))) {}

dendrite::~dendrite() { shutdown(); }

void dendrite::call(miner_call c, call_done done) {
  const auto deadline = std::chrono::steady_clock::now() + c.timeout;
  if (!core_->enter()) {
    return asio::post(core_->on_strand, [done = std::move(done)] {
      done(outcome(errc::overloaded, "too many calls to miners under way"));
    });
  }
  asio::post(core_->on_strand, [self = core_, c = std::move(c), deadline, done = std::move(done)]() mutable {
    self->start_call(std::move(c), deadline, std::move(done));
  });
}

void dendrite::probe_ssh(axon, std::string ip, std::uint16_t port, std::chrono::milliseconds timeout, probe_done done) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  if (!core_->enter()) {
    return asio::post(core_->on_strand, [done = std::move(done)] { done(ssh_state::unknown); });
  }
  asio::post(core_->on_strand,
             [self = core_, where = endpoint_of(ip, port), deadline, done = std::move(done)]() mutable {
               self->start_probe(where, deadline, std::move(done));
             });
}

void dendrite::shutdown() {
  asio::post(core_->on_strand, [self = core_] { self->stop(); });
}

}  // namespace lode::links
