#pragma once
// What the parts of the wire share; private to wire_*.cpp. Asynchronous operations that are waited for one by one, so
// that every one of them has a deadline and ends at Ctrl-C.

#include "cli/wire.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <optional>
#include <utility>

namespace lode::cli::wire {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using clock = std::chrono::steady_clock;
using boost::system::error_code;
using tls_stream = asio::ssl::stream<tcp::socket>;

class loop {
 public:
  explicit loop(std::function<void()> on_tick);

  asio::io_context& io() { return io_; }
  [[nodiscard]] bool interrupted() const { return interrupted_; }

  /// Calls start(handler), handler(error_code, …), and waits for it. Past the deadline or at Ctrl-C calls cancel() and
  /// waits for the handler all the same; the error is then late or interrupted.
  template <class Start, class Cancel>
  std::optional<wire_problem> await(clock::time_point deadline, error_code& ec, Start&& start, Cancel&& cancel) {
    bool done = false;
    start([&](const error_code& e, auto&&...) {
      ec = e;
      done = true;
    });
    std::optional<wire_problem> problem;
    while (!done) {  // NOLINT(bugprone-infinite-loop): the handler ends it
      if (!problem) problem = wait_once(deadline);
      if (!problem) continue;
      cancel();
      while (!done) io_.run_one();  // NOLINT(bugprone-infinite-loop)
    }
    return problem;
  }

  /// Waits for the time; false at Ctrl-C.
  bool pause_until(clock::time_point end);

 private:
  /// Runs what is ready, for a tick at most.
  std::optional<wire_problem> wait_once(clock::time_point deadline);

  asio::io_context io_{1};
  asio::signal_set signals_{io_, SIGINT, SIGTERM};
  std::function<void()> on_tick_;
  clock::time_point next_tick_ = clock::now();
  bool interrupted_ = false;
};

/// `unreachable`: what a plain failure of the operation is.
wire_error error_of(std::optional<wire_problem> stopped, const error_code& ec, wire_problem failed,
                    std::string_view what);

/// The addresses of a host, in the system's order; a numeric one is its own. Neither the deadline nor Ctrl-C waits for
/// the system's resolver.
wire_result<std::vector<tcp::endpoint>> addresses_of(loop& l, const std::string& host, const std::string& port,
                                                     clock::time_point by);

/// A connection to the host; `by` bounds names and connecting.
wire_result<tcp::socket> connect(loop& l, const std::string& host, const std::string& port, clock::time_point by);

/// With the files loaded; TLS 1.2 and newer, the other side's certificate verified.
wire_result<std::unique_ptr<asio::ssl::context>> tls_context(const tls_files& files);
/// The handshake, with the host's name verified.
wire_result<std::unique_ptr<tls_stream>> secure(loop& l, tcp::socket socket, asio::ssl::context& context,
                                                const std::string& host, clock::time_point by);
/// When the other side's certificate ends, RFC 3339.
std::string peer_certificate_end(tls_stream& s);
std::string rfc3339(const ASN1_TIME* time);

}  // namespace lode::cli::wire
