#pragma once
// The axon: answers the signed calls Allocate and Specs of validators, with the statuses and words of existing axons.

#include "http/server/message.hpp"
#include "miner/nonce_table.hpp"
#include "miner/slot.hpp"
#include "miner/synapse.hpp"

#include <cstdint>
#include <functional>
#include <set>
#include <string>

namespace lode::miner {

struct axon_options {
  std::string hotkey;                ///< ours; calls signed for another are refused
  std::set<std::string> validators;  ///< hotkeys that may call; nobody else
  bool any_validator = false;        ///< whoever signs may call
  std::string ip = "0.0.0.0";        ///< told in reply headers
  std::uint16_t port = 0;            ///< the same
  std::int64_t version = 183;
  std::uint16_t ssh_port = 0;  ///< what an output says while there is no container: first of the range
};

/// Thread: the io thread. Outlives the server that calls it.
class axon {
 public:
  /// `specs` gives this machine's hardware as the JSON text of an object.
  axon(axon_options options, slot& s, std::function<task<result<std::string>>()> specs,
       std::function<std::int64_t()> now_ns);

  /// Answers any request. POST /Allocate and POST /Specs are calls; all else is refused.
  task<http::response> handle(http::request& r);
  /// How the server itself refuses (too large, too slow, overloaded).
  static http::response refusal(unsigned status, std::string_view message);
  void set_port(std::uint16_t port) { options_.port = port; }

 private:
  struct verdict;
  task<http::response> answer(http::request& r, const std::string& name);
  result<void> admit(const synapse_headers& h);
  task<slot_answer> dispatch(const allocate_body& b, const std::string& caller, bool& known);
  task<http::response> allocate(http::request& r, const synapse_headers& h);
  task<http::response> specs(http::request& r, const synapse_headers& h);
  http::response success(const http::request& r, const synapse_headers& h, const std::string& name, std::string body);

  axon_options options_;
  slot& slot_;
  std::function<task<result<std::string>>()> specs_;
  std::function<std::int64_t()> now_ns_;
  nonce_table nonces_;
};

}  // namespace lode::miner
