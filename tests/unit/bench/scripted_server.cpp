#include "scripted_server.hpp"

#include "bench/load/connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

namespace lode::bench {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using socket_type = asio::basic_stream_socket<tcp, executor>;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable_t<executor>{});

}  // namespace

class scripted_server::impl {
 public:
  impl(script s, asio::ssl::context* tls)
      : script_(std::move(s)), tls_(tls), listening_(io_.get_executor(), {asio::ip::address_v4::loopback(), 0}) {
    asio::co_spawn(io_.get_executor(), accept(), asio::detached);
    thread_ = std::thread{[this] { io_.run(); }};
  }
  ~impl() {
    asio::post(io_, [this] {
      boost::system::error_code ignored;
      listening_.close(ignored);
      for (const auto& s : open_) s->close(ignored);
      for (auto* t : waits_) t->cancel();
    });
    thread_.join();
  }
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;

  std::uint16_t port() const { return listening_.local_endpoint().port(); }
  std::size_t accepted() const { return accepted_; }
  bool tls() const { return tls_ != nullptr; }

 private:
  using timer_type = asio::basic_waitable_timer<clock, asio::wait_traits<clock>, executor>;

  task<void> accept() {
    for (;;) {
      auto [failed, peer] = co_await listening_.async_accept(as_result);
      if (failed) co_return;
      ++accepted_;
      const auto s = std::make_shared<socket_type>(std::move(peer));
      open_.insert(s);
      asio::co_spawn(io_.get_executor(), begin(s), asio::detached);
    }
  }

  task<void> begin(std::shared_ptr<socket_type> s) {
    if (tls_ == nullptr) {
      co_await serve(*s);
    } else {
      asio::ssl::stream<socket_type&> secured{*s, *tls_};
      const auto [failed] = co_await secured.async_handshake(asio::ssl::stream_base::server, as_result);
      if (!failed) co_await serve(secured);
    }
    boost::system::error_code ignored;
    s->close(ignored);
    open_.erase(s);
  }

  template <class Stream>
  task<void> serve(Stream& s) {
    std::string in;
    for (;;) {
      const std::size_t head = in.find("\r\n\r\n");
      const std::size_t length = in.find("content-length: ");
      const std::size_t body = length < head ? std::stoul(in.substr(length + 16)) : 0;
      if (head == std::string::npos || in.size() < head + 4 + body) {
        const std::size_t have = in.size();
        in.resize(have + 4096);
        const auto [failed, read] = co_await s.async_read_some(asio::buffer(in.data() + have, 4096), as_result);
        in.resize(have + read);
        if (failed) co_return;
        continue;
      }
      scripted_request r;
      r.line = in.substr(0, in.find(" HTTP/1.1"));
      r.head = in.substr(0, head + 2);
      r.body = in.substr(head + 4, body);
      r.at = std::chrono::duration<double>(clock::now() - began_).count();
      in.erase(0, head + 4 + body);
      const auto said = script_(r);
      if (!said) co_return;
      if (said->after.count() > 0) {
        timer_type alarm{io_.get_executor(), clock::now() + said->after};
        waits_.insert(&alarm);
        [[maybe_unused]] const auto [cancelled] = co_await alarm.async_wait(as_result);
        waits_.erase(&alarm);
      }
      const std::string out = !said->raw.empty() ? said->raw
                                                 : "HTTP/1.1 " + std::to_string(said->status) +
                                                       " X\r\ncontent-length: " + std::to_string(said->body.size()) +
                                                       "\r\n\r\n" + said->body;
      const auto [failed, written] = co_await asio::async_write(s, asio::buffer(out), as_result);
      if (failed || written == 0 || said->then_close) co_return;
    }
  }

  script script_;
  asio::ssl::context* tls_;
  asio::io_context io_{1};
  asio::basic_socket_acceptor<tcp, executor> listening_;
  std::set<std::shared_ptr<socket_type>> open_;
  std::set<timer_type*> waits_;
  std::atomic<std::size_t> accepted_{0};
  clock::time_point began_ = clock::now();
  std::thread thread_;
};

scripted_server::scripted_server(script s, asio::ssl::context* tls)
    : impl_(std::make_unique<impl>(std::move(s), tls)) {}
scripted_server::~scripted_server() = default;
std::uint16_t scripted_server::port() const { return impl_->port(); }
std::string scripted_server::url() const {
  return (impl_->tls() ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port());
}
std::size_t scripted_server::accepted() const { return impl_->accepted(); }

