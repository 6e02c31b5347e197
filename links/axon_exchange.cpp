#include "links/axon_exchange.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <fmt/format.h>

#include <optional>
#include <sstream>

namespace lode::links {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr std::uint32_t max_head_bytes = 64 * 1024;  // an answer repeats our headers, and error texts go there as well
constexpr int max_interim = 8;

using request_message = bhttp::request<bhttp::string_body>;
using answer_parser = bhttp::response_parser<bhttp::string_body>;

request_message message_of(const tcp_endpoint& axon, synapse_request s) {
  request_message m{bhttp::verb::post, s.target, 11};
  std::ostringstream host;
  host << axon;  // brackets an IPv6 address
  m.set(bhttp::field::host, host.str());
  m.set(bhttp::field::content_type, "application/json");
  m.set(bhttp::field::accept, "application/json");
  for (const auto& [name, value] : s.headers) m.insert(name, value);
  m.body() = std::move(s.body);
  m.prepare_payload();
  return m;
}

exchange_outcome ended(errc code, std::string detail) {
  exchange_outcome o;
  o.reply.code = code;
  o.reply.detail = std::move(detail);
  return o;
}

exchange_outcome over(const transfer& t) {
  if (t.stopped()) return ended(errc::shutting_down, "the link was closed before the answer");
  return ended(errc::miner_timed_out, "no answer in time");
}

// What a read that failed says. `some`: a part of the answer was there. `interim`: a 1xx came before.
exchange_outcome broken(const error_code& ec, bool some, bool interim) {
  if (ec == asio::error::timed_out || ec == asio::error::host_unreachable || ec == asio::error::network_unreachable) {
    return ended(errc::miner_timed_out, "the connection was lost: " + ec.message());
  }
  if (interim) return ended(errc::miner_failed, "an interim answer and then none");
  if (some) {
    if (ec == bhttp::error::body_limit) return ended(errc::miner_nonsense, "the answer is too long");
    if (ec == bhttp::error::header_limit) return ended(errc::miner_nonsense, "the head of the answer is too long");
    const bool cut = ec == bhttp::error::partial_message || ec == asio::error::eof ||
                     ec == asio::error::connection_reset || ec == asio::error::broken_pipe;
    if (cut) return ended(errc::miner_nonsense, "the answer was cut off");
    return ended(errc::miner_nonsense, "the answer is not HTTP: " + ec.message());
  }
  auto o = ended(errc::miner_failed, "the connection was closed without an answer");
  o.unanswered = true;
  return o;
}

// No true interim answer has a body or a type of one. Existing miners put 100 in place of the status of an error.
bool is_error_with_status_100(const answer_parser::value_type& m) {
  return m.result_int() == 100 &&
         (m.count(bhttp::field::content_length) > 0 || m.count(bhttp::field::content_type) > 0 ||
          m.count(bhttp::field::transfer_encoding) > 0);
}

}  // namespace

strand_task<exchange_outcome> exchange(std::shared_ptr<transfer> t, tcp_endpoint axon, miner_action action,
                                       synapse_request request, std::size_t max_reply_bytes) {
  error_code ec;
  auto message = message_of(axon, std::move(request));
  if (t->over()) co_return over(*t);
  // An axon may refuse before it has read everything, so a failed write is no reason not to look for an answer.
  co_await bhttp::async_write(t->socket, message, asio::redirect_error(await, ec));

  beast::flat_buffer buffer;
  std::optional<answer_parser> parser;
  bool interim = false;
  for (int i = 0; i <= max_interim; ++i) {
    if (t->over()) co_return over(*t);
    parser.emplace();
    parser->header_limit(max_head_bytes);
    parser->body_limit(max_reply_bytes);
    co_await bhttp::async_read_header(t->socket, buffer, *parser, asio::redirect_error(await, ec));
    if (t->over()) co_return over(*t);
    if (ec) co_return broken(ec, parser->got_some() || buffer.size() > 0, interim);
    const auto status = parser->get().result_int();
    if (status / 100 != 1 || status == 101) break;
    if (is_error_with_status_100(parser->get())) co_return ended(errc::miner_failed, "HTTP 100 as an error");
    interim = true;
    if (i == max_interim) co_return ended(errc::miner_nonsense, "nothing but interim answers");
  }
  if (!parser->is_done()) {
    co_await bhttp::async_read(t->socket, buffer, *parser, asio::redirect_error(await, ec));
    if (t->over()) co_return over(*t);
    if (ec) co_return broken(ec, true, false);
  }
  const auto& answer = parser->get();
  exchange_outcome o;
  o.reply = decode_answer(action, answer.result_int(), answer.body());
  o.reusable = parser->keep_alive() && buffer.size() == 0 && answer.result_int() != 101;
  co_return o;
}

}  // namespace lode::links
