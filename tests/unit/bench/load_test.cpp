// The load against a scripted server on loopback: what it counts, what it calls a violation, how it ends.

#include "bench/load/load.hpp"

#include "bench/load/report.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>

namespace lode::bench {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;
using testing::HasSubstr;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable_t<executor>{});

struct answer {
  unsigned status = 200;
  std::string body;
  answer(unsigned s, std::string b) : status(s), body(std::move(b)) {}
};

// Miners are numbered: the last six digits of the hotkey.
std::string hotkey_of(unsigned miner) {
  return "5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1rep" + std::to_string(1111111 + miner);
}

std::string granted(unsigned miner, unsigned allocation) {
  return R"({"success":true,"message":"","data":{"hotkey":")" + hotkey_of(miner) +
         R"(","uuid_key":"6d1e2f0a-3b4c-4d5e-8f60-)" + std::to_string(100'000'000'000 + allocation) +
         R"(","ssh_ip":"203.0.113.1","ssh_port":22}})";
}

const std::string done = R"({"success":true,"message":""})";

/// Answers by a function of the request line; no answer closes the connection without a byte.
class scripted_server {
 public:
  using script = std::function<std::optional<answer>(const std::string& line)>;

  scripted_server(asio::io_context& io, script s)
      : script_(std::move(s)), listening_(io.get_executor(), tcp::endpoint{asio::ip::address_v4::loopback(), 0}) {
    asio::co_spawn(io.get_executor(), accept(), asio::detached);
  }

  [[nodiscard]] tcp::endpoint address() const { return listening_.local_endpoint(); }
  void end() {
    boost::system::error_code ignored;
    listening_.close(ignored);
    for (const auto& s : open_) s->close(ignored);
  }

 private:
  using socket = asio::basic_stream_socket<tcp, executor>;

  task<void> accept() {
    for (;;) {
      auto [failed, peer] = co_await listening_.async_accept(as_result);
      if (failed) co_return;
      const auto s = std::make_shared<socket>(std::move(peer));
      open_.insert(s);
      asio::co_spawn(listening_.get_executor(), serve(s), asio::detached);
    }
  }

  task<void> serve(std::shared_ptr<socket> s) {
    std::string in;
    for (;;) {
      const std::size_t head = in.find("\r\n\r\n");
      const std::size_t length = in.find("content-length: ");
      const std::size_t body = length < head ? std::stoul(in.substr(length + 16)) : 0;
      if (head == std::string::npos || in.size() < head + 4 + body) {
        const std::size_t have = in.size();
        in.resize(have + 4096);
        const auto [failed, read] = co_await s->async_read_some(asio::buffer(in.data() + have, 4096), as_result);
        in.resize(have + read);
        if (failed) break;
        continue;
      }
      const auto said = script_(in.substr(0, in.find("\r\n")));
      in.erase(0, head + 4 + body);
      if (!said) break;
      const std::string out = "HTTP/1.1 " + std::to_string(said->status) +
                              " X\r\ncontent-length: " + std::to_string(said->body.size()) + "\r\n\r\n" + said->body;
      const auto [failed, written] = co_await asio::async_write(*s, asio::buffer(out), as_result);
      if (failed || written == 0) break;
    }
    boost::system::error_code ignored;
    s->close(ignored);
    open_.erase(s);
  }

  script script_;
  asio::basic_socket_acceptor<tcp, executor> listening_;
  std::set<std::shared_ptr<socket>> open_;
};

class load_test : public testing::Test {
 protected:
  /// Runs the load to its end against `s`; `tick` sees the load every 100 ms.
  figures run(load_options o, scripted_server::script s, std::function<void(load&)> tick = {}) {
    asio::io_context io{1};
    scripted_server server{io, std::move(s)};
    o.peer = server.address();
    o.host = "test";
    load l{io, o};
    bool ended = false;
    l.start(
        [&](const figures&) {
          if (tick) tick(l);
        },
        [&] {
          ended = true;
          server.end();
        });
    io.run_for(std::chrono::seconds{20});
    EXPECT_TRUE(ended);
    options_ = o;
    return l.so_far();
  }

