#pragma once
// The one boundary to receivers of webhooks. Real implementation: make_webhook_client; tests script their own.

#include "messages/error.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace lode::links {

/// Which of the two URLs.
enum class webhook_kind : unsigned char { deallocation, status };

struct webhook_post {
  webhook_kind to = webhook_kind::deallocation;
  std::string body;         ///< JSON
  std::string delivery_id;  ///< the same at each attempt; receivers tell repeats by it
  std::string request_id;   ///< new at each attempt; in their log and in ours
};

struct webhook_reply {
  bool acknowledged = false;  ///< 200 or 201
  std::string detail;         ///< why not, for people; holds no secret and no URL
};

/// Thread safety: all from any thread.
class webhook_sender {
 public:
  virtual ~webhook_sender() = default;
  /// Whether that URL is set.
  [[nodiscard]] virtual bool reaches(webhook_kind kind) const = 0;
  /// Whether both URLs are set and name the same server.
  [[nodiscard]] virtual bool one_receiver() const = 0;
  /// One attempt. Invokes `done` exactly once, within the time set for it, on a thread of the sender and never inside
  /// the call; it must not block or throw. What was not acknowledged may have been received all the same.
  virtual void send(webhook_post post, std::function<void(webhook_reply)> done) = 0;
  /// Ends every attempt under way. Idempotent.
  virtual void shutdown() = 0;
};

struct webhook_settings {
  std::string deallocation_url;              ///< empty: none
  std::string status_url;                    ///< empty: none
  std::string secret;                        ///< signs the bodies; empty: they are not signed
  std::string ca_file;                       ///< trusted instead of the system's authorities; empty: those
  std::string client_cert_file;              ///< shown to receivers that ask for one; empty: none
  std::string client_key_file;               ///< its key
  std::chrono::milliseconds timeout{10000};  ///< of an attempt, from look-up to the end of the answer
  std::size_t max_reply_bytes = 64 * 1024;   ///< of the answer's body; what is longer is not read
  std::size_t max_in_flight = 256;           ///< attempts, with look-ups that hang on after their attempt's end
};

/// Posts over HTTP/1.1, TLS 1.2 or better, a connection an attempt. The receiver's certificate must be good for the
/// URL's host. Redirects are not followed: they are a failure. An answer that is cut off is one, too. The caller runs
/// `io`, on one thread or several, and after shutdown() until it has no more work; it must outlive the sender.
/// config_invalid names the setting: a URL, a certificate or a key that cannot be used.
result<std::shared_ptr<webhook_sender>> make_webhook_client(boost::asio::io_context& io,
                                                            const webhook_settings& settings);

}  // namespace lode::links
