#pragma once
// TLS of a server: what is asked for, and the certificates read from files. No OpenSSL in this header.

#include "messages/error.hpp"

#include <memory>
#include <string>

namespace lode::http {

enum class client_certificates : unsigned char {
  off,       ///< not asked for
  optional,  ///< asked for; one that does not verify ends the handshake
  required,
};

struct tls_settings {
  std::string cert_file;  ///< PEM, the server's certificate, then its chain; empty: no TLS
  std::string key_file;   ///< PEM, not encrypted, closed to others
  std::string client_ca_file;
  client_certificates clients = client_certificates::off;
  [[nodiscard]] bool enabled() const noexcept { return !cert_file.empty(); }
};

/// Certificates and rules, ready for handshakes. Shared by the connections made with it.
class tls_context;

/// Reads the files. TLS 1.2 and 1.3, forward secrecy only, no renegotiation, ALPN http/1.1. config_invalid names the
/// setting (tls.cert-file, ...) and what to do: a file that is missing or no PEM, a key that others can read, that is
/// encrypted or that is not the certificate's. Warns in the log of a certificate that is not valid now. Blocks on the
/// disk; any thread.
result<std::shared_ptr<tls_context>> load_tls(const tls_settings& settings);

}  // namespace lode::http