std::string hotkey_of(unsigned miner) {
  std::string digits = std::to_string(1'000'000 + miner);
  std::replace(digits.begin(), digits.end(), '0', 'z');  // base 58 has no zero
  return "5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1rep" + digits;
}
std::string uuid_of(unsigned allocation) {
  return "6d1e2f0a-3b4c-4d5e-8f60-" + std::to_string(100'000'000'000 + allocation);
}

right_daemon::right_daemon(unsigned miners) : miners_(miners) {}

std::optional<scripted_answer> right_daemon::operator()(const scripted_request& r) {
  const auto begins = [&](const std::string& path) { return r.line.starts_with(path); };
  if (begins("POST /service/allocate_spec")) return allocate(r, std::nullopt);
  if (begins("POST /service/allocate_hotkey")) {
    for (unsigned m = 0; m < miners_; ++m)
      if (r.line.find("hotkey=" + hotkey_of(m)) != std::string::npos) return allocate(r, m);
    return scripted_answer{404, R"({"success":false})"};
  }
  if (begins("POST /service/deallocate")) return deallocate(r);
  if (begins("POST /list/allocations_sql")) return list_allocations(r);
  if (begins("POST /list/resources_sql")) return list_resources();
  if (begins("POST /service/check_miner_status")) {
    std::string all;
    for (std::size_t at = r.body.find('5'); at != std::string::npos; at = r.body.find('5', at + 48))
      all += (all.empty() ? "" : ",") + (R"({"hotkey":")" + r.body.substr(at, 48) + R"(","status":"Docker OFFLINE"})");
    return scripted_answer{200, R"({"success":true,"message":"","data":[)" + all + "]}"};
  }
  return scripted_answer{200, R"({"success":true,"message":""})"};
}

scripted_answer right_daemon::grant(unsigned miner, const std::string& uuid, const scripted_request& r) {
  const std::string marker = "lode-bench-";
  const std::string text = r.line + r.body;
  const std::size_t tag = text.find(marker);
  const std::size_t end = text.find_first_of("\"& ", tag);
  const std::string key = "ssh-ed25519 AAAA " + (tag == std::string::npos ? "" : text.substr(tag, end - tag));
  live_.push_back({miner, uuid, key});
  return {200, R"({"success":true,"message":"","data":{"hotkey":")" + hotkey_of(miner) + R"(","uuid_key":")" + uuid +
                   R"(","ssh_ip":"203.0.113.1","ssh_port":22}})"};
}

std::optional<scripted_answer> right_daemon::allocate(const scripted_request& r, std::optional<unsigned> wanted) {
  for (unsigned m = 0; m < miners_; ++m) {
    const bool taken = std::any_of(live_.begin(), live_.end(), [&](const auto& a) { return a.miner == m; });
    if (!taken && (!wanted || *wanted == m)) return grant(m, uuid_of(++allocations_), r);
  }
  return scripted_answer{404, R"({"success":false,"message":""})"};
}

std::optional<scripted_answer> right_daemon::deallocate(const scripted_request& r) {
  for (auto at = live_.begin(); at != live_.end(); ++at) {
    if (r.line.find("hotkey=" + hotkey_of(at->miner) + "&uuid_key=" + at->uuid) == std::string::npos) continue;
    live_.erase(at);
    return scripted_answer{200, R"({"success":true,"message":""})"};
  }
  return scripted_answer{404, R"({"success":false,"message":""})"};
}

std::optional<scripted_answer> right_daemon::list_allocations(const scripted_request&) {
  if (live_.empty()) return scripted_answer{404, R"({"success":false,"message":""})"};
  std::string all;
  for (const auto& a : live_)
    all += (all.empty() ? "" : ",") + (R"({"hotkey":")" + hotkey_of(a.miner) + R"(","uuid_key":")" + a.uuid +
                                       R"(","ssh_key":")" + a.ssh_key + R"("})");
  return scripted_answer{200, R"({"success":true,"message":"","data":[)" + all + "]}"};
}

std::optional<scripted_answer> right_daemon::list_resources() const {
  std::string all;
  for (unsigned m = 0; m < miners_; ++m)
    all += (all.empty() ? "" : ",") + (R"({"hotkey":")" + hotkey_of(m) + R"(","allocate_status":"available"})");
  return scripted_answer{200, R"({"success":true,"message":"","data":{"page_items":[)" + all + "]}}"};
}

}  // namespace lode::bench
