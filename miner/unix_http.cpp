#include "miner/unix_http.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace lode::miner {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;

namespace {

using stream = beast::basic_stream<net::local::stream_protocol, http::executor>;
constexpr auto tuple_await = net::as_tuple_t<net::use_awaitable_t<http::executor>>{};

bhttp::verb beast_verb(http::verb v) {
  switch (v) {
    case http::verb::get:
      return bhttp::verb::get;
    case http::verb::head:
      return bhttp::verb::head;
    case http::verb::post:
      return bhttp::verb::post;
    case http::verb::put:
      return bhttp::verb::put;
    case http::verb::del:
      return bhttp::verb::delete_;
    default:
      return bhttp::verb::get;
  }
}

error transport_error(std::string_view step, const boost::system::error_code& ec) {
  if (ec == beast::error::timeout) return {errc::deadline_exceeded, fmt::format("no answer in time ({})", step)};
  if (ec == bhttp::error::body_limit) return {errc::engine_failed, "answered more than the bound on a reply"};
  return {errc::engine_unreachable, fmt::format("{}: {}", step, ec.message())};
}

bhttp::request<bhttp::string_body> beast_request(unix_request& r) {
  bhttp::request<bhttp::string_body> out{beast_verb(r.method), r.target, 11};
  out.set(bhttp::field::host, "engine");
  out.set(bhttp::field::user_agent, "lode-miner");
  out.set(bhttp::field::connection, "close");
  if (!r.content_type.empty()) {
    out.set(bhttp::field::content_type, r.content_type);
    out.body() = std::move(r.body);
  }
  out.prepare_payload();
  return out;
}

}  // namespace

std::string_view unix_reply::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if ((u < 0x80 && std::isalnum(u) != 0) || c == '-' || c == '_' || c == '.' || c == '~') {
      out += c;
    } else {
      out += fmt::format("%{:02X}", u);
    }
  }
  return out;
}

http::task<result<unix_reply>> send_over_unix_socket(std::string socket, unix_request request) {
  if (socket.empty() || socket.size() > 107) {
    co_return error{errc::engine_unreachable, "the path of a Unix socket has 1 to 107 characters"};
  }
  stream s{co_await net::this_coro::executor};
  s.expires_after(request.timeout);
  const net::local::stream_protocol::endpoint endpoint{socket};
  auto [connect_error] = co_await s.async_connect(endpoint, tuple_await);
  if (connect_error) {
    // A connect that timed out sent nothing, so nothing can act on it.
    co_return error{errc::engine_unreachable, fmt::format("{}: {}", socket, connect_error.message())};
  }

  const bool is_head = request.method == http::verb::head;
  const std::size_t bound = request.reply_bytes;
  auto message = beast_request(request);
  auto [write_error, written] = co_await bhttp::async_write(s, message, tuple_await);
  if (write_error == beast::error::timeout) co_return transport_error("send", write_error);
  (void)written;

  beast::flat_buffer buffer;
  bhttp::response_parser<bhttp::string_body> parser;
  parser.body_limit(bound);
  parser.skip(is_head);
  auto [read_error, got] = co_await bhttp::async_read(s, buffer, parser, tuple_await);
  (void)got;
  if (read_error && !(write_error && parser.is_header_done())) {
    co_return write_error ? transport_error("send", write_error) : transport_error("receive", read_error);
  }

  auto response = parser.release();
  unix_reply reply;
  reply.status = response.result_int();
  reply.body = std::move(response.body());
  for (const auto& field : response) {
    std::string name{field.name_string()};
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    reply.headers.emplace_back(std::move(name), std::string{field.value()});
  }
  co_return reply;
}

}  // namespace lode::miner
