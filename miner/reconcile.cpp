// How the slot's record and the engine are brought together again after whatever happened to either.

#include "miner/slot.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace lode::miner {

namespace {
constexpr int grace_cycles = 2;
constexpr std::int64_t mib = 1 << 20;

std::string label(const std::map<std::string, std::string>& labels, const char* key) {
  const auto it = labels.find(key);
  return it == labels.end() ? std::string{} : it->second;
}
}  // namespace

task<result<void>> slot::reconcile() {
  auto alive = co_await engine_.ping();
  if (alive.has_value() != engine_reachable_) {
    if (alive) {
      spdlog::info("container engine answers ({})", *alive == engine_dialect::podman ? "Podman" : "Docker");
    } else {
      spdlog::error("container engine does not answer: {}", alive.error().detail);
    }
  }
  engine_reachable_ = alive.has_value();
  if (alive.has_error()) co_return alive.error();
  const auto pass = co_await operations_.enter();
  if (!pass) co_return error{errc::overloaded, "too many operations wait"};
  co_await finish_interrupted();
  co_await adopt();
  co_return co_await remove_unknown();
}

task<result<void>> slot::end_lease() {
  const auto pass = co_await operations_.enter();
  if (!pass) co_return error{errc::overloaded, "too many operations wait"};
  const auto end = lease_end();
  if (end == 0 || now_() < end) co_return result<void>{};
  const auto emptied = co_await empty_slot("the lease is over");
  if (!emptied.yes) co_return error{errc::engine_failed, emptied.reason};
  co_return result<void>{};
}

task<void> slot::log_usage() {
  if (record_.phase != slot_phase::occupied || record_.paused) co_return;
  const auto name = record_.allocation.substr(0, 12);
  // Not under the operations pass: a renter's call need not wait for figures.
  const auto usage = co_await engine_.stats(record_.container_id);
  if (usage.has_error()) {
    spdlog::debug("allocation {}: no figures: {}", name, usage.error().to_string());
    co_return;
  }
  spdlog::debug("allocation {}: memory {} of {} MiB, {:.3f} s of CPU since its start, {} processes", name,
                usage->memory_bytes / mib, usage->memory_limit / mib, static_cast<double>(usage->cpu_total_ns) / 1e9,
                usage->pids);
}

// We have the operations pass. A register that waits for it has `current_` and is not interrupted.
task<void> slot::finish_interrupted() {
  if (record_.phase == slot_phase::registering && !current_) {
    // Its caller never had an answer and will deregister or ask again; a half-made container is of no use to it.
    co_await empty_slot("an interrupted register");
  } else if (record_.phase == slot_phase::removing) {
    co_await empty_slot("an interrupted removal");
  } else if (record_.phase == slot_phase::occupied && now_() >= record_.expires_at) {
    co_await empty_slot("the lease is over");
  }
}

task<void> slot::adopt() {
  if (record_.phase != slot_phase::occupied) co_return;
  const auto name = record_.allocation.substr(0, 12);
  auto state = co_await engine_.inspect(record_.container_id, false);
  if (state.has_error() && state.error() == errc::not_found) {
    // One cycle of grace: an engine that has just started may not know all yet.
    if (++missing_ < grace_cycles) {
      spdlog::warn("allocation {}: the engine does not know its container", name);
      co_return;
    }
    spdlog::error("allocation {}: its container is gone from the engine, freeing the slot", name);
    co_await empty_slot("its container is gone");
    missing_ = 0;
    co_return;
  }
  missing_ = 0;
  if (state.has_error()) {
    spdlog::warn("allocation {}: not inspected: {}", name, state.error().detail);
    co_return;
  }
  const bool paused = state->status == container_status::paused;
  if (paused != record_.paused) {
    auto next = record_;
    next.paused = paused;
    // Not saved: the next cycle sees the same difference and tries again.
    if (save(std::move(next)))
      spdlog::info("allocation {}: {} as the engine says", name, paused ? "paused" : "not paused");
  }
  const bool stopped = state->status == container_status::exited || state->status == container_status::created;
  if (stopped) {
    // After a reboot of the host nobody else starts it again.
    auto started = co_await engine_.start(record_.container_id);
    if (started) {
      spdlog::info("allocation {}: its container had stopped and was started again", name);
    } else {
      spdlog::error("allocation {}: its container has stopped and does not start: {}", name, started.error().detail);
    }
  }
}

bool slot::is_known(const container_state& c) const {
  if (record_.phase == slot_phase::free) return false;
  if (label(c.labels, label_allocation) != record_.allocation) return false;
  // While registering or removing, all of the allocation's belongs to the operation; else only the container itself.
  return record_.phase != slot_phase::occupied || c.id == record_.container_id;
}

task<result<void>> slot::remove_unknown() {
  auto containers = co_await engine_.list(label_owner, rentals_.owner);
  if (containers.has_error()) co_return containers.error();
  auto images = co_await engine_.list_images(label_owner, rentals_.owner);
  if (images.has_error()) co_return images.error();

  std::set<std::string> seen;
  for (const auto& c : *containers) {
    if (is_known(c)) continue;
    if (!unknown_.contains(c.id) || options_.dry_run) {
      spdlog::warn("container {} ({}) carries our label and nobody knows it{}", c.id.substr(0, 12), c.name,
                   options_.dry_run ? "; left alone (dry run)" : "; to be removed in the next cycle");
      seen.insert(c.id);
      continue;
    }
    spdlog::warn("container {} ({}): removing, nobody knows it", c.id.substr(0, 12), c.name);
    if (auto gone = co_await maker_.remove_until_gone(c.id); gone.has_error()) {
      spdlog::error("container {}: not removed: {}", c.id.substr(0, 12), gone.error().detail);
      seen.insert(c.id);
    }
  }
  for (const auto& image : *images) {
    const auto allocation = label(image.labels, label_allocation);
    if (record_.phase != slot_phase::free && allocation == record_.allocation) continue;
    if (!unknown_.contains(image.id) || options_.dry_run) {
      seen.insert(image.id);
      continue;
    }
    auto gone = co_await engine_.remove_image(image.tags.empty() ? image.id : image.tags.front());
    if (gone.has_error() && gone.error() != errc::not_found) {
      spdlog::warn("image {}: not removed: {}", image.id, gone.error().detail);
      seen.insert(image.id);
    } else {
      spdlog::info("image {}: removed, no allocation uses it", image.id);
    }
  }
  unknown_ = std::move(seen);
  co_return result<void>{};
}

}  // namespace lode::miner
