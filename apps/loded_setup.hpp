#pragma once
// From the settings of loded to those of its parts, and what is wrong with what they name. Private to loded.

#include "config/settings.hpp"
#include "http/edge.hpp"
#include "links/webhook.hpp"

#include <boost/asio/io_context.hpp>

#include <memory>

namespace lode::loded {

http::tls_settings tls_settings_from(const config::daemon_settings& settings);
/// All but keys, metrics and the live ones.
http::edge_settings edge_settings_from(const config::daemon_settings& settings);
/// Opens the audit log. config_invalid when that fails.
result<http::live_settings> live_settings_from(const config::daemon_settings& settings);
result<std::shared_ptr<links::webhook_sender>> webhook_client_for(boost::asio::io_context& io,
                                                                  const config::daemon_settings& settings);

/// True when only this machine can reach the API.
bool is_loopback_only(const config::daemon_settings& settings);
/// Whoever reaches the port can rent and, with a UUID, end leases: beyond this machine only with API keys, with client
/// certificates, or on purpose. config_invalid says what to do.
result<void> check_exposure(const config::daemon_settings& settings, bool has_keys);
/// Real miners are called with signed requests. config_invalid says what to do.
result<void> check_signing(const config::daemon_settings& settings);
std::string master_key_file_of(const config::daemon_settings& settings);
/// Logs what is allowed and yet unwise.
void warn_of_exposure(const config::daemon_settings& settings, bool has_keys);

/// What --check-config finds beyond the settings themselves. Changes nothing, and takes no lock: it may run beside the
/// daemon.
config::check_report check_files(const config::daemon_settings& settings);

}  // namespace lode::loded
