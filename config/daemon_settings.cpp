#include "config/table.hpp"

#include <fmt/format.h>

#include <array>

namespace lode::config {
namespace {

using s = daemon_settings;
constexpr double hour_ms = 3'600'000;
constexpr double many = 1'000'000;

// clang-format off
const std::array table{
    setting<s>{"http.listen", [](s& x) -> value_ref { return &x.http.listen; }, "Where the REST API listens; port 0 picks one", {.form = host_and_port, .not_empty = true}},
    setting<s>{"http.insecure", [](s& x) -> value_ref { return &x.http.insecure; }, "Listen beyond loopback although neither API keys nor client certificates protect the API"},
    setting<s>{"http.max-in-flight", [](s& x) -> value_ref { return &x.http.max_in_flight; }, "Requests handled at once; more get 503", {.least = 1, .most = many}},
    setting<s>{"http.max-connections", [](s& x) -> value_ref { return &x.http.max_connections; }, "Connections at once; more get 503", {.least = 1, .most = many}},
    setting<s>{"http.body-limit-bytes", [](s& x) -> value_ref { return &x.http.body_limit_bytes; }, "Largest request body; larger ones get 413", {.least = 1024, .most = 64 << 20}},
    setting<s>{"http.header-limit-bytes", [](s& x) -> value_ref { return &x.http.header_limit_bytes; }, "Largest request header; larger ones get 431", {.least = 1024, .most = 1 << 20}},
    setting<s>{"http.header-timeout-ms", [](s& x) -> value_ref { return &x.http.header_timeout_ms; }, "A header must be complete within this", {.least = 100, .most = hour_ms}},
    setting<s>{"http.body-timeout-ms", [](s& x) -> value_ref { return &x.http.body_timeout_ms; }, "A body must be complete within this", {.least = 100, .most = hour_ms}},
    setting<s>{"http.idle-timeout-ms", [](s& x) -> value_ref { return &x.http.idle_timeout_ms; }, "An idle connection is closed after this", {.least = 100, .most = hour_ms}},
    setting<s>{"http.reply-timeout-ms", [](s& x) -> value_ref { return &x.http.reply_timeout_ms; }, "Every request is answered within this", {.least = 1000, .most = hour_ms}},
    setting<s>{"http.stop-timeout-ms", [](s& x) -> value_ref { return &x.http.stop_timeout_ms; }, "Requests under way may take this long once the process is told to stop", {.least = 0, .most = hour_ms}},

    setting<s>{"tls.cert-file", [](s& x) -> value_ref { return &x.tls.cert_file; }, "PEM file of the server's certificate and its chain; empty: no TLS", {.live = true}},
    setting<s>{"tls.key-file", [](s& x) -> value_ref { return &x.tls.key_file; }, "PEM file of the certificate's private key, closed to others", {.live = true}},
    setting<s>{"tls.client-ca-file", [](s& x) -> value_ref { return &x.tls.client_ca_file; }, "PEM file of the authorities whose client certificates count", {.live = true}},
    setting<s>{"tls.client-certificates", [](s& x) -> value_ref { return &x.tls.client_certificates; }, "Whether clients must show a certificate", {.choices = "off|optional|required", .live = true}},

    setting<s>{"access.allow", [](s& x) -> value_ref { return &x.access.allow; }, "Addresses and networks that may call; none: all", {.form = ip_or_network, .live = true, .legacy_env = "WHITELISTED_IPS"}},
    setting<s>{"access.proxies", [](s& x) -> value_ref { return &x.access.proxies; }, "Addresses and networks whose x-forwarded-for is believed", {.form = ip_or_network, .live = true}},
    setting<s>{"access.failures-per-minute", [](s& x) -> value_ref { return &x.access.failures_per_minute; }, "Calls of an address without a valid key that get 401; more get 429; 0: any number", {.least = 0, .most = many, .live = true}},
    setting<s>{"audit.file", [](s& x) -> value_ref { return &x.audit.file; }, "File to which a line is appended for each call that changes something; empty: none", {.live = true}},

    setting<s>{"storage.path", [](s& x) -> value_ref { return &x.storage.path; }, "Directory of the database", {.not_empty = true}},
    setting<s>{"storage.master-key-file", [](s& x) -> value_ref { return &x.storage.master_key_file; }, "Key that seals secrets; empty: PATH.key beside the data directory"},

    setting<s>{"miners.file", [](s& x) -> value_ref { return &x.miners.file; }, "JSON file of the miners, read again when it changes; empty: none"},
    setting<s>{"miners.simulated", [](s& x) -> value_ref { return &x.miners.simulated; }, "Number of simulated miners", {.least = 0, .most = many}},
    setting<s>{"miners.simulated-latency-ms", [](s& x) -> value_ref { return &x.miners.simulated_latency_ms; }, "Time that a simulated miner takes to answer", {.least = 0, .most = hour_ms}},
    setting<s>{"miners.simulated-failure-rate", [](s& x) -> value_ref { return &x.miners.simulated_failure_rate; }, "Share of calls that a simulated miner fails", {.least = 0, .most = 1}},
    setting<s>{"miners.simulated-stall-rate", [](s& x) -> value_ref { return &x.miners.simulated_stall_rate; }, "Share of calls that a simulated miner never answers", {.least = 0, .most = 1}},
    setting<s>{"miners.simulated-seed", [](s& x) -> value_ref { return &x.miners.simulated_seed; }, "Seed of everything random in simulated miners", {.least = 0}},

    setting<s>{"wallet.hotkey-file", [](s& x) -> value_ref { return &x.wallet.hotkey_file; }, "Hotkey that signs calls to miners; needed for miners that are not simulated"},
    setting<s>{"actors.threads", [](s& x) -> value_ref { return &x.actors.threads; }, "Threads of the actor scheduler", {.least = 1, .most = 256}},
    setting<s>{"metagraph.refresh-seconds", [](s& x) -> value_ref { return &x.metagraph.refresh_seconds; }, "Time between two full looks at the list of miners", {.least = 1, .most = 86'400}},
    setting<s>{"placement.policy", [](s& x) -> value_ref { return &x.placement.policy; }, "Which of the fitting miners is tried first", {.choices = "best-fit|spread|random"}},
    setting<s>{"placement.quarantine-failures", [](s& x) -> value_ref { return &x.placement.quarantine_failures; }, "Placements in a row that a miner fails before it is quarantined; 0: never", {.least = 0, .most = many}},
    setting<s>{"placement.quarantine-minutes", [](s& x) -> value_ref { return &x.placement.quarantine_minutes; }, "Length of a quarantine", {.least = 1, .most = 525'600}},

    setting<s>{"jobs.allocation-check-seconds", [](s& x) -> value_ref { return &x.jobs.allocation_check_seconds; }, "Time between two health checks of an allocation", {.least = 1, .most = 86'400}},
    setting<s>{"jobs.allocation-check-misses", [](s& x) -> value_ref { return &x.jobs.allocation_check_misses; }, "Failed checks in a row after which an allocation ends", {.least = 1, .most = 10'000}},

    setting<s>{"allocation.check-timeout-ms", [](s& x) -> value_ref { return &x.allocation.check_timeout_ms; }, "A miner must say within this whether it is free", {.least = 100, .most = hour_ms}},
    setting<s>{"allocation.register-timeout-ms", [](s& x) -> value_ref { return &x.allocation.register_timeout_ms; }, "A miner must make a container within this", {.least = 100, .most = hour_ms}},
    setting<s>{"allocation.hotkey-register-timeout-ms", [](s& x) -> value_ref { return &x.allocation.hotkey_register_timeout_ms; }, "The same when the client named the miner", {.least = 100, .most = hour_ms}},
    setting<s>{"allocation.deregister-timeout-ms", [](s& x) -> value_ref { return &x.allocation.deregister_timeout_ms; }, "A miner must remove a container within this", {.least = 100, .most = hour_ms}},
    setting<s>{"allocation.deregister-tries", [](s& x) -> value_ref { return &x.allocation.deregister_tries; }, "Tries before the client is answered; later ones go on behind its back", {.least = 1, .most = 100}},
    setting<s>{"allocation.action-timeout-ms", [](s& x) -> value_ref { return &x.allocation.action_timeout_ms; }, "A miner must restart, pause, unpause or exchange a key within this", {.least = 100, .most = hour_ms}},
    setting<s>{"allocation.hotkey-check-tries", [](s& x) -> value_ref { return &x.allocation.hotkey_check_tries; }, "Checks of a miner that the client named before it counts as silent", {.least = 1, .most = 100}},
    setting<s>{"allocation.hotkey-lease-days", [](s& x) -> value_ref { return &x.allocation.hotkey_lease_days; }, "Length of a lease where the client cannot say it", {.least = 1, .most = 36'500}},
    setting<s>{"allocation.warn-hours", [](s& x) -> value_ref { return &x.allocation.warn_hours; }, "The renter is warned this long before the end of a lease, or when half of a short one has passed; 0: never", {.least = 0, .most = 36'500 * 24}},
    setting<s>{"allocation.release-retry-min-ms", [](s& x) -> value_ref { return &x.allocation.release_retry_min_ms; }, "First pause between tries to release", {.least = 10, .most = hour_ms}},
    setting<s>{"allocation.release-retry-max-ms", [](s& x) -> value_ref { return &x.allocation.release_retry_max_ms; }, "Longest pause between tries to release", {.least = 10, .most = 24 * hour_ms}},
    setting<s>{"allocation.settle-ms", [](s& x) -> value_ref { return &x.allocation.settle_ms; }, "A registration that timed out may still succeed for this long", {.least = 0, .most = hour_ms}},

    setting<s>{"forge.pool", [](s& x) -> value_ref { return &x.forge.pool; }, "RSA key pairs kept ready", {.least = 0, .most = 10'000}},
    setting<s>{"forge.queue", [](s& x) -> value_ref { return &x.forge.queue; }, "Requests that may wait for a key pair; more get 503", {.least = 1, .most = many}},
    setting<s>{"ledger.queue", [](s& x) -> value_ref { return &x.ledger.queue; }, "Writes that may wait for the disk; more get 503", {.least = 1, .most = many}},
    setting<s>{"idempotency.keep-hours", [](s& x) -> value_ref { return &x.idempotency.keep_hours; }, "The reply to an allocate call with an idempotency-key is kept this long", {.least = 1, .most = 8'760}},
    setting<s>{"idempotency.keys", [](s& x) -> value_ref { return &x.idempotency.keys; }, "Idempotency keys kept; beyond, the oldest that are answered go first, and more get 503", {.least = 1, .most = many}},

    setting<s>{"notify.deallocation-url", [](s& x) -> value_ref { return &x.notify.deallocation_url; }, "Webhook for ended allocations; empty: none", {.form = http_url, .secret = true, .legacy_env = "DEALLOCATION_NOTIFY_URL"}},
    setting<s>{"notify.status-url", [](s& x) -> value_ref { return &x.notify.status_url; }, "Webhook for allocations that go on or off line or whose lease is about to end; empty: none", {.form = http_url, .secret = true, .legacy_env = "STATUS_NOTIFY_URL"}},
    setting<s>{"notify.status-every-check", [](s& x) -> value_ref { return &x.notify.status_every_check; }, "Also say at every health check how an allocation is"},
    setting<s>{"notify.secret", [](s& x) -> value_ref { return &x.notify.secret; }, "Key that signs webhooks; empty: not signed", {.secret = true}},
    setting<s>{"notify.secret-file", [](s& x) -> value_ref { return &x.notify.secret_file; }, "File of that key, closed to others"},
    setting<s>{"notify.ca-file", [](s& x) -> value_ref { return &x.notify.ca_file; }, "PEM file of the authorities that receivers' certificates are signed by; empty: the system's"},
    setting<s>{"notify.client-cert-file", [](s& x) -> value_ref { return &x.notify.client_cert_file; }, "PEM file of the certificate shown to receivers that ask for one"},
    setting<s>{"notify.client-key-file", [](s& x) -> value_ref { return &x.notify.client_key_file; }, "PEM file of its private key"},
    setting<s>{"notify.timeout-seconds", [](s& x) -> value_ref { return &x.notify.timeout_seconds; }, "A receiver must have answered within this", {.least = 1, .most = 600}},
    setting<s>{"notify.retry-seconds", [](s& x) -> value_ref { return &x.notify.retry_seconds; }, "Pause between the first three attempts at a webhook; then it doubles", {.least = 1, .most = 86'400}},
    setting<s>{"notify.retry-max-seconds", [](s& x) -> value_ref { return &x.notify.retry_max_seconds; }, "Longest pause between two attempts", {.least = 1, .most = 86'400}},
    setting<s>{"notify.keep-days", [](s& x) -> value_ref { return &x.notify.keep_days; }, "A webhook of this age is given up", {.least = 1, .most = 365}},
    setting<s>{"notify.parallel", [](s& x) -> value_ref { return &x.notify.parallel; }, "Attempts under way at once to a receiver", {.least = 1, .most = 256}},
    setting<s>{"notify.queue", [](s& x) -> value_ref { return &x.notify.queue; }, "Webhooks that may wait; beyond, the oldest is given up", {.least = 1, .most = many}},
    setting<s>{"notify.keep-dead", [](s& x) -> value_ref { return &x.notify.keep_dead; }, "Webhooks given up that are kept to be sent again; beyond, the oldest is dropped", {.least = 1, .most = many}},

    setting<s>{"dendrite.external-ip", [](s& x) -> value_ref { return &x.dendrite.external_ip; }, "Our address as named to miners; empty: 0.0.0.0", {.form = literal_ip}},
    setting<s>{"dendrite.connect-timeout-ms", [](s& x) -> value_ref { return &x.dendrite.connect_timeout_ms; }, "A connection to a miner must stand within this", {.least = 10, .most = 600'000}},
    setting<s>{"dendrite.pool-per-miner", [](s& x) -> value_ref { return &x.dendrite.pool_per_miner; }, "Idle connections kept open to each miner", {.least = 0, .most = 64}},

    setting<s>{"events.keep", [](s& x) -> value_ref { return &x.events.keep; }, "Events kept for clients that come back", {.least = 1'000, .most = 100'000'000}},
    setting<s>{"events.keep-days", [](s& x) -> value_ref { return &x.events.keep_days; }, "Events are dropped after this; 0: never for their age", {.least = 0, .most = 36'500}},
    setting<s>{"events.keep-mb", [](s& x) -> value_ref { return &x.events.keep_mb; }, "Size of the event log, in MiB; 0: any", {.least = 0, .most = many}},
    setting<s>{"events.keepalive-seconds", [](s& x) -> value_ref { return &x.events.keepalive_seconds; }, "Time between two keepalives to a listener of /connect", {.least = 1, .most = 3'600}},
    setting<s>{"log.level", [](s& x) -> value_ref { return &x.log.level; }, "Least important lines that are logged", {.choices = "trace|debug|info|warn|error", .live = true}},
    setting<s>{"log.format", [](s& x) -> value_ref { return &x.log.format; }, "auto: human on a terminal, else json", {.choices = "auto|human|json"}},
    setting<s>{"log.access", [](s& x) -> value_ref { return &x.log.access; }, "Requests that get a line of log: none, those with an error status, all", {.choices = "off|errors|all", .live = true}},
};
// clang-format on

void cross_check(const void* whole, std::vector<std::string>& errors) {
  const auto& x = *static_cast<const daemon_settings*>(whole);
  if (x.allocation.release_retry_min_ms > x.allocation.release_retry_max_ms)
    errors.emplace_back("allocation.release-retry-min-ms: expected at most allocation.release-retry-max-ms");
  if (x.miners.simulated_failure_rate + x.miners.simulated_stall_rate > 1)
    errors.emplace_back("miners.simulated-failure-rate and miners.simulated-stall-rate: expected at most 1 together");
  if (!x.notify.secret.empty() && !x.notify.secret_file.empty())
    errors.emplace_back("notify.secret and notify.secret-file: expected one of the two");
  if (x.notify.client_cert_file.empty() != x.notify.client_key_file.empty())
    errors.emplace_back("notify.client-cert-file and notify.client-key-file: expected both or neither");
  const auto& tls = x.tls;
  if (tls.cert_file.empty() != tls.key_file.empty())
    errors.push_back(
        fmt::format("{} is not set: TLS needs tls.cert-file and tls.key-file; make both with "
                    "scripts/make-certs DIR",
                    tls.cert_file.empty() ? "tls.cert-file" : "tls.key-file"));
  if (tls.client_certificates != "off" && tls.client_ca_file.empty())
    errors.push_back(
        fmt::format("tls.client-ca-file is not set: tls.client-certificates = \"{}\" needs the authorities "
                    "that may have signed them, or set it to off",
                    tls.client_certificates));
  if (tls.client_certificates == "off" && !tls.client_ca_file.empty())
    errors.emplace_back(
        "tls.client-ca-file is set, but tls.client-certificates is off: set it to optional or required");
  if (tls.client_certificates != "off" && tls.cert_file.empty())
    errors.emplace_back("tls.client-certificates needs TLS: set tls.cert-file and tls.key-file");
}

}  // namespace

outcome<daemon_settings> parse_daemon(int argc, const char* const* argv, const char* const* environment,
                                      const std::function<check_report(const daemon_settings&)>& check_files) {
  program p{"loded", "Rents out GPU containers on the miners of a subnet over a REST API.", "LODE_", {}};
  p.actions = {{"--add-admin-key", "Put an admin's API key into the store of a stopped daemon, print it, and exit"}};
  if (check_files)
    p.check_files = [&](const void* whole) { return check_files(*static_cast<const daemon_settings*>(whole)); };
  return parse_program<daemon_settings>(p, table, argc, argv, environment, cross_check);
}

std::vector<setting_change> changes(const daemon_settings& before, const daemon_settings& after) {
  std::vector<setting_change> out;
  auto old_values = before;
  auto new_values = after;
  for (const auto& row : table) {
    const bound_setting was{row.name, row.doc, row.at(old_values), &row.must};
    const bound_setting is{row.name, row.doc, row.at(new_values), &row.must};
    if (toml_text(was) != toml_text(is)) out.push_back({std::string{row.name}, row.must.live});
  }
  return out;
}

daemon_settings with_live(daemon_settings running, const daemon_settings& fresh) {
  auto from = fresh;
  for (const auto& row : table) {
    if (!row.must.live) continue;
    const auto source = row.at(from);
    std::visit(
        [&](auto* to) {
          if (const auto* value = std::get_if<decltype(to)>(&source)) *to = **value;
        },
        row.at(running));
  }
  return running;
}

}  // namespace lode::config
