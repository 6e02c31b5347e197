#pragma once
// A server on a free port with its io thread, and a blocking client that speaks bytes: what the tests of http/server
// need. Every wait is bounded by a receive time-out.

#include "http/server/server.hpp"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace lode::http::test {

/// A handler that answers at once with what `f` returns.
handler answering(std::function<response(request&)> f);

/// Runs `h` on `io` until it has answered.
void run_to_end(boost::asio::io_context& io, const handler& h, request& req, response& out);

/// {"status": …, "message": …}
response plain_error(unsigned status, std::string_view message);

/// Owns the io thread; stops the server gracefully on destruction unless the test did.
class running_server {
 public:
  explicit running_server(handler h, server_limits limits = {}, const std::string& listen = "127.0.0.1:0",
                          error_body on_error = plain_error, std::shared_ptr<tls_context> tls = nullptr);
  running_server(handler h, server_limits limits, std::shared_ptr<tls_context> tls)
      : running_server(std::move(h), limits, "127.0.0.1:0", plain_error, std::move(tls)) {}
  ~running_server();
  running_server(const running_server&) = delete;
  running_server& operator=(const running_server&) = delete;

  /// Ready when stop() is done.
  std::future<void> stop(std::chrono::milliseconds bound);
  /// Runs `f` on the io thread and waits for it.
  void on_io(std::function<void()> f);

  boost::asio::io_context io{1};
  std::unique_ptr<server> srv;

 private:
  boost::asio::executor_work_guard<executor> work_{io.get_executor()};
  bool stopped_ = false;
  std::thread thread_;
};

/// Holds handlers until the test opens it. Must outlive the server.
class gate {
 public:
  /// Answers `r` once the gate is open. Cancellable.
  task<response> pass(response r);
  /// Waits until a handler is inside.
  void wait_entered() { entered_.get_future().wait(); }
  /// Lets all through, now and later.
  void open(running_server& s);

 private:
  using timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, executor>;
  std::promise<void> entered_;
  bool was_entered_ = false;
  bool open_ = false;
  std::vector<timer*> waiting_;
};

task<response> ready(response r);

struct reply {
  std::string head;
  std::string body;
  unsigned status = 0;  ///< 0: the connection ended before a whole head
  [[nodiscard]] std::string header(std::string_view lower_case_name) const;
};

class client {
 public:
  explicit client(std::uint16_t port, bool v6 = false, int receive_buffer = 0);
  ~client();
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  [[nodiscard]] bool connected() const { return fd_ >= 0; }
  bool send(std::string_view bytes) const;
  void half_close() const;
  /// Vanishes: the peer sees a reset.
  void reset();
  /// The next response. `head_only`: it has no body whatever its length says.
  reply receive(bool head_only = false);
  /// Waits until there is something to read, or the end, at most `t`.
  [[nodiscard]] bool readable_within(std::chrono::milliseconds t) const;
  /// True when the peer has closed (or reset) and nothing is left to read.
  bool at_end();
  /// Reads one piece into the buffer; false at the end of the stream or after 10 seconds.
  bool fill();
  [[nodiscard]] const std::string& buffer() const { return in_; }

 private:
  int fd_ = -1;
  std::string in_;
};

}  // namespace lode::http::test
