#include "links/transfer.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>

#include <string_view>

namespace lode::links {

namespace asio = boost::asio;
using boost::system::error_code;

void transfer::expire_at(steady_time t) {
  if (over()) return;
  timer_.expires_at(t);
  timer_.async_wait([weak = weak_from_this(), mine = ++generation_](error_code) {
    const auto self = weak.lock();
    // A wait that had already ended when its deadline was replaced comes here as well.
    if (!self || self->generation_ != mine) return;
    self->expired_ = true;
    self->close();
  });
}

void transfer::disarm() {
  ++generation_;
  timer_.cancel();
}

void transfer::stop() {
  disarm();
  stopped_ = true;
  close();
}

void transfer::close() noexcept {
  error_code ignored;
  socket.close(ignored);
}

std::optional<tcp_endpoint> endpoint_of(const std::string& ip, std::uint16_t port) {
  std::string_view text = ip;
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
  error_code ec;
  const auto address = asio::ip::make_address(text, ec);
  if (ec || address.is_unspecified() || port == 0) return std::nullopt;
  return tcp_endpoint(address, port);
}

strand_task<error_code> connect(std::shared_ptr<transfer> t, tcp_endpoint where, steady_time deadline) {
  error_code ec = asio::error::operation_aborted;
  if (t->over()) co_return ec;
  t->expire_at(deadline);
  co_await t->socket.async_connect(where, asio::redirect_error(await, ec));
  if (!ec && t->over()) ec = asio::error::operation_aborted;
  if (!ec) {
    error_code ignored;
    // Where nothing listens, a connection within this host may pick the very port that it connects to and meet itself.
    if (t->socket.local_endpoint(ignored) == where) ec = asio::error::connection_refused;
    t->socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  }
  if (ec) {
    error_code ignored;
    t->socket.close(ignored);
  }
  co_return ec;
}

}  // namespace lode::links
