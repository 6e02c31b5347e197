// What a validator can do with the container it rented: restart, pause, unpause, exchange a key.

#include "crypto/crypto.hpp"
#include "miner/slot.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace lode::miner {

using namespace std::chrono_literals;

namespace {
constexpr auto stop_grace = 1s;
constexpr std::size_t longest_key = 16 * 1024;

slot_answer from(const result<void>& r) { return r ? slot_answer::ok() : slot_answer::no(r.error().detail); }
}  // namespace

// Runs `action` alone, with the engine's view of the container of `validator`.
task<result<slot_answer>> slot::act(std::string validator, std::function<task<slot_answer>(container_state)> action) {
  const auto pass = co_await operations_.enter();
  if (!pass) co_return slot_answer::no("too many operations wait");
  if (record_.phase != slot_phase::occupied) co_return slot_answer::no("no container");
  if (record_.validator != validator) co_return slot_answer::no("the container belongs to another validator");
  auto state = co_await engine_.inspect(record_.container_id, false);
  if (state.has_error()) co_return slot_answer::no(state.error().detail);
  co_return co_await action(std::move(*state));
}

task<slot_answer> slot::pause(std::string validator) {
  const auto action = [this](container_state state) -> task<slot_answer> {
    if (state.status == container_status::paused) co_return slot_answer::no("already paused");
    if (state.status != container_status::running) co_return slot_answer::no("the container does not run");
    auto done = co_await engine_.pause(state.id);
    if (done) {
      auto next = record_;
      next.paused = true;
      done = save(std::move(next));
    }
    co_return from(done);
  };
  auto answer = co_await act(std::move(validator), action);
  co_return *answer;
}

task<slot_answer> slot::unpause(std::string validator) {
  const auto action = [this](container_state state) -> task<slot_answer> {
    if (state.status != container_status::paused) co_return slot_answer::no("not paused");
    auto done = co_await engine_.unpause(state.id);
    if (done) {
      auto next = record_;
      next.paused = false;
      done = save(std::move(next));
    }
    co_return from(done);
  };
  auto answer = co_await act(std::move(validator), action);
  co_return *answer;
}

task<slot_answer> slot::restart(std::string validator) {
  const auto action = [this](container_state state) { return restart_container(std::move(state)); };
  auto answer = co_await act(std::move(validator), action);
  co_return *answer;
}

task<slot_answer> slot::restart_container(container_state state) {
  // Podman refuses to restart or stop a paused container.
  if (state.status == container_status::paused) {
    if (auto done = co_await engine_.unpause(state.id); done.has_error())
      co_return slot_answer::no(done.error().detail);
    state.status = container_status::running;
  }
  const bool runs = state.status == container_status::running || state.status == container_status::restarting;
  result<void> done;
  if (runs) done = co_await engine_.stop(state.id, stop_grace);
  if (done) done = co_await engine_.start(state.id);
  if (record_.paused) {
    auto next = record_;
    next.paused = false;
    if (auto saved = save(std::move(next)); saved.has_error())
      co_return slot_answer::no("the miner cannot save its state");
  }
  if (done) done = co_await maker_.wait_until_ready(state.id, record_.port, *stopping_);
  co_return from(done);
}

task<slot_answer> slot::exchange_key(std::string validator, std::string ssh_key, std::string key_type) {
  if (key_type != "user" && key_type != "terminal") co_return slot_answer::no("key_type is neither user nor terminal");
  if (ssh_key.size() > longest_key || !crypto::is_openssh_public_key(ssh_key)) {
    co_return slot_answer::no("ssh_key is not one OpenSSH public key line");
  }
  const auto action = [this, ssh_key, key_type](container_state state) {
    return replace_key(std::move(state), ssh_key, key_type);
  };
  auto answer = co_await act(std::move(validator), action);
  co_return *answer;
}

task<slot_answer> slot::replace_key(container_state state, std::string ssh_key, std::string key_type) {
  auto next = record_;
  (key_type == "user" ? next.user_key : next.terminal_key) = std::move(ssh_key);
  const bool paused = state.status == container_status::paused;
  const bool lives =
      paused || state.status == container_status::running || state.status == container_status::restarting;
  // sshd reads the file at each login, so a running container need not be restarted.
  if (!lives) co_return from(co_await put_and_save(state.id, std::move(next)));
  auto sees = co_await maker_.sees(state.id, record_.host_key);
  if (sees.has_error()) co_return slot_answer::no(sees.error().detail);
  if (*sees) co_return from(co_await put_and_save(state.id, std::move(next)));
  if (paused) co_return slot_answer::no("the container is paused and its files are out of reach: unpause it first");

  spdlog::warn(
      "allocation {}: the engine shows files that are not those of the running container; stopping it for the "
      "exchange of a key",
      record_.allocation.substr(0, 12));
  if (auto stopped = co_await engine_.stop(state.id, stop_grace); stopped.has_error()) {
    co_return slot_answer::no(stopped.error().detail);
  }
  auto put = co_await put_and_save(state.id, std::move(next));
  auto up = co_await engine_.start(state.id);
  if (up) up = co_await maker_.wait_until_ready(state.id, record_.port, *stopping_);
  if (put && up.has_error()) co_return slot_answer::no("the key is exchanged, but then: " + up.error().detail);
  co_return from(put);
}

// On an error the keys of the record are put back, so that "no" means the old ones.
task<result<void>> slot::put_and_save(std::string id, slot_record next) {
  auto done = co_await maker_.put_keys(id, next.user_key, next.terminal_key);
  if (done) done = save(std::move(next));
  if (done) co_return done;
  if (auto back = co_await maker_.put_keys(id, record_.user_key, record_.terminal_key); back.has_error()) {
    spdlog::error("allocation {}: a key was not exchanged and the old one could not be put back: {}",
                  record_.allocation.substr(0, 12), back.error().detail);
  }
  co_return done;
}

}  // namespace lode::miner
