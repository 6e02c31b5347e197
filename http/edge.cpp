#include "http/edge.hpp"

#include "http/audit_log.hpp"
#include "http/docs_assets.hpp"
#include "http/edge_metrics.hpp"
#include "http/endpoint.hpp"
#include "http/event_feed.hpp"
#include "http/openapi.hpp"
#include "http/page_cache.hpp"
#include "http/replies.hpp"
#include "http/reply_port.hpp"
#include "http/server/router.hpp"

#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <utility>

namespace lode::http {
namespace {

response enveloped(unsigned status, std::string_view message) { return failed(status, message); }

task<response> ready(response r) { co_return r; }

spdlog::level::level_enum level_of(access_log which, unsigned status) {
  if (which == access_log::off) return spdlog::level::off;
  if (status == 429) return spdlog::level::debug;  // else whoever is told to wait could fill the log
  if (status >= 500) return spdlog::level::warn;
  return status >= 400 || which == access_log::all ? spdlog::level::info : spdlog::level::debug;
}

void log_access(access_log which, const request& req, unsigned status) {
  const auto level = level_of(which, status);
  if (level == spdlog::level::off || !spdlog::should_log(level)) return;
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - req.arrived;
  // The path, not the target: a query may hold a UUID or a key.
  spdlog::log(level, "[{}] {} {} {} {} {} {:.1f} ms", req.request_id, req.peer_ip,
              req.caller.empty() ? "-" : printable(req.caller), req.method_text, printable(req.path), status,
              took.count());
}

class running_edge final : public edge {
 public:
  running_edge(boost::asio::io_context& io, caf::actor_system& sys, const edge_settings& settings, edge_actors actors)
      : io_(io.get_executor()),
        sys_(sys),
        metrics_(settings.metrics),
        counts_(*metrics_),
        audit_lost_(
            metrics_->make_counter("lode_audit_lost_total", "Lines of the audit log that could not be written.")),
        document_(openapi_document(endpoints(), settings.version)),
        live_(settings.live),
        gate_(settings.keys, actors.access, settings.live.access, *metrics_),
        port_owner_(sys, io),
        pages_(std::move(actors.listings), {}),
        context_{port_owner_.get(), std::move(actors.registry), settings.reply_timeout},
        route_(router::as_handler(routes())) {
    context_.outbox = std::move(actors.outbox);
    context_.document = document_;
    context_.counts = &counts_;
    context_.metrics = metrics_.get();
    context_.access = std::move(actors.access);
    context_.keys = settings.keys;
    context_.pages = &pages_;
    context_.gate = &gate_;
    context_.idempotency = std::move(actors.idempotency);
    if (!actors.events || !actors.ledger) return;
    feed_ = std::make_shared<event_feed>(io.get_executor(), port_owner_.get(), std::move(actors.events),
                                         std::move(actors.ledger), settings.keepalive);
    context_.feed = feed_.get();
  }

  // Of the server's handlers none may run after this.
  ~running_edge() override {
    self_.reset();
    server_.reset();
    if (feed_) feed_->stop();
  }
  running_edge(const running_edge&) = delete;
  running_edge& operator=(const running_edge&) = delete;

  result<void> start(boost::asio::io_context& io, const edge_settings& settings) {
    std::shared_ptr<tls_context> tls;
    if (settings.tls.enabled()) {
      auto loaded = load_tls(settings.tls);
      if (!loaded) return loaded.error();
      tls = std::move(*loaded);
    }
    secured_ = tls != nullptr;
    auto started = start_server(
        io, settings.listen, [this](request& req) { return handle(req); }, enveloped, settings.limits, std::move(tls));
    if (!started) return started.error();
    server_ = std::move(*started);
    counts_.watch(server_->stats());
    if (feed_) boost::asio::post(io, [feed = feed_, &sys = sys_] { feed->start(sys); });
    return {};
  }

