#pragma once
// The server under load: its URL, its TLS, the key for its API.

#include "bench/load/connection.hpp"
#include "messages/error.hpp"

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace lode::bench {

/// The parts of a base URL http(s)://HOST[:PORT], the host of an IPv6 address without its brackets.
struct base_url {
  bool tls = false;
  std::string host;
  std::string port;
  std::string authority;  ///< for the host header
};
/// The error is config_invalid and says what was expected.
result<base_url> parse_base_url(std::string_view url);

struct target_options {
  std::string url;
  std::string ca;    ///< file of certificates to trust; empty: the system's
  std::string cert;  ///< file of our own certificate, with `key`
  std::string key;
  bool insecure = false;  ///< any certificate will do; an API key may go over plain HTTP
  std::string api_key;    ///< empty: none
};

/// Moves, but what it holds stays where it is: connections keep `peer`.
struct target {
  std::unique_ptr<boost::asio::ssl::context> tls;
  std::unique_ptr<peer_address> peer;
  std::string url;
  std::string headers;  ///< that every request has: "host: …\r\n", with the API key; secret
};

/// Reads the files, resolves the name and makes one connection, so that what is wrong is said before the load begins.
/// config_invalid: the arguments; not_ready: there is no such server, or it is not the one its certificate must show.
result<target> reach(const target_options& o);

}  // namespace lode::bench
