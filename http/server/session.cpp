#include "http/server/session.hpp"

#include "http/server/access.hpp"
#include "http/server/websocket_connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <spdlog/spdlog.h>

#include <cstring>
#include <exception>
#include <utility>

namespace lode::http::detail {
namespace {

constexpr std::size_t small_buffer = std::size_t{4} * 1024;
constexpr std::size_t body_buffer = std::size_t{64} * 1024;
constexpr std::size_t write_behind_limit =
    std::size_t{64} * 1024;  // answers to pipelined requests kept before we wait for the peer
constexpr std::size_t linger_bytes = std::size_t{256} * 1024;
constexpr std::chrono::seconds linger_time{2};
constexpr std::chrono::seconds tls_end_time{1};

constexpr auto as_result = boost::asio::as_tuple(boost::asio::use_awaitable_t<executor>{});

// A rare big message must not make its connection heavy for good.
void release_if_big(std::string& buffer) {
  if (buffer.capacity() > 4 * body_buffer) std::string{}.swap(buffer);
}

}  // namespace

session::session(std::shared_ptr<shared_state> shared, tcp_socket socket, std::string peer_ip)
    : shared_(std::move(shared)),
      stream_(std::move(socket)),
      peer_ip_(std::move(peer_ip)),
      reader_(shared_->limits.header_bytes, shared_->limits.body_bytes),
      written_(shared_->ex, clock::time_point::max()) {
  if (shared_->tls) stream_.secure(*shared_->tls);
  shared_->enter(*this);
}

session::~session() { shared_->leave(*this); }

void session::start(bool over_limit) {
  auto self = shared_from_this();
  if (over_limit) ++shared_->turned_away;
  boost::asio::co_spawn(
      shared_->ex, [self, over_limit] { return self->run(over_limit); },
      boost::asio::bind_cancellation_slot(cancel_.slot(), [self, over_limit](const std::exception_ptr& failure) {
        if (over_limit) --self->shared_->turned_away;
        self->close();
        if (!failure || self->forced_) return;
        try {
          std::rethrow_exception(failure);
        } catch (const std::exception& e) {
          spdlog::error("connection of {} ended by an exception: {}", self->peer_ip_, e.what());
        }
      }));
}

task<void> session::run(bool over_limit) {
  if (stream_.secured()) {
    const bool ready = co_await handshake();
    if (!ready) co_return;
  }
  if (over_limit) {
    co_await turn_away();
  } else {
    co_await serve();
  }
  if (stream_.secured() && !broken_ && !forced_) {
    co_await end_tls();
  }
}

task<bool> session::handshake() {
  enter(phase::head, clock::now() + shared_->limits.handshake_timeout);
  const auto [ec] = co_await stream_.async_handshake(as_result);
  auto& stats = shared_->stats;
  if (ec) {
    stats.failed_handshakes.fetch_add(1, std::memory_order_relaxed);
    spdlog::debug("TLS handshake with {} failed: {}", peer_ip_, timed_out_ ? "it took too long" : ec.message());
    co_return false;
  }
  stats.handshakes.fetch_add(1, std::memory_order_relaxed);
  client_certificate_ = stream_.peer();
  co_return true;
}

task<void> session::serve() {
  enter(phase::head, clock::now() + shared_->limits.header_timeout);
  // Each co_await stands alone: g++ 12 resumes a finished coroutine when an if tests one co_await and guards another.
  for (;;) {
    const bool received = co_await receive();
    if (!received) break;
    // Pipelined: what is answered already is sent while the next is handled.
    write_behind();
    const bool head_only = reader_.message().method == verb::head;
    const response answer = co_await respond();
    if (answer.abort) {
      co_await flush();
      break;
    }
    if (answer.upgrade && !reader_.http10() && buffered().empty()) {
      co_await serve_websocket(answer.upgrade);
      break;
    }
    if (answer.upgrade) {
      // A client must not send frames before the handshake is answered (RFC 6455 4.1).
      queue(shared_->failure(400, "Malformed WebSocket handshake"), false, false);
      co_await say_goodbye();
      break;
    }
    const bool keep = reader_.keep_alive() && !shared_->stopping;
    queue(answer, keep, head_only);
    if (!keep) {
      const bool sent = co_await flush();
      if (sent && !buffered().empty()) {
        co_await linger();
      }
      break;
    }
    if (out_.size() > write_behind_limit) {
      const bool sent = co_await flush();
      if (!sent) break;
    }
    reader_.reset();
    enter(phase::idle, clock::now() + shared_->limits.idle_timeout);
  }
}

task<void> session::serve_websocket(std::shared_ptr<websocket_owner> owner) {
  const bool sent = co_await flush();
  if (!sent) co_return;
  enter(phase::websocket, clock::time_point::max());
  struct released {
    std::shared_ptr<websocket_connection>& one;
    ~released() { one.reset(); }
  } const at_the_end{websocket_};
  websocket_ = std::make_shared<websocket_connection>(shared_from_this(), std::move(owner));
  const auto connection = websocket_;
  co_await connection->run(reader_.message(), shared_->date.now());
  broken_ = true;  // a WebSocket says its own goodbye
}

// True with a whole request; false when the connection is over, with everything said that had to be said.
task<bool> session::receive() {
  bool continued = false;
  for (;;) {
    in_begin_ += reader_.feed(buffered());
    if (reader_.state() == request_reader::progress::complete) {
      enter(phase::handling, clock::time_point::max());
      co_return true;
    }
    if (reader_.state() == request_reader::progress::failed) {
      shared_->stats.malformed.fetch_add(1, std::memory_order_relaxed);
      spdlog::debug("[{}] {}: {} ({})", reader_.message().request_id, peer_ip_, reader_.failure_status(),
                    reader_.failure_text());
      queue(shared_->failure(reader_.failure_status(), reader_.failure_text()), false, false);
      co_await say_goodbye();
      co_return false;
    }
    if (reader_.head_complete() && phase_ != phase::body)
      enter(phase::body, clock::now() + shared_->limits.body_timeout);
    else if (reader_.started() && phase_ == phase::idle)
      enter(phase::head, clock::now() + shared_->limits.header_timeout);
    if (reader_.wants_continue() && !continued) {
      continued = true;
      out_.append("HTTP/1.1 100 Continue\r\n\r\n");
    }
    const bool sent = co_await flush();
    if (!sent) co_return false;
    if (shared_->stopping && !reader_.started() && buffered().empty()) co_return false;
    const bool more = co_await read_more();
    if (!more) co_return false;
  }
}

task<bool> session::read_more() {
  const std::size_t wanted = phase_ == phase::body ? body_buffer : small_buffer;
  make_room(wanted);
  timed_out_ = false;
  const auto [ec, n] =
      co_await stream_.async_read_some(boost::asio::buffer(&in_[in_end_], in_.size() - in_end_), as_result);
  in_end_ += n;
  if (!ec) co_return true;
  if (timed_out_ && !forced_ && reader_.started()) {
    shared_->stats.timed_out.fetch_add(1, std::memory_order_relaxed);
    reader_.message().request_id = take_request_id(reader_.message().header("x-request-id").value_or(""));
    queue(shared_->failure(408, "Request timeout"), false, false);
    co_await say_goodbye();
  }
  co_return false;
}

// Room for `wanted` bytes or so after what is not yet parsed. The reader bounds how much it leaves unparsed.
void session::make_room(std::size_t wanted) {
  if (in_begin_ > 0) std::memmove(in_.data(), in_.data() + in_begin_, in_end_ - in_begin_);
  in_end_ -= in_begin_;
  in_begin_ = 0;
  if (in_end_ == 0 && in_.size() > 4 * wanted) std::string{}.swap(in_);
  if (in_.size() < in_end_ + wanted / 2) in_.resize(in_end_ + wanted);
}

task<response> session::respond() {
  auto& stats = shared_->stats;
  stats.requests.fetch_add(1, std::memory_order_relaxed);
  if (stats.in_flight.load(std::memory_order_relaxed) >= shared_->limits.in_flight) {
    stats.rejected_overload.fetch_add(1, std::memory_order_relaxed);
    co_return shared_->failure(503, "Too many requests in flight");
  }
  struct counted {
    explicit counted(server_stats& s) : stats(s) { stats.in_flight.fetch_add(1, std::memory_order_relaxed); }
    ~counted() { stats.in_flight.fetch_sub(1, std::memory_order_relaxed); }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    server_stats& stats;
  };
  const counted in_flight{stats};
  request& req = reader_.message();
  req.peer_ip = peer_ip_;
  req.client_certificate = client_certificate_;
  try {
    co_return co_await shared_->handle(req);
  } catch (const std::exception& e) {
    if (!forced_)
      spdlog::error("[{}] {} {}: the handler threw: {}", req.request_id, req.method_text, req.path, e.what());
  } catch (...) {
    spdlog::error("[{}] {} {}: the handler threw something unknown", req.request_id, req.method_text, req.path);
  }
  co_return shared_->failure(500, "Internal Server Error");
}

task<void> session::turn_away() {
  enter(phase::lingering, clock::now() + linger_time);
  reader_.message().request_id = fresh_request_id();
  queue(shared_->failure(503, "Too many connections"), false, false);
  co_await say_goodbye();
}

void session::queue(const response& r, bool keep_alive, bool head_only) {
  const response_frame frame{reader_.message().request_id, shared_->date.now(), keep_alive,
                             reader_.started() && reader_.http10(), head_only};
  append_response(out_, r, frame);
}

// Writes what is queued, then closes so that it arrives.
task<void> session::say_goodbye() {
  const bool sent = co_await flush();
  if (sent) {
    co_await linger();
  }
}

task<bool> session::flush() {
  while ((writing_ || !out_.empty()) && !broken_) {
    if (writing_) {
      co_await written_.async_wait(as_result);
    } else {
      begin_write();
      const auto [ec, n] = co_await boost::asio::async_write(stream_, boost::asio::buffer(in_write_), as_result);
      end_write(!ec);
    }
  }
  co_return !broken_;
}

// Sends what is queued without waiting; what is queued meanwhile goes out in one write after it.
void session::write_behind() {
  if (writing_ || broken_ || out_.empty()) return;
  begin_write();
  boost::asio::async_write(stream_, boost::asio::buffer(in_write_),
                           [self = shared_from_this()](const boost::system::error_code& ec, std::size_t) {
                             self->end_write(!ec);
                             self->write_behind();
                           });
}

void session::begin_write() {
  in_write_.swap(out_);
  out_.clear();
  writing_ = true;
  write_due_ = clock::now() + shared_->limits.write_timeout;
}

void session::end_write(bool ok) {
  writing_ = false;
  write_due_ = clock::time_point::max();
  in_write_.clear();
  release_if_big(in_write_);
  if (!ok) {
    broken_ = true;
    close();
  }
  written_.cancel();
}

// A close with unread bytes in the receive buffer sends a reset, which may overtake our last answer: so say that no
// more comes, and read for a while what the peer still sends.
task<void> session::linger() {
  enter(phase::lingering, clock::now() + linger_time);
  if (stream_.secured()) {
    // Fails when the peer still sends; the bytes below TLS are then drained as any.
    co_await stream_.async_shutdown(as_result);
  }
  auto& socket = stream_.socket();
  boost::system::error_code ignored;
  socket.shutdown(boost::asio::socket_base::shutdown_send, ignored);
  in_.resize(small_buffer);
  for (std::size_t dropped = 0; dropped < linger_bytes;) {
    const auto [ec, n] = co_await socket.async_read_some(boost::asio::buffer(in_), as_result);
    if (ec) break;
    dropped += n;
  }
  broken_ = true;  // nothing more can be said
}

// Without it the peer could not tell our end from a cut.
task<void> session::end_tls() {
  enter(phase::lingering, clock::now() + tls_end_time);
  co_await stream_.async_shutdown(as_result);
}

void session::enter(phase p, clock::time_point due) {
  phase_ = p;
  due_ = due;
}

void session::check(clock::time_point now) {
  if (now >= write_due_) {
    broken_ = true;
    close();
  } else if (now >= due_) {
    timed_out_ = true;
    boost::system::error_code ignored;
    stream_.socket().cancel(ignored);
  }
}

void session::expect_write(bool begins) {
  write_due_ = begins ? clock::now() + shared_->limits.write_timeout : clock::time_point::max();
}

void session::end_if_idle() {
  if (websocket_) return websocket_->close(1001, "the server is stopping");
  if ((phase_ != phase::idle && phase_ != phase::head) || reader_.started() || writing_ || !buffered().empty()) return;
  boost::system::error_code ec;
  if (stream_.socket().available(ec) > 0 && !ec) return;  // a request that just arrived is still served
  stream_.socket().cancel(ec);
}

void session::force_close() {
  forced_ = true;
  close();
  cancel_.emit(boost::asio::cancellation_type::terminal);
}

void session::close() {
  boost::system::error_code ignored;
  stream_.socket().close(ignored);
}

std::string_view session::buffered() const { return std::string_view{in_}.substr(in_begin_, in_end_ - in_begin_); }

}  // namespace lode::http::detail
