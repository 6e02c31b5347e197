#pragma once
// Which nonces a signed call may carry. Pure but for its own state; one thread.

#include "messages/error.hpp"

#include <cstddef>
#include <cstdint>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

namespace lode::miner {

struct nonce_limits {
  std::int64_t allowed_delta_ns = 4'000'000'000;      ///< how far behind ours a caller's clock may be
  std::int64_t longest_timeout_ns = 120'000'000'000;  ///< a caller's time limit widens the window up to this
  std::int64_t ahead_ns = 3'600'000'000'000;          ///< how far ahead
  std::size_t entries = 65536;
};

/// A nonce is the caller's clock in nanoseconds and grows for each hotkey and UUID. The reference keeps every pair
/// until restart and believes the caller's own time limit and version, which nobody signs: both let an old call be
/// replayed. Here the window always holds, is bounded, and a pair is forgotten only when its nonce has left it for
/// good.
class nonce_table {
 public:
  /// `started_ns`: nonces from before this process are refused for unknown pairs, since what they were used for is
  /// forgotten.
  nonce_table(nonce_limits limits, std::int64_t started_ns) : limits_(limits), started_ns_(started_ns) {}

  /// Whether the call may go on; changes nothing. The error's detail is what existing axons say.
  [[nodiscard]] result<void> check(const std::string& pair, std::int64_t nonce, std::int64_t timeout_ns,
                                   std::int64_t now_ns) const;

  /// Remembers a nonce whose signature was verified. overloaded when the table is full: the call must be refused.
  result<void> remember(const std::string& pair, std::int64_t nonce, std::int64_t now_ns);

  [[nodiscard]] std::size_t size() const { return last_.size(); }

 private:
  struct aged {
    std::int64_t nonce;
    std::string pair;
    friend bool operator>(const aged& a, const aged& b) { return a.nonce > b.nonce; }
  };
  void forget_old(std::int64_t now_ns);
  [[nodiscard]] std::int64_t window_start(std::int64_t now_ns, std::int64_t timeout_ns) const;

  nonce_limits limits_;
  std::int64_t started_ns_;
  std::unordered_map<std::string, std::int64_t> last_;
  std::priority_queue<aged, std::vector<aged>, std::greater<>> by_age_;
};

}  // namespace lode::miner
