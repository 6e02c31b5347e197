#pragma once
// An HTTP server on loopback, on a thread of its own, that answers by a function of the request. Over TLS where it gets
// certificates.

#include <boost/asio/ssl/context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace lode::bench {

struct scripted_request {
  std::string line;  ///< without HTTP/1.1
  std::string head;
  std::string body;
  double at = 0;  ///< seconds since the server was made
};

struct scripted_answer {
  unsigned status = 200;
  std::string body;
  std::chrono::milliseconds after{0};  ///< it waits so long, others meanwhile being answered
  std::string raw;                     ///< sent instead of a reply with a content-length
  bool then_close = false;

  scripted_answer(unsigned s, std::string b) : status(s), body(std::move(b)) {}
};

class scripted_server {
 public:
  /// No answer closes the connection without a byte. The script runs on the server's thread, one call at a time.
  using script = std::function<std::optional<scripted_answer>(const scripted_request&)>;

  /// `tls` outlives it; null: plain HTTP.
  explicit scripted_server(script s, boost::asio::ssl::context* tls = nullptr);
  ~scripted_server();
  scripted_server(const scripted_server&) = delete;
  scripted_server& operator=(const scripted_server&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::string url() const;
  /// Connections accepted so far.
  [[nodiscard]] std::size_t accepted() const;

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

/// Miners are numbered: the last digits of the hotkey.
std::string hotkey_of(unsigned miner);
std::string uuid_of(unsigned allocation);

/// A server that is right, on some miners, with listings. A derived one cheats.
class right_daemon {
 public:
  explicit right_daemon(unsigned miners);
  virtual ~right_daemon() = default;
  right_daemon(const right_daemon&) = delete;
  right_daemon& operator=(const right_daemon&) = delete;

  std::optional<scripted_answer> operator()(const scripted_request& r);

  /// After the server has ended.
  std::size_t live() const { return live_.size(); }
  unsigned allocations() const { return allocations_; }

 protected:
  struct allocation {
    unsigned miner = 0;
    std::string uuid;
    std::string ssh_key;
  };
  virtual std::optional<scripted_answer> allocate(const scripted_request& r, std::optional<unsigned> wanted);
  virtual std::optional<scripted_answer> deallocate(const scripted_request& r);
  virtual std::optional<scripted_answer> list_allocations(const scripted_request& r);
  std::optional<scripted_answer> list_resources() const;
  scripted_answer grant(unsigned miner, const std::string& uuid, const scripted_request& r);

  unsigned miners_;
  unsigned allocations_ = 0;
  std::vector<allocation> live_;
};

}  // namespace lode::bench
