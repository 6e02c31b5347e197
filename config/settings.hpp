#pragma once
// The settings of both programs as typed structs. The member initialisers are the defaults and the only place that
// knows them. A new setting is one member here and one row in daemon_table.cpp or agent_table.cpp, which gives it its
// name, flag, environment variable, range and documentation.

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace lode::config {

using string_list = std::vector<std::string>;

struct log_settings {
  std::string level = "info";
  std::string format = "auto";
};

// ---------------------------------------------------------------------------------------------------------------------
// loded

struct http_settings {
  std::string listen = "127.0.0.1:8903";
  int threads = 1;
  std::int64_t max_in_flight = 1024;
  std::int64_t max_connections = 4096;
  std::int64_t body_limit_bytes = 1024 * 1024;
  std::int64_t header_limit_bytes = 16 * 1024;
  std::int64_t header_timeout_ms = 10'000;
  std::int64_t body_timeout_ms = 30'000;
  std::int64_t idle_timeout_ms = 60'000;
  std::int64_t reply_timeout_ms = 300'000;
  std::int64_t stop_timeout_ms = 20'000;
};
struct storage_settings {
  std::string path = "var/loded";
  std::string master_key_file;
  /// The file really meant: `<path>.key` where none is set.
  [[nodiscard]] std::string key_file() const;
};
struct miners_settings {
  std::string file;
  std::int64_t simulated = 0;
  std::int64_t simulated_latency_ms = 0;
  double simulated_failure_rate = 0.0;
  double simulated_stall_rate = 0.0;
  std::int64_t simulated_seed = 1;
};
struct wallet_settings {
  std::string hotkey_file;
};
struct actors_settings {
  int threads = 1;
};
struct metagraph_settings {
  std::int64_t refresh_seconds = 600;
};
struct placement_settings {
  std::string policy = "best-fit";
};
struct jobs_settings {
  std::int64_t allocation_check_seconds = 180;
  int allocation_check_misses = 20;
};
struct allocation_settings {
  std::int64_t check_timeout_ms = 12'000;
  std::int64_t register_timeout_ms = 100'000;
  std::int64_t hotkey_register_timeout_ms = 60'000;
  std::int64_t deregister_timeout_ms = 60'000;
  int deregister_tries = 3;
  std::int64_t action_timeout_ms = 60'000;
  int hotkey_check_tries = 3;
  std::int64_t hotkey_lease_days = 30;
  std::int64_t release_retry_min_ms = 1'000;
  std::int64_t release_retry_max_ms = 300'000;
  std::int64_t settle_ms = 120'000;
};
struct forge_settings {
  std::int64_t pool = 8;
  std::int64_t queue = 256;
};
struct ledger_settings {
  std::int64_t queue = 10'000;
};
struct notify_settings {
  std::string deallocation_url;
  std::string status_url;
  std::int64_t retry_seconds = 15;
};
struct dendrite_settings {
  std::string external_ip;
  std::int64_t connect_timeout_ms = 3'000;
  std::int64_t pool_per_miner = 2;
};
struct events_settings {
  std::int64_t keep = 100'000;
};

struct daemon_settings {
  http_settings http;
  storage_settings storage;
  miners_settings miners;
  wallet_settings wallet;
  actors_settings actors;
  metagraph_settings metagraph;
  placement_settings placement;
  jobs_settings jobs;
  allocation_settings allocation;
  forge_settings forge;
  ledger_settings ledger;
  notify_settings notify;
  dendrite_settings dendrite;
  events_settings events;
  log_settings log;
};

// ---------------------------------------------------------------------------------------------------------------------
// lode-miner

struct axon_settings {
  std::string listen = "0.0.0.0:8091";
  std::string external_ip;
  std::int64_t max_in_flight = 64;
  std::int64_t max_connections = 256;
};
struct access_settings {
  string_list validators;
  bool allow_any = false;
};
struct engine_settings {
  std::string socket = "/run/podman/podman.sock";
  std::int64_t request_timeout_ms = 10'000;
  std::int64_t create_timeout_ms = 60'000;
  std::int64_t start_timeout_ms = 30'000;
  std::int64_t commit_timeout_ms = 120'000;
};
struct image_settings {
  string_list allowed{"ubuntu=localhost/lode-base:1"};
  std::string default_name = "ubuntu";
  std::int64_t build_timeout_seconds = 600;
  std::int64_t build_max_mib = 8'192;
  std::int64_t dockerfile_max_bytes = 16 * 1024;
};
struct container_settings {
  std::string ssh_bind_ip = "0.0.0.0";
  std::int64_t ssh_port_from = 4444;
  std::int64_t ssh_port_to = 4543;
  std::int64_t cpus = 0;
  std::int64_t memory_mib = 0;
  std::int64_t shm_mib = 64;
  std::int64_t pids_limit = 512;
  std::string restart_policy = "unless-stopped";
  std::string cgroup_parent;
  std::string gpu = "auto";
  std::string name_prefix = "lode";
};
struct state_settings {
  std::string path = "var/lode-miner";
};
struct ready_settings {
  std::int64_t banner_timeout_seconds = 20;
  std::int64_t start_timeout_seconds = 120;
};
struct reconcile_settings {
  std::int64_t interval_seconds = 60;
  bool remove_unknown = true;
  bool dry_run = false;
};

struct agent_settings {
  axon_settings axon;
  wallet_settings wallet;
  access_settings access;
  engine_settings engine;
  image_settings image;
  container_settings container;
  state_settings state;
  ready_settings ready;
  reconcile_settings reconcile;
  log_settings log;
};

// ---------------------------------------------------------------------------------------------------------------------
// Where they come from: defaults, then the TOML file of --config, then the environment, then flags; the later wins.

/// Environment variables by name.
using variables = std::map<std::string, std::string, std::less<>>;
/// Those of this process.
variables process_variables();

/// Start the program.
template <class Settings>
struct run {
  Settings settings;
  std::string command;  ///< the subcommand ("specs" of lode-miner), or empty
};
/// Print the text and exit with the code: 0 to standard output, otherwise to standard error.
struct print_and_exit {
  std::string text;
  int code = 0;
};
template <class Settings>
using outcome = std::variant<run<Settings>, print_and_exit>;

/// Reads no file but that of --config (or LODE_CONFIG). --help, --version, --print-config and --check-config end in
/// print_and_exit, and so do errors: all of them at once, each with its file and line, variable or flag, code 2.
/// Variables are LODE_ and the setting's name in capitals (LODE_HTTP_LISTEN for http.listen).
outcome<daemon_settings> parse_daemon(int argc, const char* const* argv, const variables& env);
/// The same for lode-miner; its variables begin with LODE_MINER_, so that both programs can share an environment
/// without sharing a wallet.
outcome<agent_settings> parse_agent(int argc, const char* const* argv, const variables& env);

}  // namespace lode::config
