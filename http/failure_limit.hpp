#pragma once
// How often an address may fail to say who it is. One thread.
//
// The limit is on failures only: whoever shows a key that holds is served whatever others at the same address (behind
// one NAT, or one proxy that is not told to us) do. It keeps the log, the audit log and the client's own mistake small;
// against guessing, the keys' 256 bits are enough.

#include <boost/asio/ip/address.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

namespace lode::http {

class failure_limit {
 public:
  using clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds window{60};
  static constexpr std::size_t most_addresses = 10'000;

  /// `per_minute` 0: any number.
  explicit failure_limit(std::uint32_t per_minute) : per_minute_(per_minute) {}
  void change(std::uint32_t per_minute) noexcept { per_minute_ = per_minute; }

  /// Notes one failure. Set when it is one too many: until then the address should wait. IPv6 addresses of one /64 are
  /// one client. Beyond most_addresses the oldest are forgotten first.
  std::optional<std::chrono::seconds> failed(const std::optional<boost::asio::ip::address>& from,
                                             clock::time_point now);
  [[nodiscard]] std::size_t addresses() const noexcept { return counts_.size(); }

 private:
  struct count {
    std::uint32_t failures = 0;
    clock::time_point ends;
  };
  std::uint32_t per_minute_;
  std::unordered_map<std::string, count> counts_;
  std::deque<std::string> by_age_;  ///< keys of counts_; all windows are equally long
};

}  // namespace lode::http
