#pragma once
// What a right server never answers, found from the replies alone. One for a whole run: all threads tell it of what
// they were granted and what they give back.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace lode::bench {

/// An acknowledged allocation, and the operation that it came from.
struct holding {
  std::uint64_t op = 0;
  std::string_view request;  ///< the call: "allocate"
  double asked = 0;          ///< seconds since the run began
  double answered = 0;
  std::string hotkey;
  std::string uuid;  ///< secret: never in a text
};
/// "operation 17 (allocate, asked at 1.203 s, answered at 1.207 s)"
std::string describe(const holding& h);

/// A miner counts as held from the allocate reply until the deallocate request is sent: from then on the server may
/// have given it to the next, whose reply may be read first. Any thread.
class checks {
 public:
  void granted(holding h);
  /// The deallocate request of `op` is about to be sent, perhaps not for the first time.
  void releasing(std::string_view hotkey, std::uint64_t op);
  /// It was confirmed, or it was answered that there is nothing to give back.
  void released(std::string_view hotkey, std::uint64_t op);

  /// Something else that the server must never do.
  void violation(std::string text);

  /// Acknowledged and not asked to end.
  [[nodiscard]] std::vector<holding> held() const;
  [[nodiscard]] bool still_held(const holding& h) const;
  [[nodiscard]] bool is_held(std::string_view hotkey) const;
  /// The operation whose release of that very allocation was confirmed and after which nobody got the miner.
  [[nodiscard]] std::optional<holding> given_back(std::string_view hotkey, std::string_view uuid) const;
  /// Allocations whose end was not confirmed.
  [[nodiscard]] std::vector<holding> open() const;

  [[nodiscard]] std::uint64_t grants() const;
  /// The first ones, and how many there were.
  [[nodiscard]] std::vector<std::string> violations() const;
  [[nodiscard]] std::uint64_t violation_count() const;

 private:
  enum class state { held, releasing, free };
  struct miner {
    holding last;
    state now = state::held;
  };
  struct number {
    std::uint64_t high = 0, low = 0;
    friend bool operator==(const number&, const number&) = default;
  };
  struct hash {
    std::size_t operator()(const number& n) const noexcept { return n.high ^ (n.low * 0x9e3779b97f4a7c15U); }
  };
  static number number_of(std::string_view uuid) noexcept;
  void add_violation(std::string text);

  mutable std::mutex mutex_;
  std::map<std::string, miner, std::less<>> miners_;
  /// Allocations that were overtaken: granted while another one's release was not confirmed, or twice at once.
  std::map<std::uint64_t, holding> overtaken_;
  std::unordered_set<number, hash> uuids_;
  std::vector<std::string> violations_;
  std::uint64_t violation_count_ = 0;
  std::uint64_t grants_ = 0;
};

}  // namespace lode::bench
