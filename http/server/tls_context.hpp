#pragma once
// What is behind tls_context, for the files of http/server that touch TLS.

#include "http/server/tls.hpp"

#include <boost/asio/ssl/context.hpp>

#include <string>

namespace lode::http {

class tls_context {
 public:
  explicit tls_context(boost::asio::ssl::context c) : context(std::move(c)) {}
  boost::asio::ssl::context context;
};

namespace detail {

/// Who the peer is by its verified certificate: the subject (RFC 2253), then its alternative names ("DNS:a", "URI:b",
/// "email:c"), printable and bounded. Empty without a certificate.
std::string peer_of(SSL* connection);

}  // namespace detail
}  // namespace lode::http
