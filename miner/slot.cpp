#include "miner/slot.hpp"

#include "crypto/crypto.hpp"
#include "crypto/key_exchange.hpp"
#include "miner/background.hpp"
#include "miner/ssh_access.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace lode::miner {

namespace {

constexpr std::size_t remembered_ends = 1024;
constexpr std::size_t waiting_operations = 32;
constexpr std::size_t password_length = 10;
constexpr std::int64_t longest_lease_days = 36500;
constexpr unix_ms day_ms = 86'400'000;

std::string short_id(const std::string& allocation) { return allocation.substr(0, 12); }

}  // namespace

/// A register under way: made by the first caller, waited for by all with the same key.
struct slot::registration {
  explicit registration(boost::asio::io_context& io) : cancel(io), done(io) {}
  event cancel;
  event done;
  slot_answer answer;  ///< once `done`, when it failed
  std::string password;
};

slot_answer slot_answer::no(std::string why) {
  slot_answer a;
  a.reason = std::move(why);
  return a;
}

slot_answer slot_answer::ok() {
  slot_answer a;
  a.yes = true;
  return a;
}

slot::slot(boost::asio::io_context& io, slot_store& store, engine& e, container_maker& maker,
           const rental_options& rentals, const host_capacity& host, slot_options options, std::function<unix_ms()> now)
    : io_(io),
      store_(store),
      engine_(e),
      maker_(maker),
      rentals_(rentals),
      host_(host),
      options_(options),
      now_(std::move(now)),
      operations_(io, 1, waiting_operations),
      stopping_(std::make_shared<event>(io)),
      lease_changed_(std::make_shared<event>(io)) {}

result<void> slot::load() {
  auto loaded = store_.load();
  if (loaded.has_error()) return loaded.error();
  record_ = std::move(*loaded);
  return {};
}

result<void> slot::save(slot_record next) {
  auto saved = store_.save(next);
  if (saved.has_error()) {
    spdlog::error("slot: state not saved: {}", saved.error().detail);
    return saved;
  }
  if (next.phase != record_.phase) {
    spdlog::info("slot: {} -> {} (allocation {})", to_string(record_.phase), to_string(next.phase),
                 short_id(next.phase == slot_phase::free ? record_.allocation : next.allocation));
  }
  record_ = std::move(next);
  lease_changed_->set();
  lease_changed_ = std::make_shared<event>(io_);
  return saved;
}

unix_ms slot::lease_end() const {
  const bool held = record_.phase == slot_phase::occupied || record_.phase == slot_phase::removing;
  return held ? record_.expires_at : 0;
}

task<slot_answer> slot::check() {
  if (record_.phase != slot_phase::free) co_return slot_answer::no("occupied");
  if (stopping_->is_set()) co_return slot_answer::no("the miner is shutting down");
  if (!engine_reachable_) co_return slot_answer::no("the container engine does not answer");
  co_return slot_answer::ok();
}

task<slot_answer> slot::holds(std::string public_key) {
  const bool made = record_.phase == slot_phase::occupied || record_.phase == slot_phase::removing;
  if (!made || !crypto::constant_time_equal(record_.allocation, allocation_id(public_key))) {
    co_return slot_answer::no("no container under this key");
  }
  // A no would let the validator forget a container that is still to be removed.
  if (record_.phase == slot_phase::removing) co_return slot_answer::ok();
  auto state = co_await engine_.inspect(record_.container_id, false);
  if (state.has_error() && state.error() != errc::not_found) co_return slot_answer::ok();
  if (state.has_error()) co_return slot_answer::no(state.error().to_string());
  const bool lives = state->status == container_status::running || state->status == container_status::paused;
  co_return lives ? slot_answer::ok() : slot_answer::no("the container does not run");
}

task<slot_answer> slot::reg(std::string public_key, std::string validator, std::int64_t days, rental_request request) {
  const auto allocation = allocation_id(public_key);
  if (record_.phase != slot_phase::free) {
    if (!crypto::constant_time_equal(record_.allocation, allocation) || record_.validator != validator) {
      co_return slot_answer::no("occupied");
    }
    if (record_.phase == slot_phase::registering && current_) {
      const auto joined = current_;
      co_await joined->done.wait();
      if (!joined->answer.yes) co_return joined->answer;
    }
    if (record_.phase == slot_phase::occupied && record_.allocation == allocation) co_return co_await access();
    co_return slot_answer::no("the slot is being emptied");
  }
  if (std::find(ended_.begin(), ended_.end(), allocation) != ended_.end())
    co_return slot_answer::no("this allocation was deregistered before");
  if (stopping_->is_set()) co_return slot_answer::no("the miner is shutting down");
  if (auto kind = crypto::kind_of_public_key(public_key); kind.has_error()) {
    co_return slot_answer::no("public_key is not a PEM public key of RSA (2048 bits or more) or X25519");
  }
  if (days > longest_lease_days) co_return slot_answer::no("timeline is too long");
  auto plan = plan_rental(rentals_, host_, request, allocation);
  if (plan.has_error()) co_return slot_answer::no(plan.error().detail);

  // The intent, with all that a second try under the same key would need, is durable before the engine hears of it.
  slot_record next;
  next.phase = slot_phase::registering;
  next.public_key = std::move(public_key);
  next.allocation = allocation;
  next.validator = std::move(validator);
  next.password = crypto::random_password(password_length);
  next.user_key = plan->user_key;
  next.created_at = now_();
  next.expires_at = next.created_at + days * day_ms;
  if (auto saved = save(std::move(next)); saved.has_error())
    co_return slot_answer::no("the miner cannot save its state");

  // In a coroutine of its own: it reaches a defined end whether the caller waits or not.
  const auto mine = std::make_shared<registration>(io_);
  current_ = mine;
  start_task(io_, "register", run_registration(mine, std::move(*plan)));
  co_await mine->done.wait();
  if (!mine->answer.yes) co_return mine->answer;
  // Between the end and this line a deregister may have emptied the slot again.
  if (record_.phase != slot_phase::occupied || record_.allocation != allocation) {
    co_return slot_answer::no("deregistered meanwhile");
  }
  co_return co_await access();
}

