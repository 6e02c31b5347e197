#pragma once
// The REST edge of loded: the server, the router, the envelopes and the endpoints of the contract, put together. It
// holds no business rule: a handler parses, validates, asks one actor and turns the reply into JSON.

#include "crypto/key_ring.hpp"
#include "http/gatekeeper.hpp"
#include "http/server/server.hpp"
#include "messages/access.hpp"
#include "messages/actors.hpp"
#include "messages/error.hpp"
#include "messages/listing_clock.hpp"
#include "telemetry/registry.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace lode::http {

class audit_log;

/// Which answered requests get a line of log: none, those with an error status, all. A 429 is a detail (debug).
enum class access_log : unsigned char { off, errors, all };

/// What may change while the edge serves.
struct live_settings {
  access_rules access;
  access_log log = access_log::errors;
  std::shared_ptr<audit_log> audit;  ///< null: none
};

struct edge_settings {
  std::string listen = "127.0.0.1:8903";
  server_limits limits;
  /// From the arrival of a request to its reply, at most. Travels with every message to the actors as the deadline
  /// past which nothing more is started; the reply of an actor that minds it is awaited a little longer.
  std::chrono::milliseconds reply_timeout{300000};
  tls_settings tls;                            ///< without a certificate: plain HTTP
  std::chrono::milliseconds keepalive{30000};  ///< of /connect
  telemetry::registry_ptr metrics =
      std::make_shared<telemetry::registry>();  ///< what /metrics shows; the edge adds its own
  std::string version = "0";                    ///< of the program, for /openapi.json
  std::shared_ptr<const crypto::key_board> keys = std::make_shared<crypto::key_board>();
  live_settings live;
};

/// What the edge talks to.
struct edge_actors {
  registry_actor registry;
  event_hub_actor events;  ///< with the ledger for /connect, which is 503 without
  ledger_actor ledger;
  idempotency_actor idempotency = {};                  ///< calls with an idempotency-key are 503 without
  outbox_actor outbox = {};                            ///< /test/notify and /admin/notifications are 503 without
  access_actor access = {};                            ///< /admin/keys is 503 without
  std::shared_ptr<const listing_clock> listings = {};  ///< set: replies to listings are kept while it stands still
};

/// The running edge. Its functions may be called from any thread.
class edge {
 public:
  /// Closes what is still open. Destroy it after stop() is done or after `io` has ended, on the io thread or when that
  /// no longer runs, and before `io` and the actor system.
  virtual ~edge() = default;
  [[nodiscard]] virtual std::string address() const = 0;  ///< host:port really bound
  [[nodiscard]] virtual std::string url() const = 0;      ///< "http://" or "https://" and the address
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  [[nodiscard]] virtual const server_stats& stats() const = 0;
  /// As server::stop; listeners of /connect are closed with 1001. The actors must answer until `done`.
  virtual void stop(std::chrono::milliseconds bound, std::function<void()> done) = 0;
  /// As server::reload_tls: reads the certificates again for connections to come, or says why the old ones stay.
  virtual result<void> reload_tls(const tls_settings& settings) = 0;
  /// For requests to come.
  virtual void apply(live_settings settings) = 0;
};

/// Begins to serve on `io`, which the caller runs on one thread. config_invalid: the address cannot be bound, or
/// the certificates cannot be used (load_tls).
result<std::unique_ptr<edge>> start_edge(boost::asio::io_context& io, caf::actor_system& sys,
                                         const edge_settings& settings, edge_actors actors);

}  // namespace lode::http
