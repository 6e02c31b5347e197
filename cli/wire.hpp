#pragma once
// The wire: one HTTP exchange, one WebSocket, one wait, each with a deadline, each ended by Ctrl-C (SIGINT, SIGTERM).
// One thread; every function blocks. Boost.Beast and TLS are behind this and nowhere else.

#include "cli/failure.hpp"
#include "cli/url.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lode::cli {

using milliseconds = std::chrono::milliseconds;

/// Files of TLS, each PEM; empty: the system's authorities, no certificate of our own.
struct tls_files {
  std::string ca;
  std::string certificate;
  std::string key;
  friend bool operator==(const tls_files&, const tls_files&) = default;
};

/// Whom to talk to and as whom.
struct peer {
  server_url url;
  tls_files tls;
  std::string api_key;  ///< secret; empty: none
};

/// How long to wait, and what to do meanwhile.
struct patience {
  milliseconds connect{10'000};
  milliseconds whole{60'000};
  std::function<void()> on_tick;  ///< called ten times a second while waiting; may be empty
};

struct http_request {
  std::string_view method = "POST";
  std::string target;
  std::string body;  ///< JSON; empty: none
  std::vector<std::pair<std::string, std::string>> headers;
};

struct http_reply {
  unsigned status = 0;
  std::string body;
  std::string content_type;
  std::string retry_after;
  std::string date;
  std::string certificate_end;  ///< of the server's certificate, RFC 3339; empty without TLS
};

/// How an exchange failed.
enum class wire_problem {
  unreachable,  ///< no connection: the server never saw the request
  untrusted,    ///< TLS: a certificate does not verify, or ours was refused
  broken,       ///< the connection ended before the reply: the server may have acted
  late,         ///< no reply in time: the server may still act
  files,        ///< a file of TLS cannot be read
  interrupted,
};
struct wire_error {
  wire_problem problem = wire_problem::unreachable;
  std::string detail;
  std::uint16_t close_code = 0;  ///< with which a WebSocket was closed; 0: it was not
};
template <class T>
class [[nodiscard]] wire_result : public boost::system::result<T, wire_error> {
 public:
  using boost::system::result<T, wire_error>::result;
};
[[noreturn]] void throw_exception_from_error(const wire_error& e, const boost::source_location& where);

/// Sends one request and reads its reply (at most 256 MiB). The authority and, when there is one, the API key are
/// added.
wire_result<http_reply> exchange(const peer& to, const http_request& request, const patience& p);

/// Opens a WebSocket at `target` and hands over each text frame until `on_frame` answers false, the server closes
/// (broken), or no frame came for `quiet`, which is no error when `end_when_quiet`. Returns the HTTP reply when the
/// server refuses the upgrade: status 101 when it was a WebSocket.
struct socket_options {
  milliseconds quiet{90'000};
  bool end_when_quiet = false;
};
wire_result<http_reply> listen(const peer& to, const std::string& target, const socket_options& options,
                               const patience& p, const std::function<bool(std::string_view)>& on_frame);

/// Waits; false when Ctrl-C came first.
bool wait_for(milliseconds time, const std::function<void()>& on_tick = {});

/// Whether an SSH server greets at this address before `within` has passed. Tried again until then.
wire_result<bool> ssh_greets(const std::string& host, const std::string& port, const patience& p);

/// The end of the first certificate in a PEM file, RFC 3339; failed with the reason.
outcome<std::string> certificate_end(const std::string& file);

}  // namespace lode::cli
