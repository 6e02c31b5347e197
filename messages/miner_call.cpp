#include "messages/miner_call.hpp"

namespace lode {

std::string_view to_string(miner_action a) noexcept {
  switch (a) {
    case miner_action::check:
      return "check";
    case miner_action::holds:
      return "holds";
    case miner_action::reg:
      return "register";
    case miner_action::deregister:
      return "deregister";
    case miner_action::restart:
      return "restart";
    case miner_action::pause:
      return "pause";
    case miner_action::unpause:
      return "unpause";
    case miner_action::exchange_key:
      return "exchange_key";
    case miner_action::specs:
      return "specs";
  }
  return "unknown";
}

std::string_view to_string(ssh_state s) noexcept {
  switch (s) {
    case ssh_state::open:
      return "open";
    case ssh_state::silent:
      return "silent";
    case ssh_state::closed:
      return "closed";
    case ssh_state::unknown:
      return "unknown";
  }
  return "unknown";
}

}  // namespace lode
