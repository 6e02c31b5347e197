#include "actors/system.hpp"

#include "actors/access.hpp"
#include "actors/allocation_check.hpp"
#include "actors/event_hub.hpp"
#include "actors/idempotency.hpp"
#include "actors/key_forge.hpp"
#include "actors/lease_wheel.hpp"
#include "actors/ledger.hpp"
#include "actors/metagraph_refresh.hpp"
#include "actors/outbox.hpp"
#include "actors/registry.hpp"
#include "actors/scheduler.hpp"
#include "messages/caf_error.hpp"

#include <caf/all.hpp>
#include <spdlog/spdlog.h>

namespace lode::actors {
namespace {

unix_ms wall_clock() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// Miners and allocations are restarted by their supervisors. Without one of these the process cannot keep its
/// promises, so it ends and recovers.
template <class Handle>
void end_with(const Handle& actor, const char* name, const std::shared_ptr<std::atomic<bool>>& ending,
              const std::function<void(const error&)>& on_fatal) {
  caf::actor_cast<caf::abstract_actor*>(actor)->attach_functor([=](const caf::error& reason) {
    if (*ending) return;
    spdlog::critical("{} ended: {}", name, from_caf(reason).to_string());
    if (on_fatal) on_fatal(error{errc::internal, std::string{name} + " ended"});
  });
}

}  // namespace

void configure(caf::actor_system_config& cfg, const config::daemon_settings& settings) {
  // On a few cores more threads only add context switches.
  use_scheduler(cfg, static_cast<std::size_t>(settings.actors.threads));
  add_error_category(cfg);
}

actor_tree::actor_tree(caf::actor_system& sys, system_options options)
    : sys_(sys), env_(std::make_shared<environment>()) {
  const auto& settings = options.settings;
  env_->meters = std::make_shared<actor_meters>(options.metrics);
  ledger_options lo;
  lo.meters = env_->meters;
  lo.store = std::move(options.store);
  lo.sealer = std::move(options.sealer);
  lo.queue_limit = static_cast<std::size_t>(settings.ledger.queue);
  lo.on_failed = options.on_fatal;
  env_->ledger = sys.spawn<caf::detached>(actors::ledger, std::move(lo));

  hub_options ho;
  ho.meters = env_->meters;
  ho.keep = static_cast<std::size_t>(settings.events.keep);
  if (settings.events.keep_mb > 0) ho.keep_bytes = static_cast<std::size_t>(settings.events.keep_mb) << 20U;
  ho.keep_for = std::chrono::hours{24 * settings.events.keep_days};
  ho.now = wall_clock;
  hub_ = sys.spawn(event_hub, env_->ledger, ho);

  forge_options fo;
  fo.meters = env_->meters;
  fo.pool = static_cast<std::size_t>(settings.forge.pool);
  fo.queue_limit = static_cast<std::size_t>(settings.forge.queue);
  env_->forge = sys.spawn<caf::detached>(key_forge, fo);
  env_->wheel = sys.spawn(lease_wheel, wheel_options{std::chrono::milliseconds{100}, wall_clock});
  env_->outbox = sys.spawn(actors::outbox, outbox_options{env_->ledger, env_->wheel, std::move(options.webhooks),
                                                          outbox_limits_from(settings), wall_clock, env_->meters});
  env_->settings = settings;
  env_->link = std::move(options.link);
  env_->now = wall_clock;

  registry_ = sys.spawn(actors::registry, registry_options{env_, options.on_recovered, options.on_fatal});
  idempotency_ = sys.spawn(actors::idempotency, idempotency_options{env_, registry_, options.on_fatal});
  access_ = sys.spawn(actors::access,
                      access_options{env_->ledger, std::move(options.keys), std::move(options.board), wall_clock});
  metagraph_options mo;
  mo.registry = registry_;
  mo.file = settings.miners.file;
  mo.simulated = std::move(options.simulated);
  mo.refresh_every = std::chrono::seconds{settings.metagraph.refresh_seconds};
  // Detached: it reads files.
  jobs_.push_back(sys.spawn<caf::detached>(metagraph_refresh, std::move(mo)));
  jobs_.push_back(
      sys.spawn(allocation_check, registry_, std::chrono::milliseconds{settings.jobs.allocation_check_seconds * 1000}));

  end_with(env_->ledger, "ledger", ending_, options.on_fatal);
  end_with(hub_, "event_hub", ending_, options.on_fatal);
  end_with(env_->forge, "key_forge", ending_, options.on_fatal);
  end_with(env_->wheel, "lease_wheel", ending_, options.on_fatal);
  end_with(env_->outbox, "outbox", ending_, options.on_fatal);
  end_with(registry_, "registry", ending_, options.on_fatal);
  end_with(access_, "access", ending_, options.on_fatal);
  end_with(idempotency_, "idempotency", ending_, options.on_fatal);
  for (const auto& job : jobs_) end_with(job, "a job", ending_, options.on_fatal);
}

actor_tree::~actor_tree() {
  if (!stopped_) stop(std::chrono::seconds{5});
}

bool actor_tree::stop(std::chrono::milliseconds bound) {
  stopped_ = true;
  *ending_ = true;
  bool in_time = true;
  caf::scoped_actor self{sys_};
  for (const auto& job : jobs_) self->send_exit(job, caf::exit_reason::user_shutdown);
  jobs_.clear();
  self->request(registry_, bound, stop_all{}).receive([](done&) {}, [&](caf::error&) { in_time = false; });
  self->send_exit(registry_, caf::exit_reason::user_shutdown);
  self->send_exit(idempotency_, caf::exit_reason::user_shutdown);
  self->send_exit(access_, caf::exit_reason::user_shutdown);
  self->send_exit(hub_, caf::exit_reason::user_shutdown);
  self->send_exit(env_->outbox, caf::exit_reason::user_shutdown);
  self->send_exit(env_->forge, caf::exit_reason::user_shutdown);
  self->send_exit(env_->wheel, caf::exit_reason::user_shutdown);
  // Behind every commit that was sent to it, so its end means that they are durable.
  self->send_exit(env_->ledger, caf::exit_reason::user_shutdown);
  self->wait_for(env_->ledger);
  registry_ = nullptr;
  idempotency_ = nullptr;
  access_ = nullptr;
  hub_ = nullptr;
  env_.reset();
  return in_time;
}

}  // namespace lode::actors
