#include "actors/key_forge.hpp"

#include "crypto/key_exchange.hpp"
#include "messages/caf_error.hpp"

#include <caf/all.hpp>
#include <spdlog/spdlog.h>

namespace lode::actors {
namespace {

caf::result<forged_key> make(key_kind kind) {
  auto pair = crypto::make_key_pair(kind);
  if (!pair) return to_caf(pair.error());
  return forged_key{std::move(pair->public_pem), std::move(pair->private_pem)};
}

rsa_maker_actor::behavior_type rsa_maker(rsa_maker_actor::pointer /*self*/) {
  return {[](const make_rsa_key&) { return make(key_kind::rsa2048); }};
}

}  // namespace

caf::result<forged_key> key_forge_state::forge(key_kind kind) {
  const auto& meters = options_.meters->forge;
  if (kind == key_kind::x25519) {
    meters.x25519.Increment();
    return make(kind);
  }
  if (!pool_.empty()) {
    auto key = std::move(pool_.front());
    pool_.pop_front();
    measure();
    keep_full();
    return key;
  }
  if (waiting_.size() >= options_.queue_limit) {
    meters.overloaded.Increment();
    return to_caf(errc::overloaded, "too many requests wait for an RSA key");
  }
  auto promise = self_->make_response_promise<forged_key>();
  waiting_.emplace_back(promise);
  measure();
  keep_full();
  return promise;
}

void key_forge_state::keep_full() {
  if (making_ || (waiting_.empty() && pool_.size() >= options_.pool)) return;
  making_ = true;
  self_->request(maker_, caf::infinite, make_rsa_key{})
      .then([this](forged_key& key) { on_made(std::move(key)); },
            [this](caf::error& e) {
              making_ = false;
              spdlog::error("key_forge: no RSA key could be made: {}", from_caf(e).to_string());
              for (auto& w : waiting_) w.fail(e);
              waiting_.clear();
              measure();
            });
}

void key_forge_state::on_made(forged_key key) {
  making_ = false;
  options_.meters->forge.rsa.Increment();
  if (waiting_.empty()) {
    pool_.push_back(std::move(key));
  } else {
    waiting_.front().deliver(std::move(key));
    waiting_.pop_front();
  }
  measure();
  keep_full();
}

void key_forge_state::measure() const {
  options_.meters->forge.ready.Set(static_cast<double>(pool_.size()));
  options_.meters->forge.waiting.Set(static_cast<double>(waiting_.size()));
}

key_forge_actor::behavior_type key_forge_state::behavior(forge_options options) {
  options_ = std::move(options);
  measure();
  // Linked: without its maker the forge is of no use, and the maker must not outlive it.
  maker_ =
      options_.detached ? self_->spawn<caf::linked + caf::detached>(rsa_maker) : self_->spawn<caf::linked>(rsa_maker);
  keep_full();
  return {
      [this](const forge_key& f) { return forge(f.kind); },
      [](const open_info& o) -> caf::result<opened_info> {
        auto plain = crypto::decrypt_with(o.private_pem, o.info);
        if (!plain) return to_caf(errc::miner_nonsense, does_not_decrypt);
        return opened_info{std::move(*plain)};
      },
  };
}

key_forge_actor::behavior_type key_forge(key_forge_actor::stateful_pointer<key_forge_state> self,
                                         forge_options options) {
  return self->state.behavior(std::move(options));
}

}  // namespace lode::actors
