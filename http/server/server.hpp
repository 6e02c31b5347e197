#pragma once
// An HTTP/1.1 server on Beast: keep-alive, pipelining, deadlines and limits on everything, graceful stop.

#include "http/server/message.hpp"
#include "http/server/tls.hpp"
#include "messages/error.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace lode::http {

struct server_limits {
  std::chrono::milliseconds handshake_timeout{10000};  ///< of TLS
  std::chrono::milliseconds header_timeout{10000};  ///< from the first byte (or from accept) to the end of the header
  std::chrono::milliseconds idle_timeout{60000};    ///< between two requests on one connection
  std::chrono::milliseconds body_timeout{30000};
  std::chrono::milliseconds write_timeout{30000};
  std::size_t header_bytes = std::size_t{16} * 1024;
  std::size_t body_bytes = std::size_t{1024} * 1024;
  std::size_t connections = 4096;        ///< beyond: accepted, answered 503, closed
  std::size_t in_flight = 1024;          ///< requests in handlers, all connections together; beyond: 503 at once
  std::size_t websocket_message = 4096;  ///< largest message of a client; larger: closed with 1009
  std::size_t websocket_frames = 1024;   ///< queued for one client; more: dropped
  std::size_t websocket_bytes = std::size_t{1} * 1024 * 1024;  ///< the same in bytes
};

/// How the server itself answers: 413, 431, 400, 408, 503, 500. The envelope is the application's, so it is passed in.
using error_body = std::function<response(unsigned status, std::string_view message)>;

/// Counters, readable from any thread.
struct server_stats {
  std::atomic<std::uint64_t> accepted{0}, requests{0}, rejected_overload{0}, open_connections{0}, in_flight{0},
      accept_errors{0}, malformed{0}, timed_out{0}, handshakes{0}, failed_handshakes{0}, websockets{0},
      open_websockets{0}, dropped_websockets{0};
};

class server {
 public:
  /// Closes every connection and cancels the handlers under way (any thread; at once on the io thread or when the io
  /// context no longer runs). What handlers refer to must live until `done` of stop(), or until the io context has
  /// ended. Destroy it before its io context.
  virtual ~server() = default;
  /// host:port really bound.
  [[nodiscard]] virtual std::string address() const = 0;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  /// Stops accepting, lets requests under way finish until `bound`, then closes everything and cancels what
  /// still runs in handlers (terminal cancellation of their coroutines). `done` runs on the io thread when no session
  /// is left: a handler that heeds no cancellation is waited for, so each needs a deadline. Call once, from any thread.
  virtual void stop(std::chrono::milliseconds bound, std::function<void()> done) = 0;
  [[nodiscard]] virtual const server_stats& stats() const = 0;
  /// Reads the certificates again; connections accepted from then on get them, those that are open keep theirs. On an
  /// error (see load_tls) the old ones stay. bad_request when that would turn TLS on or off, which takes a restart. Any
  /// thread; blocks on the disk.
  virtual result<void> reload_tls(const tls_settings& settings) = 0;
};

/// Binds and begins to accept on `io` (which the caller runs, on one thread). `listen` is "HOST:PORT" or "[IPv6]:PORT",
/// port 0 picks one. With `tls` every connection begins with a handshake. Errors: config_invalid (not an address),
/// store_io is never returned; bind failures are config_invalid with the system's words.
result<std::unique_ptr<server>> start_server(boost::asio::io_context& io, const std::string& listen, handler h,
                                             error_body on_error, server_limits limits = {},
                                             std::shared_ptr<tls_context> tls = nullptr);

}  // namespace lode::http
