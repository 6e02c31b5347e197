#include "http/server/reader.hpp"

#include "http/server/access.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>

namespace lode::http {
namespace {

namespace beast_http = boost::beast::http;
using boost::beast::error_code;
using boost::beast::iequals;
using boost::beast::string_view;

verb verb_of(beast_http::verb v) noexcept {
  switch (v) {
    case beast_http::verb::get:
      return verb::get;
    case beast_http::verb::head:
      return verb::head;
    case beast_http::verb::post:
      return verb::post;
    case beast_http::verb::put:
      return verb::put;
    case beast_http::verb::patch:
      return verb::patch;
    case beast_http::verb::delete_:
      return verb::del;
    case beast_http::verb::options:
      return verb::options;
    default:
      return verb::other;
  }
}

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(string_view text) {
  std::string out(text.size(), '\0');
  std::transform(text.begin(), text.end(), out.begin(), [](char c) { return lower(c); });
  return out;
}

// What our own checks found, where Beast has no error for it.
struct refusal {
  unsigned status = 0;
  std::string_view text;
};

// Fills a request directly, so that no field is copied twice.
class parser final : public beast_http::basic_parser<true> {
 public:
  parser(request& r, refusal& why, std::size_t header_bytes, std::size_t body_bytes) : request_(r), why_(why) {
    eager(true);
    header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(header_bytes, UINT32_MAX)));
    body_limit(body_bytes);
  }

  [[nodiscard]] bool expects_continue() const noexcept { return expects_continue_; }
  [[nodiscard]] bool http11() const noexcept { return http11_; }

 private:
  void on_request_impl(beast_http::verb method, string_view text, string_view target, int version,
                       error_code& ec) override {
    request_.method = verb_of(method);
    request_.method_text.assign(text.data(), text.size());
    request_.target.assign(target.data(), target.size());
    http11_ = version >= 11;
    if (!split_target(request_.target, request_.path, request_.query)) refuse(400, "Malformed request target", ec);
  }

  void on_response_impl(int, string_view, int, error_code& ec) override { ec = beast_http::error::bad_version; }

  void on_field_impl(beast_http::field field, string_view name, string_view value, error_code& ec) override {
    if (in_body_) return;  // a trailer: nothing here needs one, and it must not pass for a header
    if (field == beast_http::field::host && hosts_++ > 0) return refuse(400, "More than one Host header", ec);
    if (field == beast_http::field::transfer_encoding && (!http11_ || !iequals(value, "chunked")))
      return refuse(http11_ ? 501 : 400, "Unsupported transfer coding", ec);
    if (field == beast_http::field::expect && http11_ && iequals(value, "100-continue")) expects_continue_ = true;
    std::string key = lower(name);
    for (auto& [have, values] : request_.headers)
      if (have == key) {
        values.append(", ").append(value.data(), value.size());
        return;
      }
    request_.headers.emplace_back(std::move(key), std::string{value.data(), value.size()});
  }

  void on_header_impl(error_code& ec) override {
    in_body_ = true;
    if (http11_ && hosts_ == 0) return refuse(400, "Missing Host header", ec);
    request_.arrived = std::chrono::steady_clock::now();
  }

  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override {
    // Not more than this on the client's word alone.
    if (length) request_.body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*length, 65536)));
  }

  std::size_t on_body_impl(string_view body, error_code&) override {
    request_.body.append(body.data(), body.size());
    return body.size();
  }

  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}

  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override {
    request_.body.append(body.data(), body.size());
    return body.size();
  }

  void on_finish_impl(error_code&) override {}

  void refuse(unsigned status, std::string_view text, error_code& ec) {
    why_ = refusal{status, text};
    ec = beast_http::error::bad_field;
  }

  request& request_;
  refusal& why_;
  int hosts_ = 0;
  bool http11_ = true;
  bool expects_continue_ = false;
  bool in_body_ = false;
};

}  // namespace

