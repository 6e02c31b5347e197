#include "links/webhook.hpp"

#include "crypto/hmac.hpp"
#include "links/webhook_exchange.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <array>
#include <exception>
#include <optional>
#include <unordered_set>

namespace lode::links {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using boost::system::error_code;

namespace {

result<std::shared_ptr<ssl::context>> make_context(const webhook_settings& s) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  error_code ec;
  const auto failed = [&](const char* setting, const std::string& file) {
    return error{errc::config_invalid, std::string{setting} + " " + file + " cannot be used: " + ec.message()};
  };
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  context->set_verify_mode(ssl::verify_peer);
  if (s.ca_file.empty())
    context->set_default_verify_paths(ec);
  else
    context->load_verify_file(s.ca_file, ec);
  if (ec) return failed("notify.ca-file", s.ca_file);
  if (!s.client_cert_file.empty()) {
    context->use_certificate_chain_file(s.client_cert_file, ec);
    if (ec) return failed("notify.client-cert-file", s.client_cert_file);
    context->use_private_key_file(s.client_key_file, ssl::context::pem, ec);
    if (ec) return failed("notify.client-key-file", s.client_key_file);
  }
  return context;
}

class webhook_client final : public webhook_sender {
 public:
  webhook_client(asio::io_context& io, webhook_settings settings, std::array<std::optional<webhook_url>, 2> urls,
                 std::shared_ptr<ssl::context> tls)
      : core_(std::make_shared<core>(io, std::move(settings), std::move(urls), std::move(tls))) {}
  webhook_client(const webhook_client&) = delete;
  webhook_client& operator=(const webhook_client&) = delete;
  ~webhook_client() override { shutdown(); }

  [[nodiscard]] bool reaches(webhook_kind kind) const override { return core_->url(kind).has_value(); }
  [[nodiscard]] bool one_receiver() const override {
    const auto& a = core_->urls[0];
    const auto& b = core_->urls[1];
    return a && b && a->same_server(*b);
  }
  void send(webhook_post post, std::function<void(webhook_reply)> done) override {
    asio::post(core_->on, [c = core_, post = std::move(post), done = std::move(done)]() mutable {
      core::start(c, std::move(post), std::move(done));
    });
  }
  void shutdown() override {
    asio::post(core_->on, [c = core_] {
      c->stopped = true;
      // finish() may run what erases from the set.
      for (const auto& a : std::exchange(c->active, {})) a->finish({false, "the daemon stops"});
    });
  }

 private:
  struct core {
    core(asio::io_context& io, webhook_settings s, std::array<std::optional<webhook_url>, 2> u,
         std::shared_ptr<ssl::context> t)
        : on(asio::make_strand(io)), settings(std::move(s)), urls(std::move(u)), tls(std::move(t)) {}

    [[nodiscard]] const std::optional<webhook_url>& url(webhook_kind kind) const {
      return urls[static_cast<std::size_t>(kind)];
    }

    static void start(const std::shared_ptr<core>& c, webhook_post post, std::function<void(webhook_reply)> done) {
      const auto& to = c->url(post.to);
      if (c->stopped) return done({false, "the daemon stops"});
      if (!to) return done({false, "no URL is set"});
      if (c->running >= c->settings.max_in_flight) return done({false, "too many attempts are under way"});
      webhook_message message;
      message.headers = {{"x-request-id", post.request_id}, {"x-lode-delivery", post.delivery_id}};
      if (!c->settings.secret.empty())
        message.headers.emplace_back("x-lode-signature",
                                     "sha256=" + crypto::hmac_sha256_hex(c->settings.secret, post.body));
      message.body = std::move(post.body);
      ++c->running;
      auto attempt = std::make_shared<webhook_attempt>(c->on, std::move(done));
      const auto deadline = std::chrono::steady_clock::now() + c->settings.timeout;
      attempt->expire_at(deadline);
      c->active.insert(attempt);
      asio::co_spawn(c->on, run(c, std::move(attempt), *to, std::move(message), deadline), asio::detached);
    }

    static strand_task<void> run(std::shared_ptr<core> c, std::shared_ptr<webhook_attempt> attempt, webhook_url to,
                                 webhook_message message, steady_time deadline) {
      try {
        auto tls = to.tls ? c->tls : nullptr;
        co_await run_attempt(attempt, std::move(to), std::move(message), std::move(tls), deadline,
                             c->settings.max_reply_bytes);
      } catch (const std::exception& e) {
        spdlog::error("webhook: {}", e.what());
      }
      attempt->finish({false, "the attempt broke down"});
      c->active.erase(attempt);
      --c->running;
    }

    strand on;
    const webhook_settings settings;
    const std::array<std::optional<webhook_url>, 2> urls;
    const std::shared_ptr<ssl::context> tls;
    // On the strand only.
    bool stopped = false;
    std::size_t running = 0;
    std::unordered_set<std::shared_ptr<webhook_attempt>> active;
  };
  std::shared_ptr<core> core_;
};

}  // namespace

result<std::shared_ptr<webhook_sender>> make_webhook_client(asio::io_context& io, const webhook_settings& settings) {
  std::array<std::optional<webhook_url>, 2> urls;
  bool any_tls = false;
  const auto read = [&](const char* name, const std::string& text, std::optional<webhook_url>& into) -> result<void> {
    if (text.empty()) return {};
    auto url = parse_webhook_url(text);
    if (!url) return error{errc::config_invalid, std::string{name} + " " + url.error().detail};
    any_tls = any_tls || url->tls;
    into = std::move(*url);
    return {};
  };
  if (auto ok = read("notify.deallocation-url", settings.deallocation_url, urls[0]); !ok) return ok.error();
  if (auto ok = read("notify.status-url", settings.status_url, urls[1]); !ok) return ok.error();
  std::shared_ptr<ssl::context> tls;
  if (any_tls) {
    auto made = make_context(settings);
    if (!made) return made.error();
    tls = std::move(*made);
  }
  return std::shared_ptr<webhook_sender>{
      std::make_shared<webhook_client>(io, settings, std::move(urls), std::move(tls))};
}

}  // namespace lode::links
