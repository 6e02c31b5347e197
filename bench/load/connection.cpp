#include "bench/load/connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace lode::bench {
namespace {

namespace asio = boost::asio;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable_t<executor>{});
constexpr std::size_t buffer_bytes = std::size_t{16} * 1024;
constexpr std::size_t head_limit = std::size_t{16} * 1024;
constexpr std::size_t body_limit = std::size_t{16} * 1024 * 1024;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view text, std::string_view lower_case) {
  if (text.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (lower(text[i]) != lower_case[i]) return false;
  return true;
}

std::string_view trimmed(std::string_view s) {
  const auto first = s.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return s.substr(first, s.find_last_not_of(" \t") - first + 1);
}

template <class Int>
bool read_number(std::string_view s, Int& out) {
  const auto [end, failed] = std::from_chars(s.data(), s.data() + s.size(), out);
  return failed == std::errc{} && end == s.data() + s.size();
}

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

boost::system::result<std::optional<reply_head>, exchange_error> parse_reply_head(std::string_view text) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    if (text.size() > head_limit) return exchange_error::nonsense;
    return std::optional<reply_head>{};
  }
  reply_head head;
  head.head_bytes = end + 4;
  std::string_view rest = text.substr(0, end + 2);
  std::size_t eol = rest.find("\r\n");
  const std::string_view line = rest.substr(0, eol);
  constexpr std::string_view version = "HTTP/1.1 ";
  if (!line.starts_with(version) || line.size() < version.size() + 3 ||
      !read_number(line.substr(version.size(), 3), head.status) || head.status < 200 || head.status > 599) {
    return exchange_error::nonsense;
  }
  // Without a length the body would end with the connection, which a keep-alive client has no use for.
  bool has_length = head.status == 204 || head.status == 304;
  for (rest.remove_prefix(eol + 2); !rest.empty(); rest.remove_prefix(eol + 2)) {
    eol = rest.find("\r\n");
    const std::string_view field = rest.substr(0, eol);
    const std::size_t colon = field.find(':');
    if (colon == std::string_view::npos) return exchange_error::nonsense;
    const std::string_view name = field.substr(0, colon);
    const std::string_view value = trimmed(field.substr(colon + 1));
    if (same_name(name, "content-length")) {
      if (!read_number(value, head.body_bytes) || head.body_bytes > body_limit) return exchange_error::nonsense;
      has_length = true;
    } else if (same_name(name, "transfer-encoding")) {
      return exchange_error::nonsense;
    } else if (same_name(name, "connection") && same_name(value, "close")) {
      head.keep_alive = false;
    }
  }
  if (!has_length) return exchange_error::nonsense;
  return std::optional<reply_head>{head};
}

connection::connection(const executor& ex, asio::ip::tcp::endpoint peer, std::chrono::milliseconds timeout)
    : socket_(ex), peer_(std::move(peer)), timeout_(timeout), buffer_(buffer_bytes, '\0') {}

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
  const auto [failed] = co_await socket_.async_connect(peer_, as_result);
  // A socket that was closed meanwhile may still report success.
  if (failed || overdue_ || !socket_.is_open()) co_return false;
  boost::system::error_code ec;
  socket_.set_option(asio::ip::tcp::no_delay{true}, ec);
  if (!ec) socket_.non_blocking(true, ec);
  connected_ = !ec;
  co_return connected_;
}

task<bool> connection::send(std::string_view request) {
  // A request nearly always fits into the socket's buffer: no need to come back for it.
  boost::system::error_code ec;
  const std::size_t sent = socket_.write_some(asio::buffer(request.data(), request.size()), ec);
  if (!ec && sent == request.size()) co_return true;
  if (ec && ec != asio::error::would_block) co_return false;
  const auto rest = asio::buffer(request.data() + sent, request.size() - sent);
  const auto [failed, written] = co_await asio::async_write(socket_, rest, as_result);
  co_return !failed && written == rest.size();
}

task<boost::system::result<reply, exchange_error>> connection::receive() {
  std::size_t have = 0;
  std::optional<reply_head> head;
  for (;;) {
    if (have == buffer_.size()) buffer_.resize(buffer_.size() * 2);
    const auto [failed, read] =
        co_await socket_.async_read_some(asio::buffer(buffer_.data() + have, buffer_.size() - have), as_result);
    if (failed || read == 0) co_return exchange_error::lost;
    have += read;
    if (!head) {
      const auto parsed = parse_reply_head(std::string_view{buffer_}.substr(0, have));
      if (!parsed) co_return parsed.error();
      head = *parsed;
      if (!head) continue;
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

task<boost::system::result<reply, exchange_error>> connection::exchange(std::string_view request) {
  overdue_ = false;
  due_ = clock::now() + timeout_;
  if (!connected_) {
    const bool open = co_await connect();
    if (!open) co_return fail(exchange_error::unreachable);
  }
  const bool sent = co_await send(request);
  if (!sent) co_return fail(exchange_error::lost);
  auto answer = co_await receive();
  if (!answer) co_return fail(answer.error());
  due_ = clock::time_point::max();
  co_return answer;
}

}  // namespace lode::bench
