// Names to addresses, given up in time.
#include "cli/wire_loop.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>

namespace lode::cli::wire {
namespace {

/// One question to the system's resolver. It belongs to us and to the thread that asks, whichever lets go last.
struct lookup {
  std::string host;
  std::string port;
  int done = ::eventfd(0, EFD_CLOEXEC);  ///< readable once the two below are set
  int code = 0;
  std::vector<tcp::endpoint> found;

  lookup(std::string h, std::string p) : host(std::move(h)), port(std::move(p)) {}
  ~lookup() { ::close(done); }
  lookup(const lookup&) = delete;
  lookup& operator=(const lookup&) = delete;

  void ask() {
    addrinfo wanted{};
    wanted.ai_flags = AI_ADDRCONFIG;
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    code = ::getaddrinfo(host.c_str(), port.c_str(), &wanted, &list);
    for (const auto* at = list; code == 0 && at; at = at->ai_next) {
      if (at->ai_family != AF_INET && at->ai_family != AF_INET6) continue;
      tcp::endpoint e;
      e.resize(at->ai_addrlen);
      std::memcpy(e.data(), at->ai_addr, at->ai_addrlen);
      found.push_back(e);
    }
    if (list) ::freeaddrinfo(list);
    constexpr std::uint64_t one = 1;
    [[maybe_unused]] const auto told = ::write(done, &one, sizeof one);
  }
};

}  // namespace

wire_result<std::vector<tcp::endpoint>> addresses_of(loop& l, const std::string& host, const std::string& port,
                                                     clock::time_point by) {
  error_code ec;
  if (const auto address = asio::ip::make_address(host, ec); !ec) {
    std::uint16_t number = 0;
    std::from_chars(port.data(), port.data() + port.size(), number);
    return std::vector{tcp::endpoint{address, number}};
  }
  const auto unknown = [&](const std::string& why) {
    return wire_error{wire_problem::unreachable, fmt::format("the name {} cannot be found: {}", host, why)};
  };
  // getaddrinfo(3) cannot be interrupted, and a name server that is silent takes it many seconds: it waits in a thread
  // that is left to itself when we no longer want to.
  auto question = std::make_shared<lookup>(host, port);
  const int ours = ::dup(question->done);
  if (ours < 0) return unknown(std::strerror(errno));
  asio::posix::stream_descriptor answered{l.io(), ours};
  std::thread{[question] { question->ask(); }}.detach();
  const auto stopped = l.await(
      by, ec, [&](auto done) { answered.async_wait(asio::posix::descriptor_base::wait_read, done); },
      [&] { answered.cancel(); });
  if (stopped == wire_problem::late) return unknown("no answer in time");
  if (stopped) return error_of(stopped, ec, wire_problem::unreachable, {});
  if (ec) return unknown(ec.message());
  if (question->code != 0) return unknown(::gai_strerror(question->code));
  if (question->found.empty()) return unknown("it has no address");
  return std::move(question->found);
}

}  // namespace lode::cli::wire