struct request_reader::impl {
  impl(std::size_t h, std::size_t b) : header_bytes(h), body_bytes(b) {}

  std::size_t header_bytes;
  std::size_t body_bytes;
  request current;
  refusal why;
  std::optional<parser> beast;
  progress at = progress::need_more;
  std::size_t head_taken = 0;
  bool started = false;
  std::string text;

  void begin() {
    current = request{};
    why = {};
    at = progress::need_more;
    head_taken = 0;
    started = false;
    text.clear();
    beast.emplace(current, why, header_bytes, body_bytes);
  }

  void take_id() { current.request_id = take_request_id(current.header("x-request-id").value_or("")); }

  void fail(unsigned status, std::string_view message) {
    at = progress::failed;
    why = refusal{status, message};
    text = message;
    take_id();
  }

  void fail(const error_code& ec) {
    if (why.status != 0) return fail(why.status, why.text);
    if (ec == beast_http::error::body_limit) return fail(413, "Request body too large");
    if (ec == beast_http::error::header_limit || ec == beast_http::error::buffer_overflow)
      return fail(431, "Request header too large");
    if (ec == beast_http::error::bad_version) return fail(505, "HTTP version not supported");
    fail(400, "Malformed HTTP request");
  }
};

request_reader::request_reader(std::size_t header_bytes, std::size_t body_bytes)
    : impl_(std::make_unique<impl>(header_bytes, body_bytes)) {
  impl_->begin();
}

request_reader::~request_reader() = default;

void request_reader::reset() { impl_->begin(); }

std::size_t request_reader::feed(std::string_view bytes) {
  impl& s = *impl_;
  std::size_t taken = 0;
  // RFC 9112 2.2: empty lines before the start line are skipped.
  while (s.at == progress::need_more && !s.started && bytes.substr(taken).starts_with("\r\n")) {
    taken += 2;
    s.head_taken += 2;
  }
  if (s.at == progress::need_more && s.head_taken > s.header_bytes) s.fail(431, "Request header too large");
  if (!s.started && bytes.substr(taken) == "\r") return taken;
  while (s.at == progress::need_more && taken < bytes.size()) {
    s.started = true;
    const bool in_head = !s.beast->is_header_done();
    const std::string_view rest = bytes.substr(taken);
    error_code ec;
    const std::size_t n = s.beast->put(boost::asio::const_buffer(rest.data(), rest.size()), ec);
    taken += n;
    if (in_head) {
      // Beast bounds one unparsed piece; a header that trickles in line by line is bounded here.
      s.head_taken += s.beast->is_header_done() ? 0 : n;
      if (s.head_taken + (s.beast->is_header_done() ? 0 : rest.size() - n) > s.header_bytes)
        ec = beast_http::error::header_limit;
    }
    if (ec && ec != beast_http::error::need_more) {
      s.fail(ec);
    } else if (s.beast->is_done()) {
      s.take_id();
      s.at = progress::complete;
    } else if (ec) {
      if (rest.size() - n > s.header_bytes) s.fail(400, "Chunk header too large");
      break;
    }
  }
  return taken;
}

request_reader::progress request_reader::state() const noexcept { return impl_->at; }
bool request_reader::started() const noexcept { return impl_->started; }
bool request_reader::head_complete() const noexcept { return impl_->beast->is_header_done(); }
bool request_reader::wants_continue() const noexcept {
  return head_complete() && impl_->at == progress::need_more && impl_->beast->expects_continue();
}
bool request_reader::keep_alive() const noexcept {
  return impl_->at == progress::complete && impl_->beast->keep_alive();
}
bool request_reader::http10() const noexcept { return !impl_->beast->http11(); }
unsigned request_reader::failure_status() const noexcept { return impl_->why.status; }
const std::string& request_reader::failure_text() const noexcept { return impl_->text; }
request& request_reader::message() noexcept { return impl_->current; }

}  // namespace lode::http
