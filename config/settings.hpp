#pragma once
// Every setting of loded and lode-miner as plain data. Names, defaults, documentation and checks are in the tables of
// daemon_settings.cpp and agent_settings.cpp; a setting `http.listen` is the member http.listen here, the flag
// --http.listen, the environment variable LODE_HTTP_LISTEN and the key listen in the table [http] of the TOML file.
// Later sources win: defaults, file, environment, flags. Durations carry their unit in the name.

#include "messages/error.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

namespace lode::config {

struct log_settings {
  std::string level = "info";   ///< trace, debug, info, warn, error
  std::string format = "auto";  ///< auto (human on a terminal, else json), human, json
};

struct daemon_log_settings : log_settings {
  std::string access = "errors";  ///< off, errors, all
};

struct allocation_settings {
  std::int64_t check_timeout_ms = 12000;
  std::int64_t register_timeout_ms = 100000;
  std::int64_t hotkey_register_timeout_ms = 60000;
  std::int64_t deregister_timeout_ms = 60000;
  std::int64_t deregister_tries = 3;
  std::int64_t action_timeout_ms = 60000;
  std::int64_t hotkey_check_tries = 3;
  std::int64_t hotkey_lease_days = 30;
  std::int64_t warn_hours = 24;  ///< before the end of a lease; 0: never
  std::int64_t release_retry_min_ms = 1000;
  std::int64_t release_retry_max_ms = 300000;
  std::int64_t settle_ms = 120000;  ///< how long a registration that timed out may still succeed
};

struct daemon_settings {
  struct {
    std::string listen = "127.0.0.1:8903";
    bool insecure = false;  ///< listen beyond loopback although neither TLS nor API keys protect the API
    std::int64_t max_in_flight = 1024;
    std::int64_t max_connections = 4096;
    std::int64_t body_limit_bytes = 1024 * 1024;
    std::int64_t header_limit_bytes = 16 * 1024;
    std::int64_t header_timeout_ms = 10000;
    std::int64_t body_timeout_ms = 30000;
    std::int64_t idle_timeout_ms = 60000;
    std::int64_t reply_timeout_ms = 300000;
    std::int64_t stop_timeout_ms = 15000;
  } http;
  struct {
    std::string cert_file;  ///< empty: no TLS
    std::string key_file;
    std::string client_ca_file;
    std::string client_certificates = "off";  ///< off, optional, required
  } tls;
  struct {
    std::string path = "var/loded";
    std::string master_key_file;  ///< empty: PATH.key, beside the data directory, not inside it
  } storage;
  struct {
    std::string file;  ///< empty: none
    std::int64_t simulated = 0;
    std::int64_t simulated_latency_ms = 0;
    double simulated_failure_rate = 0;
    double simulated_stall_rate = 0;
    std::int64_t simulated_seed = 1;
  } miners;
  struct {
    std::string hotkey_file;
  } wallet;
  struct {
    std::int64_t threads = 1;
  } actors;
  struct {
    std::int64_t refresh_seconds = 600;
  } metagraph;
  struct {
    std::string policy = "best-fit";       ///< best-fit, spread, random
    std::int64_t quarantine_failures = 5;  ///< 0: never
    std::int64_t quarantine_minutes = 60;
  } placement;
  struct {
    std::int64_t allocation_check_seconds = 180;
    std::int64_t allocation_check_misses = 20;
  } jobs;
  allocation_settings allocation;
  struct {
    std::int64_t pool = 8;
    std::int64_t queue = 256;
  } forge;
  struct {
    std::int64_t queue = 10000;
  } ledger;
  struct {
    std::int64_t keep_hours = 24;
    std::int64_t keys = 100000;
  } idempotency;
  struct {
    std::string deallocation_url;
    std::string status_url;
    bool status_every_check = false;
    std::string secret;  ///< at most one of the two; empty: not signed
    std::string secret_file;
    std::string ca_file;  ///< empty: the system's authorities
    std::string client_cert_file;
    std::string client_key_file;
    std::int64_t timeout_seconds = 10;
    std::int64_t retry_seconds = 15;
    std::int64_t retry_max_seconds = 900;
    std::int64_t keep_days = 7;
    std::int64_t parallel = 16;
    std::int64_t queue = 100000;
    std::int64_t keep_dead = 1000;
  } notify;
  struct {
    std::string external_ip;
    std::int64_t connect_timeout_ms = 3000;
    std::int64_t pool_per_miner = 2;
  } dendrite;
  struct {
    std::int64_t keep = 100000;
    std::int64_t keep_days = 30;  ///< 0: for ever
    std::int64_t keep_mb = 256;   ///< 0: any size
    std::int64_t keepalive_seconds = 30;
  } events;
  struct {
    std::vector<std::string> allow;    ///< addresses and networks; empty: everybody
    std::vector<std::string> proxies;  ///< the same, whose x-forwarded-for is believed
    std::int64_t failures_per_minute = 30;
  } access;
  struct {
    std::string file;  ///< empty: none
  } audit;
  daemon_log_settings log;
};

struct agent_settings {
  struct {
    std::string listen = "0.0.0.0:8091";
    std::string external_ip;
    std::int64_t max_in_flight = 64;
  } axon;
  struct {
    std::string hotkey_file;
  } wallet;
  struct {
    std::vector<std::string> validators;  ///< SS58 hotkeys that may call; empty: nobody, unless allow_any
    bool allow_any = false;
  } access;
  struct {
    std::string socket = "/run/podman/podman.sock";
    std::int64_t request_timeout_ms = 10000;
    std::int64_t create_timeout_ms = 10000;
    std::int64_t start_timeout_ms = 30000;
  } engine;
  struct {
    std::vector<std::string> allowed{"ubuntu=localhost/lode-base:1"};  ///< name=reference
    std::string fallback = "ubuntu";          ///< used for a name that is not allowed; empty: refuse
    std::int64_t build_timeout_seconds = 45;  ///< validators give a whole register 60 to 100 s
    std::int64_t build_max_mib = 20480;
    std::int64_t dockerfile_max_bytes = 65536;
  } image;
  struct {
    std::string ssh_bind_ip = "0.0.0.0";
    std::int64_t ssh_port_from = 4444;
    std::int64_t ssh_port_to = 4543;
    double cpus = 0;              ///< 0: what the renter asked for
    std::int64_t memory_mib = 0;  ///< 0: what the renter asked for
    std::int64_t shm_mib = 64;
    std::int64_t pids_limit = 512;
    std::string restart_policy = "unless-stopped";
    std::string cgroup_parent;
    std::string gpu = "auto";  ///< auto, none
    std::string name_prefix = "lode";
  } container;
  struct {
    std::string path = "var/lode-miner";
  } state;
  struct {
    std::int64_t banner_timeout_seconds = 20;
    // Within the 60 s that a validator waits for a register by name; with a build (45 s) within the 100 s of one by
    // need.
    std::int64_t start_timeout_seconds = 45;
  } ready;
  struct {
    std::int64_t interval_seconds = 60;
    bool remove_unknown = true;
    bool dry_run = false;
  } reconcile;
  log_settings log;
};

/// Run with these settings; `arguments` are the words that are not flags (subcommands of lode-miner).
/// Of loded, whether its --add-admin-key NAME was given: {"--add-admin-key", NAME}.
template <class Settings>
struct run_with {
  Settings settings;
  std::vector<std::string> arguments;
};
/// Print the text (to standard output for exit code 0, else to standard error) and exit.
struct print_and_exit {
  std::string text;
  int exit_code = 0;
};
template <class Settings>
using outcome = std::variant<run_with<Settings>, print_and_exit>;

/// What --check-config finds beyond the settings themselves.
struct check_report {
  std::vector<std::string> problems;  ///< with which the program would not start
  std::vector<std::string> notes;     ///< what else its operator should know
};

/// Reads --config FILE, the environment and the flags. All errors at once, each naming file, line and what was
/// expected, exit code 2; --help, --version, --print-config (secrets masked, each with its source) and --check-config
/// end with print_and_exit. `environment` is a null-terminated list as in main().
/// `check_files` looks for --check-config at the files that the settings name.
outcome<daemon_settings> parse_daemon(int argc, const char* const* argv, const char* const* environment,
                                      const std::function<check_report(const daemon_settings&)>& check_files = {});
outcome<agent_settings> parse_agent(int argc, const char* const* argv, const char* const* environment,
                                    const std::function<check_report(const agent_settings&)>& check_files = {});

/// For a check_report: why the file or folder `path` of the setting `name` could not be written, or made; else empty.
std::string not_writable(const std::string& name, const std::string& path);

/// A setting that is not what it was.
struct setting_change {
  std::string name;
  bool live = false;  ///< it may change while the daemon runs
};
/// What differs, in the order of the settings.
std::vector<setting_change> changes(const daemon_settings& before, const daemon_settings& after);
/// `running` with what is live taken from `fresh`.
daemon_settings with_live(daemon_settings running, const daemon_settings& fresh);

}  // namespace lode::config