  [[nodiscard]] std::string address() const override { return server_->address(); }
  [[nodiscard]] std::string url() const override { return (secured_ ? "https://" : "http://") + address(); }
  [[nodiscard]] std::uint16_t port() const override { return server_->port(); }
  [[nodiscard]] const server_stats& stats() const override { return server_->stats(); }
  void stop(std::chrono::milliseconds bound, std::function<void()> done) override {
    server_->stop(bound, [feed = feed_, done = std::move(done)] {
      if (feed) feed->stop();
      done();
    });
  }
  result<void> reload_tls(const tls_settings& settings) override { return server_->reload_tls(settings); }
  void apply(live_settings settings) override {
    boost::asio::post(io_, [weak = std::weak_ptr<running_edge*>{self_}, settings = std::move(settings)]() mutable {
      const auto self = weak.lock();
      if (!self) return;
      (*self)->gate_.change(settings.access);
      (*self)->live_ = std::move(settings);
    });
  }

 private:
  // Looks at every request once it is over, so also when its handler throws or is cancelled.
  class observation {
   public:
    observation(running_edge& edge, const request& req) : edge_(edge), req_(req) {}
    ~observation() {
      if (!answered_) edge_.observed(req_, nullptr);
    }
    observation(const observation&) = delete;
    observation& operator=(const observation&) = delete;
    void answered(const response& r) {
      answered_ = true;
      edge_.observed(req_, &r);
    }

   private:
    running_edge& edge_;
    const request& req_;
    bool answered_ = false;
  };

  task<response> handle(request& req) {
    response r;
    observation watch{*this, req};
    auto refused = gate_.admit(req);
    if (refused)
      r = std::move(*refused);
    else
      r = co_await route_(req);
    watch.answered(r);
    co_return r;
  }

  void observed(const request& req, const response* reply) noexcept {
    const unsigned status = reply == nullptr ? 0 : reply->upgrade ? 101 : reply->status;
    counts_.answered(req, status, std::chrono::steady_clock::now() - req.arrived);
    try {
      if (reply != nullptr) log_access(live_.log, req, status);
      const auto row = static_cast<std::size_t>(req.route);
      if (!live_.audit || req.route < 0 || row >= endpoints().size() || status == 429) return;
      const auto& e = endpoints()[row];
      if (is_audited(e) && !live_.audit->write(audit_line(req, e, reply))) audit_lost_.Increment();
    } catch (const std::exception& e) {
      spdlog::error("a request cannot be written to the log: {}", e.what());
    }
  }
  std::shared_ptr<const router> routes() {
    auto r = std::make_shared<router>(enveloped);
    for (const endpoint& e : endpoints()) {
      const int route = counts_.add_route(to_string(e.method), e.path);
      r->add(e.method, std::string{e.path}, [this, route, run = e.run, needs = e.needs](request& req) {
        req.route = route;
        if (auto refused = gate_.authorize(req, needs)) return ready(std::move(*refused));
        return run(context_, req);
      });
    }
    for (const docs_asset& a : docs_assets()) {
      const int route = counts_.add_route(to_string(verb::get), a.path);
      r->add(verb::get, std::string{a.path}, [&a, route](request& req) {
        req.route = route;
        return serve(a);
      });
    }
    return r;
  }

  executor io_;
  caf::actor_system& sys_;
  telemetry::registry_ptr metrics_;
  edge_metrics counts_;
  telemetry::counter& audit_lost_;
  std::string document_;
  live_settings live_;  // of the io thread
  gatekeeper gate_;
  reply_port_owner port_owner_;
  page_cache pages_;
  endpoint_context context_;
  handler route_;
  std::shared_ptr<event_feed> feed_;
  std::unique_ptr<server> server_;
  bool secured_ = false;
  std::shared_ptr<running_edge*> self_ = std::make_shared<running_edge*>(this);  // of what is posted: whether it lives
};

}  // namespace

result<std::unique_ptr<edge>> start_edge(boost::asio::io_context& io, caf::actor_system& sys,
                                         const edge_settings& settings, edge_actors actors) {
  auto e = std::make_unique<running_edge>(io, sys, settings, std::move(actors));
  if (auto started = e->start(io, settings); !started) return started.error();
  return std::unique_ptr<edge>{std::move(e)};
}

}  // namespace lode::http
