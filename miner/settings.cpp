#include "miner/settings.hpp"

#include "crypto/hotkey.hpp"

#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>

namespace lode::miner {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::int64_t mib = 1 << 20;

error invalid(std::string_view setting, std::string_view what) {
  return {errc::config_invalid, fmt::format("{}: {}", setting, what)};
}

result<std::map<std::string, std::string>> images_from(const std::vector<std::string>& list) {
  std::map<std::string, std::string> out;
  for (const auto& entry : list) {
    const auto equals = entry.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == entry.size()) {
      return invalid("image.allowed", fmt::format("'{}' is not NAME=IMAGE", entry));
    }
    out.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return out;
}

result<rental_options> rentals_from(const config::agent_settings& s) {
  rental_options r;
  auto images = images_from(s.image.allowed);
  if (images.has_error()) return images.error();
  r.images = std::move(*images);
  r.default_image = s.image.fallback;
  if (!r.default_image.empty() && !r.images.contains(r.default_image)) {
    return invalid("image.fallback", fmt::format("'{}' is not one of image.allowed", r.default_image));
  }
  boost::system::error_code ec;
  boost::asio::ip::make_address(s.container.ssh_bind_ip, ec);
  if (ec) return invalid("container.ssh-bind-ip", "not an IP address");
  r.publish_ip = s.container.ssh_bind_ip;
  if (s.container.ssh_port_from < 1 || s.container.ssh_port_to > 65535 ||
      s.container.ssh_port_from > s.container.ssh_port_to) {
    return invalid("container.ssh-port-from", "from and to are not a range of ports between 1 and 65535");
  }
  r.port_first = static_cast<std::uint16_t>(s.container.ssh_port_from);
  r.port_last = static_cast<std::uint16_t>(s.container.ssh_port_to);
  r.name_prefix = s.container.name_prefix;
  r.cpus = s.container.cpus;
  r.memory_bytes = s.container.memory_mib * mib;
  r.shm_bytes = s.container.shm_mib * mib;
  r.offer_gpus = s.container.gpu != "none";
  r.pids = s.container.pids_limit;
  r.restart_policy = s.container.restart_policy;
  r.cgroup_parent = s.container.cgroup_parent;
  r.usual_start = seconds{s.ready.banner_timeout_seconds};
  r.banner_timeout = seconds{s.ready.start_timeout_seconds};
  r.build_timeout = seconds{s.image.build_timeout_seconds};
  r.build_bytes = s.image.build_max_mib * mib;
  r.script_bytes = static_cast<std::size_t>(s.image.dockerfile_max_bytes);
  return r;
}

}  // namespace

result<agent_options> agent_options_from(const config::agent_settings& s, const std::string& hotkey) {
  agent_options o;
  auto rentals = rentals_from(s);
  if (rentals.has_error()) return rentals.error();
  o.rentals = std::move(*rentals);
  o.listen = s.axon.listen;
  o.axon.hotkey = hotkey;
  o.axon.any_validator = s.access.allow_any;
  for (const auto& v : s.access.validators) {
    if (crypto::ss58_decode(v).has_error()) {
      return invalid("access.validators", fmt::format("'{}' is not an SS58 address", v));
    }
    o.axon.validators.insert(v);
  }
  if (o.axon.validators.empty() && !o.axon.any_validator) {
    return invalid("access.validators", "names nobody who may call; list hotkeys, or set access.allow-any");
  }
  if (!s.axon.external_ip.empty()) o.axon.ip = s.axon.external_ip;
  o.max_in_flight = static_cast<std::size_t>(s.axon.max_in_flight);
  o.state_directory = s.state.path;
  if (s.engine.socket.empty() || s.engine.socket.size() > 107) {
    return invalid("engine.socket", "the path of a Unix socket has 1 to 107 characters");
  }
  o.engine.socket = s.engine.socket;
  o.engine.call_timeout = milliseconds{s.engine.request_timeout_ms};
  o.engine.create_timeout = milliseconds{s.engine.create_timeout_ms};
  o.engine.start_timeout = milliseconds{s.engine.start_timeout_ms};
  o.slot.dry_run = s.reconcile.dry_run || !s.reconcile.remove_unknown;
  o.reconcile_every = seconds{s.reconcile.interval_seconds};
  return o;
}

}  // namespace lode::miner
