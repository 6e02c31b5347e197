#include "apps/loded_setup.hpp"

#include "actors/access.hpp"
#include "crypto/hmac.hpp"
#include "crypto/hotkey.hpp"
#include "http/audit_log.hpp"
#include "messages/json.hpp"
#include "storage/rocksdb_store.hpp"
#include "storage/sealing.hpp"

#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace lode::loded {
namespace {

std::string broken_miners_file(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  if (!in || std::filesystem::is_directory(path)) return fmt::format("miners.file {} cannot be read", path);
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  const auto miners = parse_miners_file(text);
  return miners ? std::string{} : fmt::format("miners.file {}: {}", path, miners.error().detail);
}

}  // namespace

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

result<http::live_settings> live_settings_from(const config::daemon_settings& settings) {
  http::live_settings out;
  auto allow = http::address_list::parse(settings.access.allow);
  if (!allow) return error{errc::config_invalid, "access.allow: " + allow.error().detail};
  auto proxies = http::address_list::parse(settings.access.proxies);
  if (!proxies) return error{errc::config_invalid, "access.proxies: " + proxies.error().detail};
  out.access.allow = std::move(*allow);
  out.access.proxies = std::move(*proxies);
  out.access.failures_per_minute = static_cast<std::uint32_t>(settings.access.failures_per_minute);
  const auto& log = settings.log.access;
  out.log = log == "off" ? http::access_log::off : log == "all" ? http::access_log::all : http::access_log::errors;
  if (settings.audit.file.empty()) return out;
  auto audit = http::audit_log::open(settings.audit.file);
  if (!audit) return audit.error();
  out.audit = std::move(*audit);
  return out;
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

bool is_loopback_only(const config::daemon_settings& settings) {
  const auto& listen = settings.http.listen;
  auto host = listen.substr(0, listen.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  boost::system::error_code ec;
  const auto address = boost::asio::ip::make_address(host, ec);
  return host == "localhost" || (!ec && address.is_loopback());
}

result<void> check_exposure(const config::daemon_settings& settings, bool has_keys) {
  if (has_keys || settings.tls.client_certificates == "required" || settings.http.insecure ||
      is_loopback_only(settings))
    return {};
  return error{errc::config_invalid,
               "http.listen " + settings.http.listen +
                   " is reachable from other machines, and nothing protects the API: make an API key with "
                   "loded --add-admin-key NAME, or set tls.client-certificates to required, or http.insecure"};
}

result<void> check_signing(const config::daemon_settings& settings) {
  if (settings.miners.file.empty() || !settings.wallet.hotkey_file.empty()) return {};
  return error{errc::config_invalid,
               "wallet.hotkey-file is not set, and calls to the miners of miners.file must be "
               "signed; make one with: lode-miner wallet new FILE"};
}

std::string master_key_file_of(const config::daemon_settings& settings) {
  const auto& s = settings.storage;
  return s.master_key_file.empty() ? s.path + ".key" : s.master_key_file;
}

void warn_of_exposure(const config::daemon_settings& settings, bool has_keys) {
  if (is_loopback_only(settings)) return;
  if (!has_keys && settings.tls.client_certificates != "required")
    spdlog::warn("whoever reaches {} may do everything (http.insecure)", settings.http.listen);
  else if (settings.tls.cert_file.empty())
    spdlog::warn("API keys and passwords travel over {} in the clear: set tls.cert-file and tls.key-file",
                 settings.http.listen);
}

namespace {

/// Whether what is reachable from other machines is protected, as far as the store can be looked at.
void check_protection(const config::daemon_settings& settings, config::check_report& out) {
  if (check_exposure(settings, false)) return;
  const auto keys = actors::count_keys(settings.storage.path);
  if (!keys && keys.error() != errc::not_found)
    return out.notes.push_back(fmt::format(
        "http.listen {} is reachable from other machines, and whether API keys protect it cannot be seen: {}; without "
        "one it does not start",
        settings.http.listen, keys.error().detail));
  if (const auto fit = check_exposure(settings, keys && *keys > 0); !fit) {
    out.problems.push_back(fmt::format("{} ({} holds no key)", fit.error().detail, settings.storage.path));
  } else {
    out.notes.push_back(fmt::format("http.listen {} is reachable from other machines; {} API key{} it",
                                    settings.http.listen, *keys, *keys == 1 ? " protects" : "s protect"));
  }
}

/// Empty, or why the secrets of the store could not be opened. The key is made at the first start.
std::string unusable_master_key(const config::daemon_settings& settings) {
  const auto key = storage::load_master_key(master_key_file_of(settings));
  if (key) return {};
  if (key.error() != errc::not_found) return key.error().detail;
  const auto sealed =
      storage::count_in_rocksdb_store(settings.storage.path, storage::column::meta, storage::sealer::check_key);
  if (!sealed || *sealed == 0) return {};
  return fmt::format("{}, and the store in {} cannot be opened without it", key.error().detail, settings.storage.path);
}

}  // namespace

config::check_report check_files(const config::daemon_settings& settings) {
  config::check_report out;
  const auto note = [&out](std::string text) {
    if (!text.empty()) out.problems.push_back(std::move(text));
  };
  check_protection(settings, out);
  note(config::not_writable("storage.path", settings.storage.path));
  note(unusable_master_key(settings));
  if (!settings.audit.file.empty()) note(config::not_writable("audit.file", settings.audit.file));
  if (const auto tls = tls_settings_from(settings); tls.enabled())
    if (const auto loaded = http::load_tls(tls); !loaded) note(loaded.error().detail);
  boost::asio::io_context unused;
  if (const auto client = webhook_client_for(unused, settings); !client) note(client.error().detail);
  if (const auto fit = check_signing(settings); !fit) note(fit.error().detail);
  if (!settings.wallet.hotkey_file.empty())
    if (const auto key = crypto::load_hotkey(settings.wallet.hotkey_file); !key)
      note("wallet.hotkey-file " + key.error().detail);
  if (!settings.miners.file.empty()) note(broken_miners_file(settings.miners.file));
  return out;
}

}  // namespace lode::loded
