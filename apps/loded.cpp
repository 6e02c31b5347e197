// loded: the registration daemon. Puts store, links, actors and the HTTP edge together, and takes them apart in order.

#include "actors/system.hpp"
#include "config/logging.hpp"
#include "config/settings.hpp"
#include "crypto/crypto.hpp"
#include "crypto/hmac.hpp"
#include "crypto/hotkey.hpp"
#include "http/edge.hpp"
#include "links/combined_link.hpp"
#include "links/dendrite.hpp"
#include "links/simulated_miners.hpp"
#include "links/webhook.hpp"
#include "storage/rocksdb_store.hpp"
#include "storage/sealing.hpp"
#include "telemetry/log.hpp"
#include "telemetry/process.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <caf/all.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <future>
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
  if (!settings.miners.file.empty())
    return error{errc::config_invalid,
                 "wallet.hotkey-file is not set, and calls to the miners of miners.file must be "
                 "signed; make one with: lode-miner wallet new FILE"};
  auto key = crypto::sr25519_key::generate();
  auto address = crypto::ss58_encode(key.pub());
  return crypto::hotkey{std::move(key), std::move(address)};
}

/// Whoever reaches the port can rent and, with a UUID, end leases: beyond this machine only on purpose.
result<void> check_exposure(const config::daemon_settings& settings) {
  const auto& listen = settings.http.listen;
  boost::system::error_code ec;
  auto host = listen.substr(0, listen.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto address = boost::asio::ip::make_address(host, ec);
  const bool certified = settings.tls.client_certificates == "required";
  if (settings.http.insecure || certified || host == "localhost" || (!ec && address.is_loopback())) return {};
  return error{errc::config_invalid,
               "http.listen " + listen +
                   " is reachable from other machines, and nothing protects "
                   "the API yet: listen on 127.0.0.1 behind a proxy that does, or set http.insecure"};
}

http::tls_settings tls_settings_from(const config::daemon_settings& settings) {
  const auto& t = settings.tls;
  using enum http::client_certificates;
  return {t.cert_file, t.key_file, t.client_ca_file,
          t.client_certificates == "required"   ? required
          : t.client_certificates == "optional" ? optional
                                                : off};
}

http::edge_settings edge_settings_from(const config::daemon_settings& settings) {
  const auto& h = settings.http;
  http::edge_settings out;
  out.listen = h.listen;
  out.version = LODE_VERSION;
  out.reply_timeout = std::chrono::milliseconds{h.reply_timeout_ms};
  out.tls = tls_settings_from(settings);
  out.keepalive = std::chrono::seconds{settings.events.keepalive_seconds};
  out.limits.handshake_timeout = std::chrono::milliseconds{h.header_timeout_ms};
  out.limits.header_timeout = std::chrono::milliseconds{h.header_timeout_ms};
  out.limits.body_timeout = std::chrono::milliseconds{h.body_timeout_ms};
  out.limits.idle_timeout = std::chrono::milliseconds{h.idle_timeout_ms};
  out.limits.header_bytes = static_cast<std::size_t>(h.header_limit_bytes);
  out.limits.body_bytes = static_cast<std::size_t>(h.body_limit_bytes);
  out.limits.connections = static_cast<std::size_t>(h.max_connections);
  out.limits.in_flight = static_cast<std::size_t>(h.max_in_flight);
  return out;
}

/// What --check-config finds beyond the settings themselves.
std::vector<std::string> check_files(const config::daemon_settings& settings) {
  std::vector<std::string> problems;
  if (const auto fit = check_exposure(settings); !fit) problems.push_back(fit.error().detail);
  if (const auto tls = tls_settings_from(settings); tls.enabled())
    if (const auto loaded = http::load_tls(tls); !loaded) problems.push_back(loaded.error().detail);
  return problems;
}

result<std::shared_ptr<links::webhook_sender>> webhook_client_for(boost::asio::io_context& io,
                                                                  const config::daemon_settings& settings) {
  const auto& n = settings.notify;
  links::webhook_settings out;
  out.deallocation_url = n.deallocation_url;
  out.status_url = n.status_url;
  out.secret = n.secret;
  out.ca_file = n.ca_file;
  out.client_cert_file = n.client_cert_file;
  out.client_key_file = n.client_key_file;
  out.timeout = std::chrono::seconds{n.timeout_seconds};
  if (!n.secret_file.empty()) {
    auto secret = crypto::read_secret_file(n.secret_file);
    if (!secret) return error{errc::config_invalid, "notify.secret-file " + secret.error().detail};
    out.secret = std::move(*secret);
  }
  return links::make_webhook_client(io, out);
}

/// Says once why the process should end; the main thread waits for it.
class end_of_service {
 public:
  void say(int code) {
    recovered(false);
    if (!said_.test_and_set()) code_.set_value(code);
  }
  int wait() { return code_.get_future().get(); }

  /// Every stored allocation is served again; or never will be, since the end came first.
  void recovered(bool yes) {
    if (!recovery_told_.test_and_set()) recovery_.set_value(yes);
  }
  bool wait_for_recovery() { return recovery_.get_future().get(); }

 private:
  std::atomic_flag said_, recovery_told_;
  std::promise<int> code_;
  std::promise<bool> recovery_;
};

int serve(const config::daemon_settings& settings) {
  if (const auto fit = check_exposure(settings); !fit) return complain(fit.error());
  // The original's allow-list: an operator who sets it must not believe that it protects anything here.
  if (const char* list = std::getenv("WHITELISTED_IPS"); list && *list)
    spdlog::warn("WHITELISTED_IPS is set, but there is no allow-list of addresses yet: it has no effect");
  const auto hotkey = signing_hotkey(settings);
  if (!hotkey) return complain(hotkey.error());

  auto opened = storage::open_rocksdb_store(settings.storage.path);
  if (!opened) return complain(opened.error());
  std::shared_ptr<storage::store> store = std::move(*opened);
  const auto key_file =
      settings.storage.master_key_file.empty() ? settings.storage.path + ".key" : settings.storage.master_key_file;
  auto sealer = storage::open_sealer(key_file, *store);
  if (!sealer) return complain(sealer.error());

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

  auto webhooks = webhook_client_for(io, settings);
  if (!webhooks) return complain(webhooks.error());

  end_of_service end;
  boost::asio::signal_set signals{io, SIGINT, SIGTERM};
  signals.async_wait([&](const boost::system::error_code& ec, int number) {
    if (ec) return;
    spdlog::info("signal {}: stopping; a second one ends at once", number);
    end.say(0);
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
  so.on_recovered = [&] { end.recovered(true); };
  so.on_fatal = [&](const error&) { end.say(exit_failed); };
  auto tree = std::make_unique<actors::actor_tree>(sys, std::move(so));
  if (settings.miners.file.empty() && settings.miners.simulated == 0)
    spdlog::warn("no miners: neither miners.file nor miners.simulated is set");

  auto es = edge_settings_from(settings);
  es.metrics = metrics;
  auto edge = http::start_edge(io, sys, es,
                               {tree->registry(), tree->events(), tree->ledger(), tree->idempotency(), tree->outbox()});
  if (!edge) return complain(edge.error());
  std::thread io_thread{[&] { io.run(); }};
  if (end.wait_for_recovery()) {
    fmt::print("listening on {}\n", (*edge)->url());
    std::fflush(stdout);
  }
  spdlog::info("serving on {}, hotkey {}", (*edge)->url(), hotkey->address);

  const int code = end.wait();
  std::promise<void> closed;
  (*edge)->stop(std::chrono::milliseconds{settings.http.stop_timeout_ms}, [&] { closed.set_value(); });
  closed.get_future().wait();
  if (!tree->stop(actors_stop_bound)) spdlog::warn("some actors did not end in time; the next start recovers them");
  tree.reset();
  link->shutdown();
  (*webhooks)->shutdown();
  boost::asio::post(io, [&] { signals.cancel(); });
  work.reset();
  io_thread.join();
  edge->reset();
  spdlog::info("stopped");
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  // A reader of our output that goes away must not end the service.
  std::signal(SIGPIPE, SIG_IGN);
  const auto parsed = config::parse_daemon(argc, argv, environ, check_files);
  if (const auto* text = std::get_if<config::print_and_exit>(&parsed)) {
    fmt::print(text->exit_code == 0 ? stdout : stderr, "{}", text->text);
    return text->exit_code;
  }
  const auto& settings = std::get<config::run_with<config::daemon_settings>>(parsed).settings;
  config::start_logging(settings.log.level, settings.log.format);
  if (const auto ready = crypto::init(); !ready) return complain(ready.error());
  try {
    return serve(settings);
  } catch (const std::exception& e) {
    fmt::print(stderr, "loded: {}\n", e.what());
    return exit_failed;
  }
}
