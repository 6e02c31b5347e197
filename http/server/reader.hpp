#pragma once
// Bytes in, requests out: Beast's parser filling a `request`, without sockets and without Beast in this header.

#include "http/server/message.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace lode::http {

/// Reads one request after another from a stream of bytes. Not thread-safe. Beyond Beast's own checks it refuses what
/// lets two parsers disagree on where a request ends: a transfer coding other than plain "chunked", several hosts.
class request_reader {
 public:
  enum class progress : unsigned char { need_more, complete, failed };

  /// Limits in bytes: of the start line and header fields (also of one chunk header or the trailer), and of the body.
  request_reader(std::size_t header_bytes, std::size_t body_bytes);
  ~request_reader();
  request_reader(const request_reader&) = delete;
  request_reader& operator=(const request_reader&) = delete;

  /// Forgets the request and begins the next.
  void reset();

  /// Takes what it can from the front of `bytes` and returns how many bytes that was; the rest must be offered again,
  /// followed by more. After complete or failed it takes nothing.
  std::size_t feed(std::string_view bytes);

  [[nodiscard]] progress state() const noexcept;
  /// A byte of the request has been seen (empty lines before it do not count).
  [[nodiscard]] bool started() const noexcept;
  [[nodiscard]] bool head_complete() const noexcept;
  /// The head asks for "100 Continue" before the body is sent.
  [[nodiscard]] bool wants_continue() const noexcept;
  /// The client is ready for another request on this connection. Always false after a failure.
  [[nodiscard]] bool keep_alive() const noexcept;
  [[nodiscard]] bool http10() const noexcept;

  /// Why it failed, as a status (400, 413, 431, 501, 505) and a sentence. Meaningful after `failed` only.
  [[nodiscard]] unsigned failure_status() const noexcept;
  [[nodiscard]] const std::string& failure_text() const noexcept;

  /// The request; whole after `complete`. After a failure what was read of it, with a request id in any case.
  request& message() noexcept;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace lode::http
