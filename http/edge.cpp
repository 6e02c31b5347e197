#include "http/edge.hpp"

#include "http/docs_assets.hpp"
#include "http/edge_metrics.hpp"
#include "http/endpoint.hpp"
#include "http/event_feed.hpp"
#include "http/openapi.hpp"
#include "http/replies.hpp"
#include "http/reply_port.hpp"
#include "http/server/router.hpp"

#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <utility>

namespace lode::http {
namespace {

response enveloped(unsigned status, std::string_view message) { return failed(status, message); }

void log_access(const request& req, const response& r) {
  const auto level = r.status >= 500   ? spdlog::level::warn
                     : r.status >= 400 ? spdlog::level::info
                                       : spdlog::level::debug;
  if (!spdlog::should_log(level)) return;
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - req.arrived;
  // The path, not the target: a query may hold a UUID.
  spdlog::log(level, "[{}] {} {} {} {} {:.1f} ms", req.request_id, req.peer_ip, req.method_text, printable(req.path),
              r.status, took.count());
}

// Counts at the end of its scope, so also a handler that throws or is cancelled.
class counted {
 public:
  counted(edge_metrics& into, const request& req) : into_(into), req_(req) {}
  ~counted() { into_.answered(req_, status, std::chrono::steady_clock::now() - req_.arrived); }
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;
  unsigned status = 0;

 private:
  edge_metrics& into_;
  const request& req_;
};

task<response> observed(const handler& next, edge_metrics& counts, request& req) {
  counted count{counts, req};
  response r = co_await next(req);
  count.status = r.upgrade ? 101 : r.status;
  log_access(req, r);
  co_return r;
}

class running_edge final : public edge {
 public:
  running_edge(boost::asio::io_context& io, caf::actor_system& sys, const edge_settings& settings, edge_actors actors)
      : sys_(sys),
        metrics_(settings.metrics),
        counts_(*metrics_),
        document_(openapi_document(endpoints(), settings.version)),
        port_owner_(sys, io),
        context_{port_owner_.get(), std::move(actors.registry), settings.reply_timeout},
        route_(router::as_handler(routes())) {
    context_.outbox = std::move(actors.outbox);
    context_.document = document_;
    context_.counts = &counts_;
    context_.metrics = metrics_.get();
    context_.idempotency = std::move(actors.idempotency);
    if (!actors.events || !actors.ledger) return;
    feed_ = std::make_shared<event_feed>(io.get_executor(), port_owner_.get(), std::move(actors.events),
                                         std::move(actors.ledger), settings.keepalive);
    context_.feed = feed_.get();
  }

  // Of the server's handlers none may run after this.
  ~running_edge() override {
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
        io, settings.listen, [this](request& req) { return observed(route_, counts_, req); }, enveloped,
        settings.limits, std::move(tls));
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

 private:
  std::shared_ptr<const router> routes() {
    auto r = std::make_shared<router>(enveloped);
    for (const endpoint& e : endpoints()) {
      const int route = counts_.add_route(to_string(e.method), e.path);
      r->add(e.method, std::string{e.path}, [this, route, run = e.run](request& req) {
        req.route = route;
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

  caf::actor_system& sys_;
  telemetry::registry_ptr metrics_;
  edge_metrics counts_;
  std::string document_;
  reply_port_owner port_owner_;
  endpoint_context context_;
  handler route_;
  std::shared_ptr<event_feed> feed_;
  std::unique_ptr<server> server_;
  bool secured_ = false;
};

}  // namespace

result<std::unique_ptr<edge>> start_edge(boost::asio::io_context& io, caf::actor_system& sys,
                                         const edge_settings& settings, edge_actors actors) {
  auto e = std::make_unique<running_edge>(io, sys, settings, std::move(actors));
  if (auto started = e->start(io, settings); !started) return started.error();
  return std::unique_ptr<edge>{std::move(e)};
}

}  // namespace lode::http
