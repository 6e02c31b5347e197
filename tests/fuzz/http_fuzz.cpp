// libFuzzer: bytes from the network through the code that reads requests. What is checked beside the sanitizers:
// a request is the same however its bytes are cut, limits hold, and nothing unsafe comes out.
#include "http/server/access.hpp"
#include "http/server/reader.hpp"
#include "http/server/writer.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using lode::http::request;
using lode::http::request_reader;
using progress = request_reader::progress;

constexpr std::size_t header_bytes = 512;
constexpr std::size_t body_bytes = 256;

void must(bool holds) {
  if (!holds) std::abort();
}

// Reads all requests of `bytes` in pieces of `step` and returns what was understood.
std::string understood(std::string_view bytes, std::size_t step) {
  request_reader reader{header_bytes, body_bytes};
  std::string waiting;
  std::string out;
  while (reader.state() != progress::failed) {
    const std::size_t n = reader.feed(waiting);
    must(n <= waiting.size());
    waiting.erase(0, n);
    const request& r = reader.message();
    must(r.body.size() <= body_bytes);
    if (reader.state() == progress::complete) {
      must(lode::http::is_sane_request_id(r.request_id));
      must(r.path == "*" || !r.path.empty());
      out.append(r.method_text).append(" ").append(r.path).append("\n");
      for (const auto& [name, value] : r.query) out.append(name).append("=").append(value).append("\n");
      for (const auto& [name, value] : r.headers) out.append(name).append(":").append(value).append("\n");
      out.append(r.body).append(reader.keep_alive() ? "+" : "-");
      reader.reset();
      continue;
    }
    if (bytes.empty() || reader.state() == progress::failed) break;
    // Unparsed bytes are bounded, else a client could make a connection's buffer grow without end.
    must(waiting.size() <= header_bytes + step);
    waiting.append(bytes.substr(0, step));
    bytes.remove_prefix(std::min(step, bytes.size()));
  }
  if (reader.state() == progress::failed) {
    must(reader.failure_status() >= 400 && !reader.keep_alive());
    must(lode::http::is_sane_request_id(reader.message().request_id));
    out.append("failed");
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  if (size < header_bytes - 8) {
    // Below the limits, where a message is cut makes no difference to what is understood. The head is ended here,
    // because a bad byte in an unfinished one may be noticed late.
    const std::string ended = std::string{bytes} + "\r\n\r\n";
    const std::string whole = understood(ended, ended.size());
    must(whole == understood(ended, 1));
    must(whole == understood(ended, 1 + size / 3));
  } else {
    understood(bytes, 64);
  }

  const std::string decoded = lode::http::percent_decode(bytes, true);
  must(decoded.size() <= bytes.size());
  for (const auto& [name, value] : lode::http::parse_query(bytes)) must(name.size() + value.size() <= bytes.size());
  must(lode::http::is_sane_request_id(lode::http::take_request_id(bytes)));

  // Whatever a handler puts into a header, the head ends where the body begins.
  lode::http::response answer{200, "body"};
  answer.content_type = bytes;
  answer.headers.emplace_back("x", bytes);
  answer.headers.emplace_back(bytes, "y");
  std::string written;
  const lode::http::response_frame frame{"id", "date", true, false, false};
  lode::http::append_response(written, answer, frame);
  must(written.find("\r\n\r\n") == written.size() - 8 && written.ends_with("body"));
  return 0;
}
