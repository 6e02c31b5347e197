#include "http/server/server.hpp"

#include "http/server/session.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace lode::http {
namespace {

using boost::asio::ip::tcp;
using acceptor = boost::asio::basic_socket_acceptor<tcp, executor>;
using detail::clock;

constexpr auto as_result = boost::asio::as_tuple(boost::asio::use_awaitable_t<executor>{});

// Connections over the limit that may wait at once for their 503 to be read; any more are closed without a word.
constexpr std::size_t turned_away_limit = 64;

std::optional<tcp::endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, failed] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (failed != std::errc{} || end != port_text.data() + port_text.size()) return std::nullopt;
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  boost::system::error_code ec;
  const auto address = boost::asio::ip::make_address(std::string{host}, ec);
  if (ec || address.is_v6() != bracketed) return std::nullopt;
  return tcp::endpoint{address, port};
}

std::string text_of(const boost::asio::ip::address& a) {
  // A dual-stack socket sees IPv4 peers as ::ffff:a.b.c.d; allow-lists and logs mean a.b.c.d.
  if (a.is_v6() && a.to_v6().is_v4_mapped())
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, a.to_v6()).to_string();
  return a.to_string();
}

std::string text_of(const tcp::endpoint& e) {
  return e.address().is_v6() ? fmt::format("[{}]:{}", e.address().to_string(), e.port())
                             : fmt::format("{}:{}", e.address().to_string(), e.port());
}

// The listening socket, shared with the coroutine that accepts.
struct listener {
  listener(std::shared_ptr<detail::shared_state> s, acceptor a)
      : shared(std::move(s)), socket(std::move(a)), pause(shared->ex) {}
  std::shared_ptr<detail::shared_state> shared;
  acceptor socket;
  detail::timer pause;

  void close() {
    boost::system::error_code ignored;
    socket.close(ignored);
    pause.cancel();
  }
};

void welcome(listener& l, detail::tcp_socket socket, const tcp::endpoint& peer) {
  auto& shared = *l.shared;
  const std::size_t served = shared.stats.open_connections.load(std::memory_order_relaxed) - shared.turned_away;
  const bool over = served >= shared.limits.connections;
  if (over) {
    shared.stats.rejected_overload.fetch_add(1, std::memory_order_relaxed);
    if (shared.turned_away >= turned_away_limit) return;
  }
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay{true}, ignored);
  std::make_shared<detail::session>(l.shared, std::move(socket), text_of(peer.address()))->start(over);
}

task<void> accept_all(std::shared_ptr<listener> l) {
  std::chrono::milliseconds wait{0};
  while (l->socket.is_open()) {
    detail::tcp_socket socket{l->shared->ex};
    tcp::endpoint peer;
    const auto [ec] = co_await l->socket.async_accept(socket, peer, as_result);
    if (!l->socket.is_open()) break;
    if (ec) {
      // Out of descriptors or memory: the connection stays in the backlog and accept would fail again at once.
      if (wait.count() == 0) spdlog::warn("cannot accept a connection: {}; trying again", ec.message());
      wait = std::clamp(wait * 2, std::chrono::milliseconds{20}, std::chrono::milliseconds{1000});
      l->shared->stats.accept_errors.fetch_add(1, std::memory_order_relaxed);
      l->pause.expires_after(wait);
      co_await l->pause.async_wait(as_result);
      continue;
    }
    if (wait.count() != 0) spdlog::info("accepting connections again");
    wait = std::chrono::milliseconds{0};
    l->shared->stats.accepted.fetch_add(1, std::memory_order_relaxed);
    try {
      welcome(*l, std::move(socket), peer);
    } catch (const std::exception& e) {
      spdlog::error("cannot serve a connection: {}", e.what());
    }
  }
}

class beast_server final : public server {
 public:
  beast_server(std::shared_ptr<listener> l, const tcp::endpoint& bound)
      : listener_(std::move(l)),
        address_(text_of(bound)),
        port_(bound.port()),
        secured_(listener_->shared->tls != nullptr) {
    boost::asio::co_spawn(listener_->shared->ex, accept_all(listener_), boost::asio::detached);
  }

  ~beast_server() override {
    boost::asio::dispatch(listener_->shared->ex, [l = listener_] {
      l->close();
      l->shared->close_all();
    });
  }

  beast_server(const beast_server&) = delete;
  beast_server& operator=(const beast_server&) = delete;

  [[nodiscard]] std::string address() const override { return address_; }
  [[nodiscard]] std::uint16_t port() const override { return port_; }
  [[nodiscard]] const server_stats& stats() const override { return listener_->shared->stats; }

  result<void> reload_tls(const tls_settings& settings) override {
    if (settings.enabled() != secured_)
      return error{errc::bad_request, "TLS cannot be turned on or off without a restart"};
    if (!secured_) return {};
    auto loaded = load_tls(settings);
    if (!loaded) return loaded.error();
    boost::asio::post(listener_->shared->ex, [l = listener_, tls = std::move(*loaded)] { l->shared->tls = tls; });
    return {};
  }

