#pragma once
// The checks of `lode doctor` beside those of the server.

#include "cli/session.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace lode::cli {

enum class grade { ok, warn, fail };
struct finding {
  grade verdict = grade::ok;
  std::string what;
  std::string found;
  std::string next;
};

/// What is to be looked at on this host; empty or 0: nothing.
struct host_settings {
  std::string wallet, engine, store;
  std::string loded_listen, axon_listen, ssh_bind_ip;
  int ssh_port_from = 0, ssh_port_to = 0;
};

/// `end` and `date` as RFC 3339 and as an HTTP date. Pure.
finding grade_certificate(std::string_view what, std::string_view end, std::int64_t now);
finding grade_clock(std::string_view http_date, std::int64_t now);

/// Mode 0600, ours; one that is not there is fine.
finding check_private_file(std::string_view what, const std::string& path);
/// The private key of a certificate: there, and closed to others.
finding check_key_file(std::string_view what, const std::string& path);
/// A hotkey file: there, JSON, unencrypted, private.
finding check_wallet(const std::string& path);
/// The end of the first certificate in a PEM file.
finding check_certificate(std::string_view what, const std::string& file);
finding check_ssh(const environment& env);
finding check_space(const std::string& folder);
/// The engine at this socket; those in the usual places when it is empty.
void check_engines(const std::string& socket, std::vector<finding>& out);
void check_ports(const host_settings& host, std::vector<finding>& out);
/// Fills in what the files of settings say; problems become findings.
void read_settings_files(const std::string& loded, const std::string& miner, host_settings& host,
                         std::vector<finding>& out);

}  // namespace lode::cli
