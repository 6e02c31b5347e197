// loded: the registration daemon. Puts store, links, actors and the HTTP edge together, and takes them apart in order.

#include "actors/access.hpp"
#include "actors/system.hpp"
#include "apps/loded_orders.hpp"
#include "apps/loded_reload.hpp"
#include "apps/loded_setup.hpp"
#include "config/logging.hpp"
#include "config/service_manager.hpp"
#include "config/settings.hpp"
#include "crypto/crypto.hpp"
#include "crypto/hotkey.hpp"
#include "http/audit_log.hpp"
#include "http/edge.hpp"
#include "links/combined_link.hpp"
#include "links/dendrite.hpp"
#include "links/simulated_miners.hpp"
#include "storage/rocksdb_store.hpp"
#include "storage/sealing.hpp"
#include "telemetry/log.hpp"
#include "telemetry/process.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <caf/all.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>
#include <functional>
#include <future>
#include <optional>
#include <thread>
#include <unistd.h>

namespace {

using namespace lode;  // NOLINT(google-build-using-namespace): the program that joins them all

constexpr int exit_failed = 1;
constexpr int exit_config = 2;
constexpr int exit_interrupted = 130;
constexpr std::chrono::seconds actors_stop_bound{10};

int complain(const error& e) {
  fmt::print(stderr, "loded: {}\n", e.detail.empty() ? e.to_string() : e.detail);
  return e == errc::config_invalid || e == errc::key_invalid ? exit_config : exit_failed;
}

/// The hotkey that signs our calls. Without a miners file there is nobody to call, and a passing one will do.
result<crypto::hotkey> signing_hotkey(const config::daemon_settings& settings) {
  if (!settings.wallet.hotkey_file.empty()) return crypto::load_hotkey(settings.wallet.hotkey_file);
  if (const auto fit = loded::check_signing(settings); !fit) return fit.error();
  const auto key = crypto::sr25519_key::generate();
  auto address = crypto::ss58_encode(key.pub());
  return crypto::hotkey{key, std::move(address)};
}

/// Of a stopped daemon: the key goes to standard output, once.
int add_admin_key(const config::daemon_settings& settings, const std::string& name) {
  if (!is_key_name(name))  // before there is a store
    return complain(
        {errc::config_invalid, "--add-admin-key: the name must be 1 to 64 characters of A-Z a-z 0-9 . _ @ + -"});
  auto store = storage::open_rocksdb_store(settings.storage.path);
  if (!store) {
    if (store.error() == errc::store_locked)
      fmt::print(stderr, "loded: a daemon is running: add keys through it, with  lode keys add {} --role admin\n",
                 name);
    return complain(store.error());
  }
  std::shared_ptr<http::audit_log> audit;
  if (!settings.audit.file.empty()) {
    auto opened = http::audit_log::open(settings.audit.file);
    if (!opened) return complain(opened.error());  // before anything is changed that would leave no trace
    audit = std::move(*opened);
  }
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto made =
      actors::add_admin_key(**store, name, std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  if (!made) return complain(made.error());
  fmt::print("{}\n", made->text);
  if (audit && !audit->write(http::audit_line_of_local_key(made->key, ::getuid()))) return exit_failed;
  fmt::print(stderr, "loded: this is the key of {} ({}), an admin; it is shown this once\n", name, made->key.id);
  return 0;
}

int serve(config::daemon_settings settings, int argc, const char* const* argv) {
  const auto hotkey = signing_hotkey(settings);
  if (!hotkey) return complain(hotkey.error());

  auto opened = storage::open_rocksdb_store(settings.storage.path);
  if (!opened) return complain(opened.error());
  std::shared_ptr<storage::store> store = std::move(*opened);
  auto sealer = storage::open_sealer(loded::master_key_file_of(settings), *store);
  if (!sealer) return complain(sealer.error());
  auto keys = actors::load_keys(*store);
  if (!keys) return complain(keys.error());
  if (const auto fit = loded::check_exposure(settings, !keys->empty()); !fit) return complain(fit.error());
  loded::warn_of_exposure(settings, !keys->empty());
  auto live = loded::live_settings_from(settings);
  if (!live) return complain(live.error());

  boost::asio::io_context io{1};
  auto work = boost::asio::make_work_guard(io);
  links::simulated_settings ss;
  ss.count = static_cast<std::size_t>(settings.miners.simulated);
  ss.seed = static_cast<std::uint64_t>(settings.miners.simulated_seed);
  ss.latency = std::chrono::milliseconds{settings.miners.simulated_latency_ms};
  ss.failure_rate = settings.miners.simulated_failure_rate;
  ss.stall_rate = settings.miners.simulated_stall_rate;
  auto simulated = std::make_shared<links::simulated_miners>(io, ss);
  links::dendrite_settings ds;
  if (!settings.dendrite.external_ip.empty()) ds.own_ip = settings.dendrite.external_ip;
  ds.connect_timeout = std::chrono::milliseconds{settings.dendrite.connect_timeout_ms};
  ds.max_idle_per_axon = static_cast<std::size_t>(settings.dendrite.pool_per_miner);
  auto dendrite = std::make_shared<links::dendrite>(io, *hotkey, ds);
  auto link = std::make_shared<links::combined_link>(simulated, dendrite);

  const auto metrics = std::make_shared<telemetry::registry>();
  telemetry::watch_process(*metrics, LODE_VERSION);
  telemetry::watch_log(metrics);

  auto webhooks = loded::webhook_client_for(io, settings);
  if (!webhooks) return complain(webhooks.error());

  loded::orders orders;
  boost::asio::signal_set hang_ups{io, SIGHUP};
  std::function<void(const boost::system::error_code&, int)> hung_up = [&](const boost::system::error_code& ec, int) {
    if (ec) return;
    orders.reload();
    hang_ups.async_wait(hung_up);
  };
  hang_ups.async_wait(hung_up);
  boost::asio::signal_set signals{io, SIGINT, SIGTERM};
  signals.async_wait([&](const boost::system::error_code& ec, int number) {
    if (ec) return;
    spdlog::info("signal {}: stopping; a second one ends at once", number);
    orders.end(0);
    // Every state change is durable before it is told, so ending in the middle loses nothing.
    signals.async_wait([](const boost::system::error_code& again, int) {
      if (!again) ::_exit(exit_interrupted);
    });
  });

  caf::actor_system_config cfg;
  actors::configure(cfg, settings);
  caf::actor_system sys{cfg};
  actors::system_options so;
  so.settings = settings;
  so.metrics = metrics;
  so.store = store;
  so.sealer = std::make_shared<storage::sealer>(std::move(*sealer));
  so.link = link;
  so.webhooks = *webhooks;
  so.simulated = simulated->infos();
  so.keys = std::move(*keys);
  const auto board = so.board;
  so.on_recovered = [&] { orders.recovered(); };
  so.on_fatal = [&](const error&) { orders.end(exit_failed); };
  auto tree = std::make_unique<actors::actor_tree>(sys, std::move(so));
  if (settings.miners.file.empty() && settings.miners.simulated == 0)
    spdlog::warn("no miners: neither miners.file nor miners.simulated is set");

  auto es = loded::edge_settings_from(settings);
  es.metrics = metrics;
  es.keys = board;
  es.live = std::move(*live);
  auto edge = http::start_edge(io, sys, es,
                               {tree->registry(), tree->events(), tree->ledger(), tree->idempotency(), tree->outbox(),
                                tree->access(), tree->listings()});
  if (!edge) return complain(edge.error());
  std::thread io_thread{[&] { io.run(); }};
  if (orders.wait_for_recovery()) {
    fmt::print("listening on {}\n", (*edge)->url());
    std::fflush(stdout);
    config::tell_service_manager("READY=1");
  }
  spdlog::info("serving on {}, hotkey {}", (*edge)->url(), hotkey->address);

  std::optional<int> code;
  while (!(code = orders.wait())) {
    config::tell_service_manager("RELOADING=1");
    loded::reload(argc, argv, settings, **edge, *board);
    config::tell_service_manager("READY=1");
  }
  config::tell_service_manager("STOPPING=1");
  std::promise<void> closed;
  (*edge)->stop(std::chrono::milliseconds{settings.http.stop_timeout_ms}, [&] { closed.set_value(); });
  closed.get_future().wait();
  if (!tree->stop(actors_stop_bound)) spdlog::warn("some actors did not end in time; the next start recovers them");
  tree.reset();
  link->shutdown();
  (*webhooks)->shutdown();
  boost::asio::post(io, [&] {
    signals.cancel();
    hang_ups.cancel();
  });
  work.reset();
  io_thread.join();
  edge->reset();
  spdlog::info("stopped");
  return *code;
}

}  // namespace

int main(int argc, char** argv) {
  // A reader of our output that goes away must not end the service.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);           // until it can be heeded
  config::start_logging("info", "auto");  // for what --check-config warns of
  const auto parsed = config::parse_daemon(argc, argv, environ, loded::check_files);
  if (const auto* text = std::get_if<config::print_and_exit>(&parsed)) {
    fmt::print(text->exit_code == 0 ? stdout : stderr, "{}", text->text);
    return text->exit_code;
  }
  const auto& [settings, arguments] = std::get<config::run_with<config::daemon_settings>>(parsed);
  config::start_logging(settings.log.level, settings.log.format);
  if (const auto ready = crypto::init(); !ready) return complain(ready.error());
  try {
    return arguments.empty() ? serve(settings, argc, argv) : add_admin_key(settings, arguments.at(1));
  } catch (const std::exception& e) {
    fmt::print(stderr, "loded: {}\n", e.what());
    return exit_failed;
  }
}