  /// A daemon that is right, on `miners` miners.
  scripted_server::script right(unsigned miners) {
    for (unsigned i = 0; i < miners; ++i) free_.insert(i);
    return [this](const std::string& line) -> std::optional<answer> {
      if (line.starts_with("POST /service/allocate_spec ")) {
        if (free_.empty()) return answer(404, R"({"success":false,"message":""})");
        const unsigned miner = *free_.begin();
        free_.erase(miner);
        return answer(200, granted(miner, ++allocations_));
      }
      for (unsigned miner = 0; miner < 100; ++miner) {
        if (line.find("deallocate?hotkey=" + hotkey_of(miner) + "&uuid_key=6d1e2f0a") == std::string::npos) continue;
        if (!free_.insert(miner).second) break;
        ++released_;
        return answer(200, done);
      }
      return answer(404, R"({"success":false,"message":""})");
    };
  }

  static load_options of(unsigned concurrency, std::uint64_t pairs) {
    load_options o;
    o.concurrency = concurrency;
    o.duration = {};
    o.count = pairs;
    return o;
  }

  std::set<unsigned> free_;
  unsigned allocations_ = 0;
  unsigned released_ = 0;
  load_options options_;
};

TEST_F(load_test, counts_pairs_and_gives_everything_back) {
  const auto f = run(of(8, 500), right(8));
  EXPECT_GE(f.done, 500U);
  EXPECT_LT(f.done, 500U + 8);
  EXPECT_EQ(f.deallocate.count(), f.done);
  EXPECT_GE(f.allocate.count(), f.done);
  EXPECT_EQ(released_, allocations_);
  EXPECT_EQ(free_.size(), 8U);
  EXPECT_EQ(f.left_behind, 0U);
  EXPECT_TRUE(f.errors.empty());
  EXPECT_EQ(f.violation + f.failure, "");
  EXPECT_GT(per_second(f), 0);
  const auto json = report_json(options_, f, 0.5);
  EXPECT_THAT(json, HasSubstr(R"("name":"pairs","concurrency":8)"));
  EXPECT_THAT(report(options_, f, 0.5), HasSubstr("pairs/s"));
}

TEST_F(load_test, measures_only_after_the_warm_up_and_only_so_long) {
  auto o = of(2, 0);
  o.warmup = milliseconds{150};
  o.duration = milliseconds{250};
  const auto f = run(o, right(2));
  EXPECT_EQ(f.measured, milliseconds{250});
  EXPECT_GT(f.done, 0U);
  EXPECT_LT(f.done, released_) << "the pairs of the warm-up were counted";
}

TEST_F(load_test, a_miner_held_by_two_ends_the_run) {
  auto o = of(2, 0);
  o.hold = milliseconds{500};
  unsigned n = 0;
  const auto f = run(o, [&](const std::string& line) -> std::optional<answer> {
    if (line.find("deallocate") != std::string::npos) return answer(200, done);
    return answer(200, granted(7, ++n));
  });
  EXPECT_THAT(f.violation, HasSubstr(hotkey_of(7)));
  EXPECT_THAT(f.violation, HasSubstr("holds it"));
  EXPECT_EQ(f.left_behind, 0U) << "both were given back";
}

TEST_F(load_test, an_allocation_that_is_not_there_ends_the_run) {
  unsigned n = 0;
  const auto f = run(of(1, 0), [&](const std::string& line) -> std::optional<answer> {
    if (line.find("deallocate") != std::string::npos) return answer(404, R"({"success":false,"message":""})");
    return answer(200, granted(1, ++n));
  });
  EXPECT_THAT(f.violation, HasSubstr("answered 404"));
  EXPECT_EQ(f.done, 0U);
}

TEST_F(load_test, a_success_that_is_none_ends_the_run) {
  const auto f = run(of(1, 0), [](const std::string&) { return answer(200, R"({"success":true})"); });
  EXPECT_THAT(f.violation, HasSubstr("data"));
  EXPECT_EQ(f.in_doubt, 1U);
  unsigned n = 0;
  const auto g = run(of(1, 0), [&](const std::string& line) -> std::optional<answer> {
    if (line.find("deallocate") != std::string::npos) return answer(200, R"({"success":false})");
    return answer(200, granted(1, ++n));
  });
  EXPECT_THAT(g.violation, HasSubstr("success is not true"));
}

