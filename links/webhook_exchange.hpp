#pragma once
// One attempt at a webhook: look-up, connection, TLS, request, answer. Internal to links/.

#include "links/transfer.hpp"
#include "links/webhook.hpp"
#include "links/webhook_url.hpp"

#include <boost/asio/ssl/context.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lode::links {

/// One attempt under its deadline. All of it runs on the sender's strand.
struct webhook_attempt : std::enable_shared_from_this<webhook_attempt> {
  webhook_attempt(const strand& s, std::function<void(webhook_reply)> d) : on(s), timer(s), done(std::move(d)) {}

  /// Ends it at `by`, wherever it is: a look-up of a name cannot be broken off, but nobody waits for it.
  void expire_at(steady_time by);
  /// The first one counts.
  void finish(webhook_reply r);
  [[nodiscard]] bool over() const noexcept { return !done; }
  /// Goes on with a connection of its own.
  const std::shared_ptr<transfer>& fresh_transfer();

  strand on;
  strand_timer timer;
  std::shared_ptr<transfer> connection;
  const char* stage = "the look-up of its name";
  std::function<void(webhook_reply)> done;  ///< empty once it was invoked
};

struct webhook_message {
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

/// Runs the attempt to its end; finish() was called when it returns. `tls` is unset for plain HTTP.
strand_task<void> run_attempt(std::shared_ptr<webhook_attempt> a, webhook_url to, webhook_message message,
                              std::shared_ptr<boost::asio::ssl::context> tls, steady_time deadline,
                              std::size_t max_reply_bytes);

}  // namespace lode::links
