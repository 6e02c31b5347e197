#include "miner/agent.hpp"

#include "miner/background.hpp"
#include "miner/banner.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace lode::miner {

using namespace std::chrono_literals;

namespace {

constexpr auto stop_bound = 10s;
constexpr auto lease_look = 60s;  // the wall clock may be set, so a long sleep is cut into pieces
constexpr std::chrono::milliseconds first_retry = 1s;
constexpr std::chrono::milliseconds longest_retry = 30s;

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}
unix_ms now_ms() { return now_ns() / 1'000'000; }

axon_options axon_options_of(const agent_options& o) {
  axon_options a = o.axon;
  a.version = o.slot.version;
  a.ssh_port = o.rentals.port_first;
  return a;
}

http::server_limits axon_limits(std::size_t in_flight) {
  http::server_limits l;
  l.body_bytes = 256 * 1024;
  l.connections = 512;
  l.in_flight = in_flight;
  return l;
}

}  // namespace

bool run_to_end(boost::asio::io_context& io, task<void> t) {
  start_task(io, "command", std::move(t));
  return run_all(io);
}

result<std::unique_ptr<agent>> agent::make(boost::asio::io_context& io, agent_options options) {
  options.rentals.owner = options.axon.hotkey;
  auto m = look_at_machine(options.disk_path, options.rentals.offer_gpus ? find_gpus() : std::vector<gpu>{});
  if (m.has_error()) return m.error();
  auto store = open_slot_store(options.state_directory);
  if (store.has_error()) return store.error();
  auto made = std::make_unique<agent>(passkey{}, io, std::move(options), std::move(*m), std::move(*store));
  if (auto loaded = made->slot_.load(); loaded.has_error()) return loaded.error();
  return made;
}

agent::agent(passkey, boost::asio::io_context& io, agent_options options, machine m, std::unique_ptr<slot_store> store)
    : io_(io),
      options_(std::move(options)),
      machine_(std::move(m)),
      store_(std::move(store)),
      engine_(make_docker_engine(io, options_.engine)),
      maker_(io, *engine_, options_.rentals, reads_ssh_banner),
      slot_(io, *store_, *engine_, maker_, options_.rentals, machine_.capacity, options_.slot, now_ms),
      axon_(
          axon_options_of(options_), slot_, [this] { return specs(); }, now_ns),
      stopping_(io),
      reconcile_ended_(io),
      lease_ended_(io) {}

agent::~agent() = default;

void agent::run(std::function<void(const std::string&)> ready, std::function<void(result<void>)> ended) {
  start_task(io_, "agent", main(std::move(ready), std::move(ended)));
}

void agent::stop() { stopping_.set(); }

task<void> agent::main(std::function<void(const std::string&)> ready, std::function<void(result<void>)> ended) {
  auto started = co_await start();
  if (started.has_error() || stopping_.is_set()) {
    ended(started);
    co_return;
  }
  ready(server_->address());
  start_task(io_, "reconcile loop", reconcile_loop());
  start_task(io_, "lease loop", lease_loop());
  co_await stopping_.wait();

  spdlog::info("stopping; containers live on");
  event closed{io_};
  server_->stop(stop_bound, [&closed] { closed.set(); });
  // First the slot: requests that wait for a register are answered by its end.
  co_await slot_.stop();
  co_await closed.wait();
  co_await reconcile_ended_.wait();
  co_await lease_ended_.wait();
  ended(result<void>{});
}

task<result<void>> agent::start() {
  co_await wait_for_engine();
  if (stopping_.is_set()) co_return result<void>{};
  if (auto done = co_await slot_.reconcile(); done.has_error()) {
    spdlog::warn("first look at the engine's containers: {}", done.error().to_string());
  }
  auto server = http::start_server(
      io_, options_.listen, [this](http::request& r) { return axon_.handle(r); },
      [](unsigned status, std::string_view words) { return axon::refusal(status, words); },
      axon_limits(options_.max_in_flight));
  if (server.has_error()) co_return server.error();
  server_ = std::move(*server);
  axon_.set_port(server_->port());
  co_return result<void>{};
}

task<void> agent::wait_for_engine() {
  auto pause = 100ms;
  auto told = std::chrono::steady_clock::time_point{};
  while (!stopping_.is_set()) {
    auto alive = co_await engine_->ping();
    if (alive) co_return;
    if (const auto now = std::chrono::steady_clock::now(); now - told > 10s) {
      told = now;
      spdlog::warn("waiting for the container engine at {}: {}", options_.engine.socket, alive.error().detail);
    }
    co_await stopping_.wait_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds{2000});
  }
}

task<void> agent::reconcile_loop() {
  while (true) {
    co_await stopping_.wait_for(options_.reconcile_every);
    if (stopping_.is_set()) break;
    if (auto done = co_await slot_.reconcile(); done.has_error()) {
      spdlog::warn("reconcile: {}", done.error().to_string());
    }
    if (spdlog::should_log(spdlog::level::debug)) co_await slot_.log_usage();
  }
  reconcile_ended_.set();
}

// Ends a lease when it is due, not only at the next cycle. Not a cycle of its own: the grace that reconcile() gives to
// what it does not know is counted in cycles.
task<void> agent::lease_loop() {
  auto retry = first_retry;
  while (!stopping_.is_set()) {
    auto changed = slot_.lease_changed();
    const auto end = slot_.lease_end();
    auto nap = std::chrono::milliseconds{lease_look};
    if (end != 0) nap = std::clamp(std::chrono::milliseconds{end - now_ms()}, 0ms, nap);
    if (nap == 0ms) {
      if (auto done = co_await slot_.end_lease(); done.has_error()) {
        spdlog::warn("the lease is over and its container is not removed, next try in {} s: {}", retry / 1s,
                     done.error().to_string());
        nap = retry;
        retry = std::min(retry * 2, longest_retry);
        changed = slot_.lease_changed();
      } else {
        retry = first_retry;
      }
    }
    // Woken by stop() too: slot_.stop() changes nothing, so look often enough to end soon.
    const auto slice = std::min<std::chrono::milliseconds>(nap, 1000ms);
    const auto until = std::chrono::steady_clock::now() + nap;
    while (!stopping_.is_set() && !changed->is_set() && std::chrono::steady_clock::now() < until) {
      co_await stopping_.wait_for(slice);
    }
  }
  lease_ended_.set();
}

task<result<std::string>> agent::specs() {
  auto m = look_at_machine(options_.disk_path, machine_.gpus);
  if (m.has_error()) co_return m.error();
  co_return specs_json(*m, slot_.engine_reachable());
}

}  // namespace lode::miner