TEST_F(load_test, goes_on_after_errors_and_counts_them) {
  auto daemon = right(4);
  unsigned n = 0;
  const auto f = run(of(4, 40), [&](const std::string& line) -> std::optional<answer> {
    if (++n % 10 == 0) return answer(503, "busy");
    return daemon(line);
  });
  EXPECT_GE(f.done, 40U);
  EXPECT_EQ(f.violation + f.failure, "");
  std::uint64_t errors = 0;
  for (const auto& [reason, count] : f.errors) {
    EXPECT_THAT(reason, testing::EndsWith(" 503"));
    errors += count;
  }
  EXPECT_EQ(errors, n / 10);
  EXPECT_EQ(free_.size(), 4U);
}

TEST_F(load_test, a_lost_release_is_asked_again_and_may_have_happened) {
  auto daemon = right(1);
  bool lost = false;
  const auto f = run(of(1, 3), [&](const std::string& line) -> std::optional<answer> {
    auto said = daemon(line);
    if (!lost && line.find("deallocate") != std::string::npos) {
      lost = true;
      return std::nullopt;
    }
    return said;
  });
  EXPECT_EQ(f.violation + f.failure, "");
  EXPECT_EQ(f.errors.at("deallocate connection lost"), 1U);
  EXPECT_EQ(f.errors.at("deallocate 404"), 1U);
  EXPECT_EQ(f.left_behind, 0U);
  EXPECT_EQ(f.done, 3U);
}

TEST_F(load_test, a_server_that_went_away_ends_the_run) {
  auto o = of(2, 0);
  o.patience = milliseconds{300};
  const auto f = run(o, [](const std::string&) { return std::nullopt; });
  EXPECT_THAT(f.failure, HasSubstr("not answered"));
  EXPECT_GT(f.in_doubt, 0U);
}

TEST_F(load_test, a_request_has_a_deadline) {
  asio::io_context io{1};
  // Accepted by the kernel, never by us.
  const asio::basic_socket_acceptor<tcp, executor> silent{io.get_executor(),
                                                          tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
  load_options o = of(1, 0);
  o.kind = scenario::get;
  o.peer = silent.local_endpoint();
  o.timeout = milliseconds{150};
  o.patience = milliseconds{400};
  load l{io, o};
  bool ended = false;
  l.start({}, [&] { ended = true; });
  io.run_for(std::chrono::seconds{20});
  EXPECT_TRUE(ended);
  EXPECT_GE(l.so_far().errors.at("get timed out"), 1U);
  EXPECT_NE(l.so_far().failure, "");
}

TEST_F(load_test, stop_gives_back_what_is_held) {
  auto o = of(3, 0);
  o.hold = std::chrono::minutes{10};
  bool stopped = false;
  const auto f = run(o, right(3), [&](load& l) {
    if (allocations_ == 3 && !stopped) l.stop();
    stopped = allocations_ == 3;
  });
  EXPECT_TRUE(stopped);
  EXPECT_EQ(released_, 3U);
  EXPECT_EQ(f.left_behind, 0U);
}

TEST_F(load_test, abandon_leaves_what_is_held_and_says_so) {
  auto o = of(3, 0);
  o.hold = std::chrono::minutes{10};
  const auto f = run(o, right(3), [&](load& l) {
    if (allocations_ == 3) l.abandon();
  });
  EXPECT_EQ(released_, 0U);
  EXPECT_EQ(f.left_behind, 3U);
}

TEST_F(load_test, get_counts_replies) {
  load_options o = of(4, 200);
  o.kind = scenario::get;
  o.path = "/healthz";
  const auto f = run(o, [](const std::string& line) -> std::optional<answer> {
    if (line != "GET /healthz HTTP/1.1") return answer(404, "");
    return answer(200, std::string(100'000, 'x'));
  });
  EXPECT_GE(f.done, 200U);
  EXPECT_EQ(f.get.count(), f.done);
  EXPECT_TRUE(f.errors.empty());
}

}  // namespace
}  // namespace lode::bench
