#include "bench/load/connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <sys/socket.h>
#include <utility>

namespace lode::bench {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable_t<executor>{});
// With ten thousand connections this is most of the generator's memory; replies are larger seldom.
constexpr std::size_t buffer_bytes = std::size_t{2} * 1024;
constexpr std::size_t body_limit = std::size_t{256} * 1024 * 1024;
constexpr std::chrono::seconds fresh{1};

}  // namespace

std::string_view to_string(exchange_error e) noexcept {
  switch (e) {
    case exchange_error::unreachable:
      return "no connection";
    case exchange_error::lost:
      return "connection lost";
    case exchange_error::timed_out:
      return "timed out";
    case exchange_error::nonsense:
      return "nonsense";
  }
  return "unknown";
}

connection::connection(const executor& ex, const peer_address& peer) : socket_(ex), peer_(peer) {}

void connection::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
  connected_ = false;
}

void connection::close_if_overdue(clock::time_point now) {
  if (now < due_) return;
  overdue_ = true;
  close();
}

exchange_error connection::fail(exchange_error e) {
  close();
  due_ = clock::time_point::max();
  return overdue_ ? exchange_error::timed_out : e;
}

task<bool> connection::connect() {
  // Nothing may still use the socket; then the old TLS state goes.
  tls_.reset();
  const auto [failed] = co_await socket_.async_connect(peer_.at, as_result);
  // A socket that was closed meanwhile may still report success.
  if (failed || overdue_ || !socket_.is_open()) {
    problem_ = overdue_ ? "no connection in time" : failed.message();
    co_return false;
  }
  boost::system::error_code ec;
  socket_.set_option(asio::ip::tcp::no_delay{true}, ec);
  if (!ec) socket_.non_blocking(true, ec);
  if (ec) co_return false;
  if (peer_.tls != nullptr) {
    const bool secured = co_await handshake();
    if (!secured) co_return false;
  }
  if (buffer_.empty()) buffer_.resize(buffer_bytes);
  connected_ = true;
  co_return true;
}

task<bool> connection::handshake() {
  tls_.emplace(socket_, *peer_.tls);
  boost::system::error_code ec;
  tls_->set_verify_callback(asio::ssl::host_name_verification{peer_.name}, ec);
  boost::system::error_code not_numeric;
  asio::ip::make_address(peer_.name, not_numeric);
  if (not_numeric) SSL_set_tlsext_host_name(tls_->native_handle(), peer_.name.c_str());
  const auto [failed] = co_await tls_->async_handshake(asio::ssl::stream_base::client, as_result);
  if (!ec && !failed && !overdue_ && socket_.is_open()) co_return true;
  problem_ = overdue_ ? "no TLS handshake in time" : "TLS: " + failed.message();
  const long verdict = SSL_get_verify_result(tls_->native_handle());
  if (verdict != X509_V_OK) problem_ += std::string{": "} + X509_verify_cert_error_string(verdict);
  co_return false;
}

task<bool> connection::send(std::string_view request) {
  if (tls_) {
    const auto [failed, written] =
        co_await asio::async_write(*tls_, asio::buffer(request.data(), request.size()), as_result);
    co_return !failed && written == request.size();
  }
  // A request nearly always fits into the socket's buffer: no need to come back for it.
  boost::system::error_code ec;
  const std::size_t sent = socket_.write_some(asio::buffer(request.data(), request.size()), ec);
  if (!ec && sent == request.size()) co_return true;
  if (ec && ec != asio::error::would_block) co_return false;
  const auto rest = asio::buffer(request.data() + sent, request.size() - sent);
  const auto [failed, written] = co_await asio::async_write(socket_, rest, as_result);
  co_return !failed && written == rest.size();
}

task<std::size_t> connection::read_more(std::size_t have) {
  if (have == buffer_.size()) buffer_.resize(buffer_.size() * 2);
  const auto room = asio::buffer(buffer_.data() + have, buffer_.size() - have);
  if (tls_) {
    const auto [failed, read] = co_await tls_->async_read_some(room, as_result);
    co_return failed ? 0 : read;
  }
  const auto [failed, read] = co_await socket_.async_read_some(room, as_result);
  co_return failed ? 0 : read;
}

task<connection::answer> connection::receive() {
  std::size_t have = 0;
  std::optional<reply_head> head;
  for (;;) {
    const std::size_t read = co_await read_more(have);
    if (read == 0) co_return exchange_error::lost;
    have += read;
    if (!head) {
      const auto parsed = parse_reply_head(std::string_view{buffer_}.substr(0, have));
      if (!parsed) co_return parsed.error();
      head = *parsed;
      if (!head) continue;
      if (head->sized && head->body_bytes > body_limit) co_return exchange_error::nonsense;
      if (!head->sized) {
        auto unsized = co_await receive_unsized(have);
        co_return unsized;
      }
      buffer_.resize(std::max(buffer_.size(), head->head_bytes + head->body_bytes + 1));
    }
    const std::size_t whole = head->head_bytes + head->body_bytes;
    // Nothing was asked that more bytes could answer.
    if (have > whole) co_return exchange_error::nonsense;
    if (have == whole) break;
  }
  if (!head->keep_alive) close();
  co_return reply{head->status, std::string_view{buffer_}.substr(head->head_bytes, head->body_bytes)};
}

task<connection::answer> connection::receive_unsized(std::size_t have) {
  http::response_parser<http::string_body> parser;
  parser.eager(true);
  parser.body_limit(body_limit);
  std::size_t used = 0;
  while (!parser.is_done()) {
    boost::system::error_code ec;
    used += parser.put(asio::buffer(buffer_.data() + used, have - used), ec);
    if (ec && ec != http::error::need_more) co_return exchange_error::nonsense;
    if (parser.is_done()) break;
    if (used > 0) {
      buffer_.erase(0, used);
      have -= std::exchange(used, 0);
      buffer_.resize(std::max(buffer_.size(), buffer_bytes));
    }
    const std::size_t read = co_await read_more(have);
    have += read;
    if (read > 0) continue;
    if (overdue_) co_return exchange_error::lost;
    parser.put_eof(ec);
    if (ec || !parser.is_done()) co_return exchange_error::lost;
  }
  if (used < have) co_return exchange_error::nonsense;
  auto message = parser.release();
  if (!message.keep_alive() || message.need_eof()) close();
  unsized_body_ = std::move(message.body());
  co_return reply{message.result_int(), unsized_body_};
}

// A server may close what nobody used for a while. Whoever sends into that learns nothing of what became of the
// request, which would count as an error that the server did not make.
bool connection::gone_stale(clock::time_point now) {
  if (now - used_ < fresh) return false;
  char byte = 0;
  const auto got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

task<bool> connection::open(clock::time_point due) {
  if (connected_) co_return true;
  overdue_ = false;
  due_ = due;
  const bool made = co_await connect();
  if (!made) {
    fail(exchange_error::unreachable);
    co_return false;
  }
  due_ = clock::time_point::max();
  used_ = clock::now();
  co_return true;
}

task<boost::system::result<reply, exchange_error>> connection::exchange(std::string_view request,
                                                                        clock::time_point due) {
  if (connected_ && gone_stale(clock::now())) close();
  overdue_ = false;
  due_ = due;
  if (!connected_) {
    const bool made = co_await connect();
    if (!made) co_return fail(exchange_error::unreachable);
  }
  const bool sent = co_await send(request);
  if (!sent) co_return fail(exchange_error::lost);
  auto got = co_await receive();
  if (!got) co_return fail(got.error());
  due_ = clock::time_point::max();
  used_ = clock::now();
  co_return got;
}

}  // namespace lode::bench
