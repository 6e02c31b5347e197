#pragma once
// WebSockets (RFC 6455) as handlers see them: a handler answers with a response whose `upgrade` is set, and the session
// hands the connection to it. No Beast in this header. Everything here runs on the connection's io thread.

#include "http/server/message.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace lode::http {

/// An open connection. Valid from websocket_owner::opened() until closed().
class websocket {
 public:
  virtual ~websocket() = default;

  /// Queues one text frame and never waits. False when the connection ends or ended, or when its queue is full
  /// (server_limits): it is then dropped, without a close frame, which would wait behind the rest.
  virtual bool send(std::shared_ptr<const std::string> text) = 0;

  /// Sends what is queued, then the close frame, then ends within a second or two whatever the peer does. The first
  /// call counts. `reason` has at most 123 bytes.
  virtual void close(std::uint16_t code, std::string_view reason) = 0;

  /// Frames that are not yet handed to the system.
  [[nodiscard]] virtual std::size_t queued() const = 0;
};

/// Who is told of one connection. Kept alive by it. None of these may throw.
class websocket_owner {
 public:
  virtual ~websocket_owner() = default;
  /// The handshake is done.
  virtual void opened(websocket& socket) = 0;
  /// Everything queued is with the system: there is room for more.
  virtual void drained() = 0;
  /// The connection is over, whoever ended it. Called once, and only after opened().
  virtual void closed() = 0;
};

/// True for a request that RFC 6455 lets become a WebSocket: GET, `upgrade: websocket`, `connection: upgrade`, version
/// 13 and a key of 16 bytes.
bool wants_websocket(const request& req);

/// The response that accepts a WebSocket for `owner`. Messages of the client are read and dropped; ones beyond
/// server_limits::websocket_message close the connection with 1009.
response accept_websocket(std::shared_ptr<websocket_owner> owner);

}  // namespace lode::http
