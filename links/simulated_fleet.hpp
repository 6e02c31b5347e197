#pragma once
// What simulated miners are made of: their hardware, their luck and their one container. Internal to links/; no I/O and
// no threads of its own.

#include "crypto/key_exchange.hpp"
#include "messages/miner_call.hpp"
#include "messages/types.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace lode::links {

/// Deterministic numbers, drawn one after the other from a starting point.
class dice {
 public:
  /// `words` name what is drawn for; equal words give equal numbers.
  explicit dice(std::initializer_list<std::uint64_t> words) noexcept;
  std::uint64_t next() noexcept;
  /// In [0, 1).
  double share() noexcept;
  /// In [0, n); n > 0.
  std::uint64_t below(std::uint64_t n) noexcept { return next() % n; }

 private:
  std::uint64_t state_ = 0;
};

/// The hardware of a miner, as a subnet may have it: most with one card or several, one in ten with none.
miner_specs draw_specs(dice& d);

/// The hotkey, address and hardware of miner `index` of the fleet of `seed`.
miner_info make_simulated_miner(std::uint64_t seed, std::uint64_t index);

/// Specs in the shape that a miner reports them.
std::string specs_json_of(const miner_specs& s);

/// The container slot of one simulated miner.
class simulated_slot {
 public:
  /// `boxes` encrypts what the miner says; it must outlive the slot.
  simulated_slot(const miner_info& of, bool rsa_only, std::uint64_t seed, std::uint64_t index,
                 const crypto::box_maker& boxes);

  /// Acts on the call and says what an axon would have answered; unlucky outcomes are the caller's.
  miner_reply act(const miner_call& c);

  [[nodiscard]] bool occupied() const noexcept { return held_.has_value(); }
  /// What a probe of `port` sees.
  [[nodiscard]] ssh_state probe(std::uint16_t port) const noexcept;
  [[nodiscard]] std::uint64_t registers_on_occupied() const noexcept { return on_occupied_; }

 private:
  struct container {
    std::string public_key;
    std::string info;
    bool paused = false;
  };
  miner_reply reg(const miner_call& c);
  miner_reply deregister(const miner_call& c);
  miner_reply exchange_key(const miner_call& c);

  const crypto::box_maker* boxes_;
  std::string specs_json_;
  bool rsa_only_;
  std::uint16_t port_;
  std::uint64_t seed_;
  std::uint64_t index_;
  std::uint64_t made_ = 0;
  std::uint64_t on_occupied_ = 0;
  std::optional<container> held_;
  std::deque<std::string> ended_;  // public keys that were deregistered, the newest last
};

}  // namespace lode::links
