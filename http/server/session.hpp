#pragma once
// One connection of a server and what the connections of a server share. Internal to http/server.

#include "http/server/reader.hpp"
#include "http/server/server.hpp"
#include "http/server/stream.hpp"
#include "http/server/writer.hpp"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lode::http::detail {

using clock = std::chrono::steady_clock;
using timer = boost::asio::basic_waitable_timer<clock, boost::asio::wait_traits<clock>, executor>;

class session;
class websocket_connection;

/// What the sessions of one server share. Everything but `stats` belongs to the io thread. One sweep watches the
/// deadlines of all connections, so that a request arms no timer.
class shared_state : public std::enable_shared_from_this<shared_state> {
 public:
  shared_state(const executor& ex, handler h, error_body on_error, server_limits limits);

  void enter(session& s);
  void leave(session& s);
  /// Ends what is idle, and lets the rest finish until `bound`; `done` when nothing is left.
  void stop(std::chrono::milliseconds bound, std::function<void()> done);
  /// Closes every connection and cancels its handler.
  void close_all();

  /// The application's answer to `status`, or a plain one if that throws. 503 gets a retry-after.
  [[nodiscard]] response failure(unsigned status, std::string_view message) const;

  executor ex;
  handler handle;
  error_body on_error;
  server_limits limits;
  std::shared_ptr<tls_context> tls;  ///< of connections to come; null: none
  server_stats stats;
  date_line date;
  bool stopping = false;
  std::size_t turned_away = 0;  ///< connections over the limit that are still being told so

 private:
  void arm_sweep();
  void finish_stop();

  timer sweep_;
  timer bound_;
  std::chrono::milliseconds sweep_every_;
  bool sweeping_ = false;
  std::vector<session*> sessions_;
  std::function<void()> done_;
};

/// Reads, runs the handler and writes, one request at a time and in order. Lives until its coroutine ends.
class session : public std::enable_shared_from_this<session> {
 public:
  session(std::shared_ptr<shared_state> shared, tcp_socket socket, std::string peer_ip);
  ~session();
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  /// Begins to serve, or, `over_limit`, to answer 503 and close.
  void start(bool over_limit);

  // Called by shared_state, on the io thread.
  void check(clock::time_point now);
  void end_if_idle();
  void force_close();
  std::size_t slot = 0;  ///< its place in shared_state's list

  // Called by its WebSocket.
  [[nodiscard]] stream& io() noexcept { return stream_; }
  [[nodiscard]] shared_state& shared() noexcept { return *shared_; }
  [[nodiscard]] const std::string& peer_ip() const noexcept { return peer_ip_; }
  /// A write begins (and must end in time), or has ended.
  void expect_write(bool begins);
  /// The connection must be over within `bound`.
  void expect_end(std::chrono::milliseconds bound) { enter(phase::websocket, clock::now() + bound); }
  void close();

 private:
  enum class phase : unsigned char { idle, head, body, handling, lingering, websocket };

  task<void> run(bool over_limit);
  task<bool> handshake();
  task<void> serve();
  task<void> serve_websocket(std::shared_ptr<websocket_owner> owner);
  task<void> turn_away();
  task<bool> receive();
  task<bool> read_more();
  void make_room(std::size_t wanted);
  task<response> respond();
  task<bool> flush();
  task<void> linger();
  task<void> end_tls();
  task<void> say_goodbye();
  void enter(phase p, clock::time_point due);
  void queue(const response& r, bool keep_alive, bool head_only);
  void write_behind();
  void begin_write();
  void end_write(bool ok);
  [[nodiscard]] std::string_view buffered() const;

  std::shared_ptr<shared_state> shared_;
  stream stream_;
  std::string peer_ip_;
  std::string client_certificate_;
  std::shared_ptr<websocket_connection> websocket_;  ///< while it is one
  boost::asio::cancellation_signal cancel_;
  request_reader reader_;

  std::string in_;  ///< bytes read; [in_begin_, in_end_) are not yet parsed
  std::size_t in_begin_ = 0;
  std::size_t in_end_ = 0;

  std::string out_;       ///< responses to write
  std::string in_write_;  ///< what the write under way is sending
  timer written_;         ///< never expires: cancelled to wake flush()
  bool writing_ = false;
  bool broken_ = false;
  bool forced_ = false;
  bool timed_out_ = false;
  phase phase_ = phase::head;
  clock::time_point due_ = clock::time_point::max();
  clock::time_point write_due_ = clock::time_point::max();
};

}  // namespace lode::http::detail
