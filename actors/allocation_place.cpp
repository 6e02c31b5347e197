// Placing: check, key, intent, registration, record, reply.

#include "actors/allocation_frame.hpp"
#include "actors/key_forge.hpp"
#include "config/logging.hpp"
#include "crypto/crypto.hpp"
#include "crypto/key_exchange.hpp"
#include "messages/json.hpp"

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/json.hpp>

namespace lode::actors {
namespace {

constexpr std::chrono::milliseconds recheck_pause{3000};

/// The SSH access inside a miner's answer: {"username","password","port","version"?}.
std::optional<error> read_access(const std::string& plain, allocation_record& into) {
  const error nonsense{errc::miner_nonsense, "the SSH access in the miner's answer is incomplete"};
  boost::system::error_code ec;
  const auto value = boost::json::parse(plain, ec);
  const auto* object = ec ? nullptr : value.if_object();
  if (!object) return nonsense;
  const auto text = [&](const char* key) -> const boost::json::string* {
    const auto* v = object->if_contains(key);
    return v ? v->if_string() : nullptr;
  };
  const auto number = [&](const char* key, std::int64_t absent) {
    const auto* v = object->if_contains(key);
    return v && v->is_int64() ? v->get_int64() : absent;
  };
  const auto* username = text("username");
  const auto* password = text("password");
  const auto port = number("port", 0);
  if (!username || username->empty() || username->size() > 64 || !password || port < 1 || port > 65535) return nonsense;
  // The user name becomes part of a shell line that people copy.
  for (const char c : *username)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '-' && c != '.') return nonsense;
  into.ssh_username = *username;
  into.ssh_password = *password;
  into.ssh_port = static_cast<std::uint16_t>(port);
  into.miner_version = number("version", 0);
  return std::nullopt;
}

}  // namespace

caf::result<allocation> allocation_actor_state::start(place& p) {
  if (phase_ != phase::placing || placed_.pending()) return to_caf(errc::busy, "the miner's slot is taken");
  request_ = std::move(p);
  request_id_ = request_.ctx.request_id;
  checks_left_ = std::max(request_.check_tries, 1);
  auto promise = self_->make_response_promise<allocation>();
  placed_ = guarded<allocation>{promise};
  check_slot();
  return promise;
}

void allocation_actor_state::check_slot() {
  const auto left = remaining();
  if (left <= std::chrono::milliseconds::zero()) return give_up(to_caf(errc::deadline_exceeded));
  --checks_left_;
  auto call = make_call(miner_action::check, std::min(left, std::chrono::milliseconds{settings().check_timeout_ms}));
  call.timeline_days = request_.told_days;
  call.device = request_.device;
  call_miner(std::move(call), [this](const miner_reply& reply) { on_checked(reply); });
}

void allocation_actor_state::on_checked(const miner_reply& reply) {
  if (reply.answered_no) return give_up(to_caf(errc::busy, "the miner's slot is occupied"));
  if (!reply.ok()) {
    if (checks_left_ > 0 && !opts_.left) return arm_timer(retry_timer, now() + recheck_pause.count());
    // It did not look at the question: whether that is its fault or ours (no stake, an unregistered hotkey) is open.
    if (reply.code == errc::miner_refused) return give_up(to_caf(errc::forbidden, reply.detail));
    return give_up(to_caf(reply.code, reply.detail));
  }
  const auto kind = reply.takes_x25519 ? key_kind::x25519 : key_kind::rsa2048;
  record_.key = kind;
  if (kind == key_kind::x25519) {
    // Takes less than the way to the forge and back.
    auto pair = crypto::make_key_pair(kind);
    if (!pair) return give_up(to_caf(pair.error()));
    opts_.env->meters->forge.x25519.Increment();
    return reserve(forged_key{std::move(pair->public_pem), std::move(pair->private_pem)});
  }
  self_->request(opts_.env->forge, caf::infinite, forge_key{kind})
      .then([this](forged_key& key) { reserve(std::move(key)); }, [this](caf::error& e) { give_up(e); });
}

