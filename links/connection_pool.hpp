#pragma once
// Kept-alive connections to axons. Internal to links/; not thread-safe: one strand.

#include "links/transfer.hpp"

#include <cstddef>
#include <list>
#include <map>
#include <optional>

namespace lode::links {

class connection_pool {
 public:
  connection_pool(std::size_t max_idle, std::size_t max_idle_per_axon, std::chrono::milliseconds idle_timeout)
      : max_idle_(max_idle), max_idle_per_axon_(max_idle_per_axon), idle_timeout_(idle_timeout) {}

  /// The connection that was used last. Those that the axon has closed meanwhile, or sent something unasked, are
  /// dropped on the way.
  std::optional<tcp_socket> take(const tcp_endpoint& axon);
  /// Keeps an idle connection, or closes it, or closes the one that has been idle longest, as the bounds ask.
  void put(const tcp_endpoint& axon, tcp_socket socket, steady_time now);
  /// Closes what has been idle for too long. When the next is due, if any is left.
  std::optional<steady_time> sweep(steady_time now);
  void clear();
  [[nodiscard]] std::size_t size() const noexcept { return by_age_.size(); }

 private:
  struct entry {
    tcp_endpoint axon;
    tcp_socket socket;
    steady_time due;
  };
  using entries = std::list<entry>;
  void drop(entries::iterator e);

  const std::size_t max_idle_;
  const std::size_t max_idle_per_axon_;
  const std::chrono::milliseconds idle_timeout_;
  entries by_age_;  // oldest first
  std::map<tcp_endpoint, std::list<entries::iterator>> by_axon_;
};

}  // namespace lode::links