task<void> slot::run_registration(std::shared_ptr<registration> r, rental_plan plan) {
  const auto pass = co_await operations_.enter();
  result<rental> made = error{errc::overloaded, "too many operations wait"};
  if (pass && !r->cancel.is_set()) {
    made = co_await maker_.make(plan, record_.password, r->cancel);
  }
  if (made && r->cancel.is_set()) made = error{errc::shutting_down, "cancelled"};
  if (made) {
    auto next = record_;
    next.phase = slot_phase::occupied;
    next.container_id = made->container_id;
    next.port = made->port;
    next.host_key = made->host_key;
    if (auto saved = save(std::move(next)); saved.has_error()) made = saved.error();
  }
  if (made) {
    missing_ = 0;
    r->answer = slot_answer::ok();
  } else {
    spdlog::warn("allocation {}: register failed: {}", short_id(plan.allocation), made.error().to_string());
    co_await empty_slot("register failed");
    r->answer = slot_answer::no(made.error().detail);
  }
  current_.reset();
  r->done.set();
}

// The caller has the operations pass. No answer but yes leaves the phase at removing, to be tried again.
task<slot_answer> slot::empty_slot(std::string why) {
  const auto allocation = record_.allocation;
  if (record_.phase != slot_phase::removing) {
    spdlog::info("allocation {}: removing ({})", short_id(allocation), why);
    auto next = record_;
    next.phase = slot_phase::removing;
    crypto::wipe(next.password);
    next.password.clear();
    if (auto saved = save(std::move(next)); saved.has_error()) {
      co_return slot_answer::no("the miner cannot save its state");
    }
  }
  if (auto removed = co_await maker_.remove_all(allocation); removed.has_error()) {
    spdlog::warn("allocation {}: not removed yet: {}", short_id(allocation), removed.error().to_string());
    co_return slot_answer::no("the container is not removed yet: " + removed.error().detail);
  }
  if (auto saved = save(slot_record{}); saved.has_error()) co_return slot_answer::no("the miner cannot save its state");
  co_return slot_answer::ok();
}

void slot::remember_ended(const std::string& allocation) {
  // In memory only: a register that outlives this process has lost its connection.
  if (std::find(ended_.begin(), ended_.end(), allocation) != ended_.end()) return;
  ended_.push_back(allocation);
  if (ended_.size() > remembered_ends) ended_.pop_front();
}

task<slot_answer> slot::deregister(std::string public_key) {
  const auto allocation = allocation_id(public_key);
  remember_ended(allocation);
  if (record_.phase == slot_phase::free) co_return slot_answer::ok();
  if (!crypto::constant_time_equal(record_.allocation, allocation)) {
    co_return slot_answer::no("the slot is held under another key");
  }
  if (const auto running = current_) {
    running->cancel.set();
    co_await running->done.wait();
  }
  const auto pass = co_await operations_.enter();
  if (!pass) co_return slot_answer::no("too many operations wait");
  // While we waited it may have been emptied, and even be held by another.
  if (record_.phase == slot_phase::free || record_.allocation != allocation) co_return slot_answer::ok();
  co_return co_await empty_slot("deregistered");
}

task<slot_answer> slot::access() {
  boost::json::object plain;
  plain["username"] = "root";
  plain["password"] = record_.password;
  plain["port"] = record_.port;
  plain["version"] = options_.version;
  std::string text = boost::json::serialize(plain);
  auto sealed = crypto::encrypt_to(record_.public_key, text);
  crypto::wipe(text);
  if (sealed.has_error()) co_return slot_answer::no("public_key cannot be encrypted to");
  auto answer = slot_answer::ok();
  answer.info = std::move(*sealed);
  co_return answer;
}

task<void> slot::stop() {
  stopping_->set();
  if (const auto running = current_) {
    running->cancel.set();
    co_await running->done.wait();
  }
  co_await operations_.enter();
}

}  // namespace lode::miner
