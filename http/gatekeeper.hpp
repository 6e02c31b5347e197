#pragma once
// Who may come in: by address, then by API key. Asked for every request before its handler, on the io thread, without a
// message to an actor.

#include "crypto/key_ring.hpp"
#include "http/address_list.hpp"
#include "http/failure_limit.hpp"
#include "http/server/message.hpp"
#include "messages/access.hpp"
#include "telemetry/registry.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace lode::http {

struct access_rules {
  address_list allow;    ///< who may come in; empty: everybody
  address_list proxies;  ///< whose x-forwarded-for is believed
  std::uint32_t failures_per_minute = 30;
};

class gatekeeper {
 public:
  /// `keepers` hears of uses of keys; may be null. `into` outlives this.
  gatekeeper(std::shared_ptr<const crypto::key_board> keys, access_actor keepers, access_rules rules,
             telemetry::registry& into);

  void change(access_rules rules);

  /// Whether the client of this admitted request may come in by the rules of the moment at which it is asked, for
  /// connections that outlive their request. It may outlive this; io thread.
  [[nodiscard]] std::function<bool()> admission_of(const request& req) const;

  /// Finds out the client's address, which becomes req.peer_ip, and refuses those that may not come in. Unset: go on.
  std::optional<response> admit(request& req);

  /// Finds out who the caller is (req.caller, req.key_id) and refuses those that may not do this. Unset: go on.
  ///   no key in use    everybody, but no page of another site in a browser that happens to reach us
  ///   keys in use      a key whose role is at least `needs`; beside a client certificate where TLS demands one
  std::optional<response> authorize(request& req, role needs);

 private:
  response turned_away(const request& req);

  std::shared_ptr<const crypto::key_board> keys_;
  access_actor keepers_;
  std::shared_ptr<access_rules> rules_;  // admissions share them
  failure_limit failures_;
  telemetry::counter& by_address_;
  telemetry::counter& by_key_;
  telemetry::counter& by_role_;
  telemetry::counter& by_rate_;
};

}  // namespace lode::http
