// Waits, the greeting of an SSH server, and the end of a certificate.
#include "cli/wire_loop.hpp"

#include <boost/asio/read_until.hpp>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace lode::cli {

bool wait_for(milliseconds time, const std::function<void()>& on_tick) {
  wire::loop l{on_tick};
  return l.pause_until(wire::clock::now() + time);
}

wire_result<bool> ssh_greets(const std::string& host, const std::string& port, const patience& p) {
  constexpr milliseconds between{500};
  constexpr std::size_t longest = 255;  // RFC 4253, 4.2
  wire::loop l{p.on_tick};
  const auto by = wire::clock::now() + p.whole;
  while (true) {
    const auto try_by = std::min(by, wire::clock::now() + p.connect);
    auto socket = wire::connect(l, host, port, try_by);
    if (socket) {
      std::string line;
      wire::error_code ec;
      const auto stopped = l.await(
          try_by, ec,
          [&](auto done) {
            boost::asio::async_read_until(*socket, boost::asio::dynamic_buffer(line, longest), '\n', done);
          },
          [&] {
            wire::error_code ignored;
            socket->close(ignored);
          });
      if (!stopped && line.starts_with("SSH-")) return true;
    }
    if (l.interrupted()) return wire_error{wire_problem::interrupted, {}};
    const auto again = wire::clock::now() + between;
    if (again >= by) return false;
    if (!l.pause_until(again)) return wire_error{wire_problem::interrupted, {}};
  }
}

outcome<std::string> certificate_end(const std::string& file) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> in{std::fopen(file.c_str(), "rbe"), std::fclose};
  if (!in) return failure{ending::failed, file + ": " + std::strerror(errno), {}};
  const std::unique_ptr<X509, void (*)(X509*)> read{PEM_read_X509(in.get(), nullptr, nullptr, nullptr), X509_free};
  if (!read) return failure{ending::failed, file + ": no certificate in PEM form", {}};
  return wire::rfc3339(X509_get0_notAfter(read.get()));
}

void throw_exception_from_error(const wire_error& e, const boost::source_location&) {
  throw std::logic_error("value() on an error: " + e.detail);
}

void throw_exception_from_error(const failure& f, const boost::source_location&) {
  throw std::logic_error("value() on a failure: " + f.what);
}

}  // namespace lode::cli
