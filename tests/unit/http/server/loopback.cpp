#include "loopback.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <arpa/inet.h>
#include <charconv>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace lode::http::test {
task<response> ready(response r) { co_return r; }

task<response> gate::pass(response r) {
  if (!open_) {
    timer t{co_await boost::asio::this_coro::executor, timer::time_point::max()};
    waiting_.push_back(&t);
    if (!was_entered_) {
      was_entered_ = true;
      entered_.set_value();
    }
    co_await t.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable_t<executor>{}));
    std::erase(waiting_, &t);
  }
  co_return r;
}

void gate::open(running_server& s) {
  s.on_io([this] {
    open_ = true;
    for (timer* t : waiting_) t->cancel();
  });
}

handler answering(std::function<response(request&)> f) {
  return [f = std::move(f)](request& r) { return ready(f(r)); };
}

void run_to_end(boost::asio::io_context& io, const handler& h, request& req, response& out) {
  boost::asio::co_spawn(
      io.get_executor(), [&] { return h(req); },
      [&out](const std::exception_ptr& failure, response r) {
        if (failure) std::rethrow_exception(failure);
        out = std::move(r);
      });
  io.run();
  io.restart();
}

response plain_error(unsigned status, std::string_view message) {
  return response{status, R"({"status":)" + std::to_string(status) + R"(,"message":")" + std::string{message} + "\"}"};
}

running_server::running_server(handler h, server_limits limits, const std::string& listen, error_body on_error,
                               std::shared_ptr<tls_context> tls) {
  auto started = start_server(io, listen, std::move(h), std::move(on_error), limits, std::move(tls));
  if (!started) throw std::runtime_error{started.error().to_string()};
  srv = std::move(*started);
  thread_ = std::thread{[this] { io.run(); }};
}

running_server::~running_server() {
  if (!stopped_ && srv) stop(std::chrono::seconds{5}).wait();
  on_io([this] { srv.reset(); });
  work_.reset();
  thread_.join();
}

std::future<void> running_server::stop(std::chrono::milliseconds bound) {
  stopped_ = true;
  auto promise = std::make_shared<std::promise<void>>();
  auto done = promise->get_future();
  srv->stop(bound, [promise] { promise->set_value(); });
  return done;
}

void running_server::on_io(std::function<void()> f) {
  std::promise<void> done;
  boost::asio::post(io, [&] {
    f();
    done.set_value();
  });
  done.get_future().wait();
}

std::string reply::header(std::string_view lower_case_name) const {
  const std::string line = "\r\n" + std::string{lower_case_name} + ": ";
  const std::size_t at = head.find(line);
  if (at == std::string::npos) return {};
  const std::size_t from = at + line.size();
  return head.substr(from, head.find("\r\n", from) - from);
}

client::client(std::uint16_t port, bool v6, int receive_buffer) {
  const int fd = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const timeval limit{10, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (receive_buffer > 0) ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  int failed = 0;
  if (v6) {
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_addr = in6addr_loopback;
    to.sin6_port = htons(port);
    failed = ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  } else {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(port);
    failed = ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  if (failed != 0) {
    ::close(fd);
    return;
  }
  fd_ = fd;
}

client::~client() {
  if (fd_ >= 0) ::close(fd_);
}

bool client::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

void client::half_close() const { ::shutdown(fd_, SHUT_WR); }

void client::reset() {
  const linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(fd_);
  fd_ = -1;
}

bool client::readable_within(std::chrono::milliseconds t) const {
  pollfd waiting{fd_, POLLIN, 0};
  return ::poll(&waiting, 1, static_cast<int>(t.count())) > 0;
}

bool client::fill() {
  char piece[16384];
  const ssize_t n = ::recv(fd_, piece, sizeof piece, 0);
  if (n <= 0) return false;
  in_.append(piece, static_cast<std::size_t>(n));
  return true;
}

reply client::receive(bool head_only) {
  reply r;
  std::size_t end = 0;
  while ((end = in_.find("\r\n\r\n")) == std::string::npos)
    if (!fill()) return r;
  r.head = in_.substr(0, end + 2);
  in_.erase(0, end + 4);
  const std::string length = r.header("content-length");
  std::size_t wanted = 0;
  std::from_chars(length.data(), length.data() + length.size(), wanted);
  if (head_only) wanted = 0;
  while (in_.size() < wanted)
    if (!fill()) return r;
  r.body = in_.substr(0, wanted);
  in_.erase(0, wanted);
  r.status = static_cast<unsigned>(std::stoi(r.head.substr(9, 3)));
  return r;
}

bool client::at_end() {
  if (!in_.empty()) return false;
  char byte = 0;
  const ssize_t n = ::recv(fd_, &byte, 1, 0);
  return n == 0 || (n < 0 && (errno == ECONNRESET || errno == EPIPE));
}

}  // namespace lode::http::test
