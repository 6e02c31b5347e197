#include "config/table.hpp"

#include <array>

namespace lode::config {
namespace {

using s = agent_settings;
constexpr double hour_ms = 3'600'000;

// clang-format off
const std::array table{
    setting<s>{"axon.listen", [](s& x) -> value_ref { return &x.axon.listen; }, "Where calls of validators come in; port 0 picks one", {.form = host_and_port, .not_empty = true}},
    setting<s>{"axon.external-ip", [](s& x) -> value_ref { return &x.axon.external_ip; }, "Address named in the axon's reply headers; empty: that of axon.listen", {.form = literal_ip}},
    setting<s>{"axon.max-in-flight", [](s& x) -> value_ref { return &x.axon.max_in_flight; }, "Calls handled at once; more get 503", {.least = 1, .most = 10'000}},

    setting<s>{"wallet.hotkey-file", [](s& x) -> value_ref { return &x.wallet.hotkey_file; }, "Hotkey of this miner"},

    setting<s>{"access.validators", [](s& x) -> value_ref { return &x.access.validators; }, "Hotkeys that may call; none: nobody", {.form = ss58_address}},
    setting<s>{"access.allow-any", [](s& x) -> value_ref { return &x.access.allow_any; }, "Let every hotkey call: for trials only"},

    setting<s>{"engine.socket", [](s& x) -> value_ref { return &x.engine.socket; }, "Unix socket of Podman or Docker", {.not_empty = true}},
    setting<s>{"engine.request-timeout-ms", [](s& x) -> value_ref { return &x.engine.request_timeout_ms; }, "The engine must answer a question within this", {.least = 100, .most = hour_ms}},
    setting<s>{"engine.create-timeout-ms", [](s& x) -> value_ref { return &x.engine.create_timeout_ms; }, "The engine must create a container within this", {.least = 100, .most = hour_ms}},
    setting<s>{"engine.start-timeout-ms", [](s& x) -> value_ref { return &x.engine.start_timeout_ms; }, "The engine must start or remove a container within this", {.least = 100, .most = hour_ms}},

    setting<s>{"image.allowed", [](s& x) -> value_ref { return &x.image.allowed; }, "Images that renters may name, each as name=reference", {.form = name_and_reference}},
    setting<s>{"image.fallback", [](s& x) -> value_ref { return &x.image.fallback; }, "Used for a name that is not allowed; empty: refuse"},
    setting<s>{"image.build-timeout-seconds", [](s& x) -> value_ref { return &x.image.build_timeout_seconds; }, "A renter's build must end within this; validators give up a register, of which it is a part, after 60 to 100 s", {.least = 1, .most = 86'400}},
    setting<s>{"image.build-max-mib", [](s& x) -> value_ref { return &x.image.build_max_mib; }, "What a renter's build may write", {.least = 1, .most = 10'485'760}},
    setting<s>{"image.dockerfile-max-bytes", [](s& x) -> value_ref { return &x.image.dockerfile_max_bytes; }, "Longest build script taken from a renter", {.least = 0, .most = 1'048'576}},

    setting<s>{"container.ssh-bind-ip", [](s& x) -> value_ref { return &x.container.ssh_bind_ip; }, "Address on which SSH ports are published", {.form = literal_ip, .not_empty = true}},
    setting<s>{"container.ssh-port-from", [](s& x) -> value_ref { return &x.container.ssh_port_from; }, "First of the published ports", {.least = 1, .most = 65'535}},
    setting<s>{"container.ssh-port-to", [](s& x) -> value_ref { return &x.container.ssh_port_to; }, "Last of the published ports", {.least = 1, .most = 65'535}},
    setting<s>{"container.cpus", [](s& x) -> value_ref { return &x.container.cpus; }, "Most CPUs of a container; 0: what the renter asked for", {.least = 0, .most = 4'096}},
    setting<s>{"container.memory-mib", [](s& x) -> value_ref { return &x.container.memory_mib; }, "Most memory of a container; 0: what the renter asked for", {.least = 0, .most = 67'108'864}},
    setting<s>{"container.shm-mib", [](s& x) -> value_ref { return &x.container.shm_mib; }, "Size of /dev/shm", {.least = 1, .most = 67'108'864}},
    setting<s>{"container.pids-limit", [](s& x) -> value_ref { return &x.container.pids_limit; }, "Most processes and threads of a container", {.least = 16, .most = 4'194'304}},
    setting<s>{"container.restart-policy", [](s& x) -> value_ref { return &x.container.restart_policy; }, "When the engine starts a container again by itself", {.choices = "no|on-failure|unless-stopped|always"}},
    setting<s>{"container.cgroup-parent", [](s& x) -> value_ref { return &x.container.cgroup_parent; }, "Control group above the containers; empty: the engine's"},
    setting<s>{"container.gpu", [](s& x) -> value_ref { return &x.container.gpu; }, "auto: hand over the GPUs that are there; none: never", {.choices = "auto|none"}},
    setting<s>{"container.name-prefix", [](s& x) -> value_ref { return &x.container.name_prefix; }, "Begins the name of every container", {.form = name_part, .not_empty = true}},

    setting<s>{"state.path", [](s& x) -> value_ref { return &x.state.path; }, "Directory of the agent's own state", {.not_empty = true}},
    setting<s>{"ready.banner-timeout-seconds", [](s& x) -> value_ref { return &x.ready.banner_timeout_seconds; }, "A container whose sshd takes longer than this is named in the log", {.least = 1, .most = 3'600}},
    setting<s>{"ready.start-timeout-seconds", [](s& x) -> value_ref { return &x.ready.start_timeout_seconds; }, "A container must be ready within this in all", {.least = 1, .most = 3'600}},

    setting<s>{"reconcile.interval-seconds", [](s& x) -> value_ref { return &x.reconcile.interval_seconds; }, "Time between two comparisons with the engine", {.least = 1, .most = 86'400}},
    setting<s>{"reconcile.remove-unknown", [](s& x) -> value_ref { return &x.reconcile.remove_unknown; }, "Remove our containers that the state does not know, after one cycle"},
    setting<s>{"reconcile.dry-run", [](s& x) -> value_ref { return &x.reconcile.dry_run; }, "Only say what would be removed"},

    setting<s>{"log.level", [](s& x) -> value_ref { return &x.log.level; }, "Least important lines that are logged", {.choices = "trace|debug|info|warn|error"}},
    setting<s>{"log.format", [](s& x) -> value_ref { return &x.log.format; }, "auto: human on a terminal, else json", {.choices = "auto|human|json"}},
};
// clang-format on

void cross_check(const void* whole, std::vector<std::string>& errors) {
  const auto& x = *static_cast<const agent_settings*>(whole);
  if (x.container.ssh_port_from > x.container.ssh_port_to)
    errors.emplace_back("container.ssh-port-from: expected at most container.ssh-port-to");
  if (x.ready.banner_timeout_seconds > x.ready.start_timeout_seconds)
    errors.emplace_back("ready.banner-timeout-seconds: expected at most ready.start-timeout-seconds");
  bool found = x.image.fallback.empty();
  for (const auto& image : x.image.allowed) found = found || image.starts_with(x.image.fallback + "=");
  if (!found) errors.emplace_back("image.fallback: expected a name of image.allowed, or empty");
}

}  // namespace

outcome<agent_settings> parse_agent(int argc, const char* const* argv, const char* const* environment,
                                    const std::function<check_report(const agent_settings&)>& check_files) {
  program p{"lode-miner",
            "Makes containers for validators on this machine.",
            "LODE_MINER_",
            {{"run", "Serve (what it does without a command)"},
             {"specs", "Print this machine's hardware as JSON and exit"},
             {"wallet", "new FILE: make a hotkey; show FILE: print a hotkey's SS58 address"}}};
  if (check_files)
    p.check_files = [&](const void* whole) { return check_files(*static_cast<const agent_settings*>(whole)); };
  return parse_program<agent_settings>(p, table, argc, argv, environment, cross_check);
}

}  // namespace lode::config