void allocation_actor_state::reserve(forged_key key) {
  if (remaining() <= std::chrono::milliseconds::zero()) return give_up(to_caf(errc::deadline_exceeded));
  auto& r = record_;
  r.hotkey = opts_.info.hotkey;
  r.uuid = crypto::uuid_v4();
  r.state = lode::allocation_state::reserving;
  r.public_key = std::move(key.public_pem);
  r.private_key = std::move(key.private_pem);
  r.resource = opts_.info.specs ? boost::algorithm::to_lower_copy(opts_.info.specs->gpu_name) : "";
  r.device = request_.device;
  r.docker = request_.docker;
  r.miner_timeline_days = request_.told_days;
  r.ssh_ip = opts_.info.ip;
  r.ssh_key = request_.docker.ssh_key;
  r.created_at = now();
  r.expires_at = r.created_at + request_.lease_days * day_ms;
  r.simulated = opts_.info.simulated;
  phase_ = phase::reserving;
  measure();
  self_
      ->request(opts_.env->ledger, caf::infinite,
                commit_allocation{record_, false, 0, "reserved", "", record_.created_at})
      .then(
          [this](const committed& c) {
            revision_ = c.revision;
            register_with_miner();
          },
          [this](caf::error& e) {
            // Refused before it was written: the miner knows nothing. Any other failure leaves the outcome open.
            if (from_caf(e).code == errc::overloaded) return give_up(e);
            crash(e);
          });
}

void allocation_actor_state::register_with_miner() {
  const auto left = remaining();
  if (left <= std::chrono::milliseconds::zero() || opts_.left)
    return erase_record(opts_.left ? "the hotkey left the metagraph" : "the request's deadline passed");
  auto call = make_call(miner_action::reg, std::min(left, request_.register_timeout));
  call.timeline_days = request_.told_days;
  call.device = record_.device;
  call.docker = record_.docker;
  call_miner(std::move(call), [this](miner_reply& reply) { on_registered(reply); });
}

void allocation_actor_state::on_registered(miner_reply& reply) {
  switch (reply.code) {
    case errc::none:
      if (record_.key == key_kind::x25519) {
        auto plain = crypto::decrypt_with(record_.private_key, reply.info, record_.public_key);
        if (!plain) return undo(error{errc::miner_nonsense, std::string{does_not_decrypt}}, false);
        return on_access(opened_info{std::move(*plain)});
      }
      self_->request(opts_.env->forge, caf::infinite, open_info{record_.private_key, std::move(reply.info)})
          .then([this](const opened_info& info) { on_access(info); },
                [this](caf::error& e) { undo(from_caf(e), false); });
      return;
    case errc::miner_unreachable:
    case errc::overloaded:
      // The call never arrived, so there is nothing to undo on the miner.
      placed_.fail(to_caf(reply.code, reply.detail));
      return erase_record("the miner was unreachable");
    case errc::miner_refused:
      return undo(error{reply.code, reply.detail}, false);
    default:
      // Raised an error, fell silent or talked nonsense: it may have made the container, or may still make it.
      return undo(error{reply.code, reply.detail}, true);
  }
}

void allocation_actor_state::on_access(const opened_info& info) {
  if (auto problem = read_access(info.plain, record_)) return undo(*problem, false);
  if (remaining() <= std::chrono::milliseconds::zero())
    return undo(error{errc::deadline_exceeded, "the request's deadline passed"}, false);
  record_.state = lode::allocation_state::active;
  commit(
      "allocated", "", false,
      [this] {
        phase_ = phase::live;
        arm_lease();
        tell_miner(false);
        placed_.deliver(view_of(record_));
        config::log_for(request_.ctx.request_id, spdlog::level::info, "allocation {}: active", record_.hotkey);
      },
      {}, answer_to_keep());
}

std::optional<kept_reply> allocation_actor_state::answer_to_keep() const {
  const auto& claim = request_.ctx.claim;
  if (!claim) return std::nullopt;
  kept_reply reply{claim->key, claim->fingerprint, now(), {}};
  write_json(reply.data, view_of(record_));
  return reply;
}

void allocation_actor_state::give_up(const caf::error& why) {
  phase_ = phase::ending;
  // The miner hears first that its slot is free, then the requester, who may ask it again at once.
  tell_miner(true);
  placed_.fail(why);
  self_->quit();
}

void allocation_actor_state::undo(const error& why, bool may_still_happen) {
  config::log_for(request_.ctx.request_id, spdlog::level::warn, "allocation {}: not made: {}", record_.hotkey,
                  why.to_string());
  if (may_still_happen) record_.settle_until = now() + settings().settle_ms;
  // Its client never had it.
  release("undone", why.to_string(), false);
  // The search may go on elsewhere now; this miner is not offered before the release is confirmed.
  placed_.fail(to_caf(why));
}

}  // namespace lode::actors
