#include "miner/rental.hpp"

#include "crypto/crypto.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lode::miner {

namespace {
constexpr std::int64_t smallest_memory = 64LL << 20U;  // sshd and a shell
}  // namespace

std::string cpuset_of(const std::vector<int>& cpus, std::int64_t count) {
  std::string out;
  for (std::size_t i = 0; i < cpus.size() && static_cast<std::int64_t>(i) < count; ++i) {
    out += fmt::format("{}{}", out.empty() ? "" : ",", cpus[i]);
  }
  return out;
}

const std::vector<std::string>& rental_capabilities() {
  static const std::vector<std::string> list{"CHOWN",  "DAC_OVERRIDE",     "FOWNER",  "FSETID", "KILL",
                                             "SETGID", "NET_BIND_SERVICE", "SETFCAP", "SETUID", "SYS_CHROOT"};
  return list;
}

result<rental_plan> plan_rental(const rental_options& options, const host_capacity& host, const rental_request& request,
                                std::string allocation) {
  const auto refuse = [](std::string why) { return error{errc::bad_request, std::move(why)}; };
  rental_plan plan;
  plan.allocation = std::move(allocation);
  plan.name = options.name_prefix + "-" + plan.allocation.substr(0, 16);

  auto image = options.images.find(request.base_image);
  if (image == options.images.end() && !options.default_image.empty())
    image = options.images.find(options.default_image);
  if (image == options.images.end()) return refuse("this miner does not offer the base image that was asked for");
  plan.image = image->second;

  if (request.script.size() > options.script_bytes) {
    return refuse(fmt::format("dockerfile is longer than {} bytes", options.script_bytes));
  }
  if (request.script.find('\0') != std::string::npos) return refuse("dockerfile contains a NUL");
  if (request.script.find_first_not_of(" \t\r\n") != std::string::npos) plan.script = request.script;

  if (!request.user_key.empty() && !crypto::is_openssh_public_key(request.user_key)) {
    return refuse("ssh_key is not one OpenSSH public key line");
  }
  plan.user_key = request.user_key;

  const auto memory = options.memory_bytes > 0 ? options.memory_bytes : request.ram_bytes;
  const auto cpus = static_cast<std::int64_t>(host.cpus.size());
  if (request.cpu_count < 1 || request.cpu_count > cpus) {
    return refuse(fmt::format("cpu.count {} is not between 1 and {}", request.cpu_count, cpus));
  }
  if (memory < smallest_memory || memory > host.memory) {
    return refuse(fmt::format("ram.capacity {} is not between {} and {} bytes", memory, smallest_memory, host.memory));
  }
  if (request.gpu_count > 0 && host.gpu_count > 0 && options.offer_gpus) {
    if (request.gpu_count > host.gpu_count) {
      return refuse(fmt::format("gpu.count {} is more than {}", request.gpu_count, host.gpu_count));
    }
    plan.gpu_count = request.gpu_count;
    plan.gpu_devices = host.gpu_devices;
  }

  if (options.cpus > 0) {
    plan.limits.nano_cpus = static_cast<std::int64_t>(options.cpus * 1e9);
  } else {
    plan.limits.cpuset = cpuset_of(host.cpus, request.cpu_count);
  }
  plan.limits.memory = memory;
  plan.limits.shm = std::min(options.shm_bytes, memory);
  plan.limits.pids = options.pids;
  plan.limits.open_files = std::min(options.open_files, host.max_open_files);
  plan.limits.processes = std::min<std::int64_t>(options.pids, host.max_processes);
  return plan;
}

container_spec rental_spec(const rental_options& options, const rental_plan& plan, std::uint16_t port) {
  container_spec spec;
  spec.name = plan.name;
  spec.image = plan.image;
  spec.labels = {{label_owner, options.owner}, {label_allocation, plan.allocation}, {label_kind, "rental"}};
  spec.limits = plan.limits;
  spec.capabilities = rental_capabilities();
  spec.port = published_port{22, options.publish_ip, port};
  spec.restart_policy = options.restart_policy;
  spec.cgroup_parent = options.cgroup_parent;
  spec.gpu_devices = plan.gpu_devices;
  spec.gpu_count = plan.gpu_count;
  return spec;
}

container_spec build_spec(const rental_options& options, const rental_plan& plan) {
  container_spec spec;
  spec.name = plan.name + "-build";
  spec.image = plan.image;
  spec.labels = {{label_owner, options.owner}, {label_allocation, plan.allocation}, {label_kind, "build"}};
  spec.entrypoint = {"/bin/sh", "-c"};
  spec.command = {plan.script};
  spec.limits = plan.limits;
  spec.capabilities = rental_capabilities();
  spec.network = false;
  spec.cgroup_parent = options.cgroup_parent;
  return spec;
}

}  // namespace lode::miner
