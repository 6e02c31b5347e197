#include "links/connection_pool.hpp"

#include <cerrno>
#include <sys/socket.h>
#include <utility>

namespace lode::links {

namespace {

bool is_quiet(tcp_socket& s) noexcept {
  char byte = 0;
  const auto n = ::recv(s.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace

std::optional<tcp_socket> connection_pool::take(const tcp_endpoint& axon) {
  while (true) {
    const auto found = by_axon_.find(axon);
    if (found == by_axon_.end()) return std::nullopt;
    const auto last = found->second.back();
    auto socket = std::move(last->socket);
    drop(last);
    if (is_quiet(socket)) return socket;
  }
}

void connection_pool::put(const tcp_endpoint& axon, tcp_socket socket, steady_time now) {
  if (max_idle_ == 0 || max_idle_per_axon_ == 0) return;
  if (const auto found = by_axon_.find(axon); found != by_axon_.end() && found->second.size() >= max_idle_per_axon_) {
    drop(found->second.front());
  }
  if (by_age_.size() >= max_idle_) drop(by_age_.begin());
  by_age_.push_back({axon, std::move(socket), now + idle_timeout_});
  by_axon_[axon].push_back(std::prev(by_age_.end()));
}

std::optional<steady_time> connection_pool::sweep(steady_time now) {
  while (!by_age_.empty() && by_age_.front().due <= now) drop(by_age_.begin());
  if (by_age_.empty()) return std::nullopt;
  return by_age_.front().due;
}

void connection_pool::clear() {
  by_axon_.clear();
  by_age_.clear();
}

void connection_pool::drop(entries::iterator e) {
  const auto found = by_axon_.find(e->axon);
  found->second.remove(e);
  if (found->second.empty()) by_axon_.erase(found);
  by_age_.erase(e);
}

}  // namespace lode::links