  void stop(std::chrono::milliseconds bound, std::function<void()> done) override {
    boost::asio::post(listener_->shared->ex, [l = listener_, bound, done = std::move(done)]() mutable {
      l->close();
      l->shared->stop(bound, std::move(done));
    });
  }

 private:
  std::shared_ptr<listener> listener_;
  std::string address_;
  std::uint16_t port_;
  bool secured_;
};

}  // namespace

namespace detail {

shared_state::shared_state(const executor& e, handler h, error_body err, server_limits l)
    : ex(e), handle(std::move(h)), on_error(std::move(err)), limits(l), sweep_(e), bound_(e) {
  const auto shortest = std::min({limits.handshake_timeout, limits.header_timeout, limits.idle_timeout,
                                  limits.body_timeout, limits.write_timeout});
  sweep_every_ = std::clamp(shortest / 4, std::chrono::milliseconds{5}, std::chrono::milliseconds{250});
}

void shared_state::enter(session& s) {
  s.slot = sessions_.size();
  sessions_.push_back(&s);
  stats.open_connections.fetch_add(1, std::memory_order_relaxed);
  if (!sweeping_) arm_sweep();
}

void shared_state::leave(session& s) {
  sessions_.back()->slot = s.slot;
  std::swap(sessions_[s.slot], sessions_.back());
  sessions_.pop_back();
  stats.open_connections.fetch_sub(1, std::memory_order_relaxed);
  finish_stop();
}

void shared_state::arm_sweep() {
  sweeping_ = true;
  sweep_.expires_after(sweep_every_);
  sweep_.async_wait([weak = weak_from_this()](const boost::system::error_code& ec) {
    const auto self = weak.lock();
    if (!self) return;
    self->sweeping_ = false;
    if (ec || self->sessions_.empty()) return;
    const auto now = clock::now();
    for (session* s : self->sessions_) s->check(now);
    self->arm_sweep();
  });
}

void shared_state::stop(std::chrono::milliseconds bound, std::function<void()> done) {
  stopping = true;
  done_ = std::move(done);
  for (session* s : sessions_) s->end_if_idle();
  bound_.expires_after(bound);
  bound_.async_wait([weak = weak_from_this()](const boost::system::error_code& ec) {
    const auto self = weak.lock();
    if (self && !ec) self->close_all();
  });
  finish_stop();
}

void shared_state::close_all() {
  stopping = true;
  // A cancelled handler may end its session at once: keep all alive until the last was told.
  std::vector<std::shared_ptr<session>> all;
  all.reserve(sessions_.size());
  for (session* s : sessions_)
    if (auto alive = s->weak_from_this().lock()) all.push_back(std::move(alive));
  for (const auto& s : all) s->force_close();
}

void shared_state::finish_stop() {
  if (!done_ || !sessions_.empty()) return;
  bound_.cancel();
  sweep_.cancel();  // else the io context would run on until it is due
  boost::asio::post(ex, std::exchange(done_, nullptr));
}

response shared_state::failure(unsigned status, std::string_view message) const {
  response r;
  try {
    r = on_error(status, message);
  } catch (const std::exception& e) {
    spdlog::error("no error body for {}: {}", status, e.what());
    r = response{status, std::string{"{}"}};
  }
  const bool told =
      std::any_of(r.headers.begin(), r.headers.end(), [](const auto& h) { return h.first == "retry-after"; });
  if (status == 503 && !told) r.headers.emplace_back("retry-after", "1");
  return r;
}

}  // namespace detail

result<std::unique_ptr<server>> start_server(boost::asio::io_context& io, const std::string& listen, handler h,
                                             error_body on_error, server_limits limits,
                                             std::shared_ptr<tls_context> tls) {
  const auto endpoint = parse_endpoint(listen);
  if (!endpoint)
    return error{errc::config_invalid,
                 fmt::format("\"{}\" is not HOST:PORT or [IPv6]:PORT with a numeric host", listen)};
  acceptor socket{io.get_executor()};
  boost::system::error_code ec;
  socket.open(endpoint->protocol(), ec);
  if (!ec) socket.set_option(boost::asio::socket_base::reuse_address{true}, ec);
  if (!ec) socket.bind(*endpoint, ec);
  if (!ec) socket.listen(boost::asio::socket_base::max_listen_connections, ec);
  const tcp::endpoint bound = ec ? tcp::endpoint{} : socket.local_endpoint(ec);
  if (ec) return error{errc::config_invalid, fmt::format("cannot listen on {}: {}", listen, ec.message())};
  auto shared = std::make_shared<detail::shared_state>(io.get_executor(), std::move(h), std::move(on_error), limits);
  shared->tls = std::move(tls);
  auto listening = std::make_shared<listener>(std::move(shared), std::move(socket));
  return std::unique_ptr<server>{std::make_unique<beast_server>(std::move(listening), bound)};
}

}  // namespace lode::http
