#include "links/dendrite.hpp"

#include "tests/unit/links/scripted_axon.hpp"

#include <boost/json.hpp>
#include <gmock/gmock.h>

#include <set>
#include <sys/socket.h>
#include <thread>

namespace lode::links {
namespace {

using namespace test;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::HasSubstr;
using peer_ptr = std::shared_ptr<peer>;

const std::string yes = ok(R"({"status":true,"port":4444})");

struct dendrite_calls : testing::Test {
  asio::io_context io;
  std::unique_ptr<dendrite> link;

  ~dendrite_calls() override { link.reset(); }

  dendrite& make(dendrite_settings s = {}) {
    link = std::make_unique<dendrite>(io, test_hotkey(), std::move(s));
    return *link;
  }

  miner_reply ask(miner_call c) {
    if (!link) make();
    std::optional<miner_reply> got;
    int times = 0;
    link->call(std::move(c), [&](miner_reply r) {
      got = std::move(r);
      ++times;
    });
    EXPECT_FALSE(got) << "done was invoked inside call()";
    EXPECT_TRUE(run_until(io, [&] { return got.has_value(); }));
    EXPECT_EQ(times, 1);
    return got.value_or(miner_reply{});
  }

  // What a call comes to when the axon says `bytes` and closes.
  miner_reply against(const std::string& bytes, miner_action a = miner_action::check) {
    scripted_axon axon(io, [bytes](peer_ptr p, int) -> asio::awaitable<void> {
      if (!co_await p->request()) co_return;
      co_await p->say(bytes);
    });
    return ask(call_of(a, axon.port()));
  }
};

TEST_F(dendrite_calls, posts_what_the_encoder_made_and_reads_the_answer) {
  std::optional<received> got;
  scripted_axon axon(io, [&](peer_ptr p, int) -> asio::awaitable<void> {
    got = co_await p->request();
    co_await p->say(ok(R"({"status":true,"info":"QUJD","port":4444,"key_types":["x25519"]})"));
  });
  const auto r = ask(call_of(miner_action::reg, axon.port()));
  EXPECT_TRUE(r.ok()) << r.detail;
  EXPECT_EQ(r.info, "QUJD");
  EXPECT_EQ(r.port, 4444);
  EXPECT_TRUE(r.takes_x25519);
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->head.starts_with("POST /Allocate HTTP/1.1\r\n")) << got->head;
  EXPECT_THAT(got->head, HasSubstr("\r\nHost: 127.0.0.1:" + std::to_string(axon.port()) + "\r\n"));
  EXPECT_THAT(got->head, HasSubstr("\r\nContent-Type: application/json\r\n"));
  EXPECT_THAT(got->head, HasSubstr("\r\nbt_header_dendrite_version: 9000000\r\n"));
  EXPECT_EQ(boost::json::parse(got->body).at("axon").at("port").as_int64(), axon.port());
}

TEST_F(dendrite_calls, status_codes) {
  EXPECT_EQ(against(http("403 Forbidden", R"({"message":"Forbidden. Key is blacklisted: x."})")).code,
            errc::miner_refused);
  const auto r = against(http("401 Unauthorized", R"({"message":"Not Verified with error: Nonce is too old"})"));
  EXPECT_EQ(r.code, errc::miner_refused);
  EXPECT_THAT(r.detail, HasSubstr("Nonce is too old"));
  EXPECT_FALSE(r.answered_no);
  EXPECT_EQ(against(http("404 Not Found", "{}"), miner_action::specs).code, errc::miner_refused);
  EXPECT_EQ(against(http("500 Internal Server Error", R"({"message":"Internal Server Error #1"})")).code,
            errc::miner_failed);
  EXPECT_EQ(against(http("302 Found", "", "Location: http://127.0.0.1/\r\n")).code, errc::miner_nonsense);
  EXPECT_EQ(against(http("204 No Content", "")).code, errc::miner_nonsense);
  EXPECT_TRUE(against(ok(R"({"status":false})")).answered_no);
}

TEST_F(dendrite_calls, all_kinds_of_nonsense) {
  const std::string body(3000, 'x');
  for (const std::string& bytes : {
           std::string("hello\r\n\r\n"),
           std::string("SSH-2.0-OpenSSH_9.2p1\r\n"),
           std::string("\x00\x01\x02\xff\r\n\r\n", 8),
           std::string("HTTP/9.9 200 OK\r\n\r\n"),
           std::string("HTTP/1.1 2000 OK\r\n\r\n"),
           std::string("HTTP/1.1 200 OK\r\nContent-Length: nine\r\n\r\n"),
           std::string("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
           std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
           std::string("HTTP/1.1 200 OK\r\nbad header\r\n\r\n"),
           http("200 OK", "not json"),
           http("200 OK", "[]"),
           http("200 OK", R"({"output":[]})"),
           http("200 OK", R"({"output":{"port":4444}})"),
           http("200 OK", body),
           http("101 Switching Protocols", ""),
           "HTTP/1.1 200 OK\r\nX: " + std::string(100000, 'a') + "\r\n\r\n",
       }) {
    const auto r = against(bytes);
    EXPECT_EQ(r.code, errc::miner_nonsense) << bytes.substr(0, 60) << " -> " << r.detail;
  }
}

TEST_F(dendrite_calls, cut_off_in_head_or_body_is_nonsense) {
  EXPECT_EQ(against("HTTP/1.1 200 O").code, errc::miner_nonsense);
  EXPECT_EQ(against("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"output\"").code, errc::miner_nonsense);
  scripted_axon axon(io, [&](peer_ptr p, int) -> asio::awaitable<void> {
    if (!co_await p->request()) co_return;
    co_await p->say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
    p->reset();
  });
  EXPECT_EQ(ask(call_of(miner_action::reg, axon.port())).code, errc::miner_nonsense);
}

TEST_F(dendrite_calls, answers_without_a_length_and_in_chunks) {
  EXPECT_TRUE(against("HTTP/1.1 200 OK\r\n\r\n{\"output\":{\"status\":true}}").ok());
  EXPECT_TRUE(against("HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n{\"output\":{\"status\":true}}").ok());
  EXPECT_TRUE(against("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "c\r\n{\"output\":{\"\r\nE\r\nstatus\":true}}\r\n0\r\n\r\n")
                  .ok());
}

TEST_F(dendrite_calls, a_huge_body_is_nonsense_and_not_read_to_its_end) {
  dendrite_settings s;
  s.max_reply_bytes = 10000;
  make(s);
  EXPECT_EQ(against("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n").code, errc::miner_nonsense);
  bool dropped = false;
  scripted_axon axon(io, [&](peer_ptr p, int) -> asio::awaitable<void> {
    if (!co_await p->request()) co_return;
    co_await p->say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    boost::system::error_code ec;
    const std::string chunk = "400\r\n" + std::string(0x400, 'x') + "\r\n";
    while (!ec)
      co_await asio::async_write(p->socket, asio::buffer(chunk), asio::redirect_error(asio::use_awaitable, ec));
    dropped = true;
  });
  const auto r = ask(call_of(miner_action::check, axon.port()));
  EXPECT_EQ(r.code, errc::miner_nonsense);
  EXPECT_THAT(r.detail, HasSubstr("too long"));
  EXPECT_TRUE(run_until(io, [&] { return dropped; }));
}

TEST_F(dendrite_calls, closed_without_a_byte_is_a_miner_that_raised_an_error) {
  EXPECT_EQ(against("", miner_action::reg).code, errc::miner_failed);
  EXPECT_EQ(against("", miner_action::check).code, errc::miner_failed);
  int requests = 0;
  scripted_axon resets(io, [&](peer_ptr p, int) -> asio::awaitable<void> {
    if (co_await p->request()) ++requests;
    p->reset();
  });
  EXPECT_EQ(ask(call_of(miner_action::check, resets.port())).code, errc::miner_failed);
  EXPECT_EQ(requests, 1) << "on a fresh connection there is nothing to repeat";
  scripted_axon at_once(io, [&](peer_ptr p, int) -> asio::awaitable<void> {
    p->reset();
    co_return;
  });
  EXPECT_EQ(ask(call_of(miner_action::reg, at_once.port())).code, errc::miner_failed);
}

TEST_F(dendrite_calls, an_early_refusal_is_heard_though_the_request_was_not_read) {
  scripted_axon axon(io, [&](peer_ptr p, int) -> asio::awaitable<void> {
    co_await p->say(http("403 Forbidden", R"({"message":"go away"})"));
    co_await p->wait_for_close();
  });
  EXPECT_THAT(ask(call_of(miner_action::reg, axon.port())).detail, HasSubstr("go away"));
}

TEST_F(dendrite_calls, interim_answers) {
  EXPECT_TRUE(against("HTTP/1.1 100 Continue\r\n\r\n" + yes).ok());
  EXPECT_TRUE(against("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + yes).ok());
  EXPECT_EQ(against("HTTP/1.1 100 Continue\r\n\r\n", miner_action::reg).code, errc::miner_failed);
  EXPECT_EQ(against(http("100 Continue", R"({"message":"Internal Server Error #1"})")).code, errc::miner_failed);
  EXPECT_EQ(against("HTTP/1.1 100 Continue\r\n\r\n{\"message\":\"x\"}").code, errc::miner_failed);
  std::string many;
  for (int i = 0; i < 50; ++i) many += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(against(many + yes).code, errc::miner_nonsense);
}

TEST_F(dendrite_calls, an_error_with_status_100_that_keeps_the_connection_does_not_wait_for_the_deadline) {
  scripted_axon axon(io, [&](peer_ptr p, int) -> asio::awaitable<void> {
    if (!co_await p->request()) co_return;
    co_await p->say(http("100 Continue", R"({"message":"Internal Server Error #1"})"));
    co_await p->wait_for_close();
  });
  const auto begun = steady_clock::now();
  EXPECT_EQ(ask(call_of(miner_action::reg, axon.port())).code, errc::miner_failed);
  EXPECT_LT(steady_clock::now() - begun, std::chrono::seconds(10));
}

TEST_F(dendrite_calls, silence_times_out_and_the_connection_is_closed) {
  bool closed = false;
  scripted_axon axon(io, [&](peer_ptr p, int) -> asio::awaitable<void> {
    co_await p->request();
    co_await p->wait_for_close();
    closed = true;
  });
  const auto begun = steady_clock::now();
  EXPECT_EQ(ask(call_of(miner_action::reg, axon.port(), milliseconds(150))).code, errc::miner_timed_out);
  EXPECT_GE(steady_clock::now() - begun, milliseconds(150));
  EXPECT_TRUE(run_until(io, [&] { return closed; }));
}

TEST_F(dendrite_calls, a_slow_drip_does_not_extend_the_deadline) {
  scripted_axon axon(io, [&](peer_ptr p, int) -> asio::awaitable<void> {
    co_await p->request();
    boost::system::error_code ec;
    asio::steady_timer pause(io);
    for (const char c : yes) {
      co_await asio::async_write(p->socket, asio::buffer(&c, 1), asio::redirect_error(asio::use_awaitable, ec));
      if (ec) co_return;
      pause.expires_after(milliseconds(20));
      co_await pause.async_wait(asio::use_awaitable);
    }
  });
  const auto begun = steady_clock::now();
  EXPECT_EQ(ask(call_of(miner_action::check, axon.port(), milliseconds(200))).code, errc::miner_timed_out);
  EXPECT_LT(steady_clock::now() - begun, milliseconds(1500));
  EXPECT_TRUE(ask(call_of(miner_action::check, axon.port())).ok()) << "slow, but in time";
}

TEST_F(dendrite_calls, axons_that_cannot_be_reached) {
  tcp::acceptor taken(io, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
  const auto port = taken.local_endpoint().port();
  taken.close();
  EXPECT_EQ(ask(call_of(miner_action::reg, port)).code, errc::miner_unreachable);
  auto c = call_of(miner_action::reg, 8091);
  for (const auto* ip : {"0.0.0.0", "::", "", "example.org", "127.0.0.1\r\nX: y", "[::1", "300.1.1.1"}) {
    c.to.ip = ip;
    const auto r = ask(c);
    EXPECT_EQ(r.code, errc::miner_unreachable) << ip;
    EXPECT_EQ(r.detail, "not serving") << ip;
  }
  EXPECT_EQ(ask(call_of(miner_action::reg, 0)).code, errc::miner_unreachable);
  c = call_of(miner_action::reg, port);
  c.to.hotkey = "5Grw\r\nInjected: yes";
  EXPECT_EQ(ask(c).code, errc::miner_unreachable);
}

TEST_F(dendrite_calls, no_connection_in_time_is_unreachable_and_not_timed_out) {
  // A listener whose queue is full: further connections stay half open.
  tcp::acceptor full(io);
  const tcp::endpoint any(asio::ip::make_address("127.0.0.1"), 0);
  full.open(any.protocol());
  full.bind(any);
  full.listen(0);
  std::vector<std::unique_ptr<tcp::socket>> fillers;
  for (int i = 0; i < 8; ++i) {
    fillers.push_back(std::make_unique<tcp::socket>(io));
    fillers.back()->async_connect(full.local_endpoint(), [](boost::system::error_code) {});
  }
  EXPECT_EQ(ask(call_of(miner_action::reg, full.local_endpoint().port(), milliseconds(200))).code,
            errc::miner_unreachable);
  dendrite_settings s;
  s.connect_timeout = milliseconds(100);
  make(s);
  const auto begun = steady_clock::now();
  EXPECT_EQ(ask(call_of(miner_action::reg, full.local_endpoint().port())).code, errc::miner_unreachable);
  EXPECT_LT(steady_clock::now() - begun, milliseconds(5000)) << "the connect timeout is apart from the deadline";
}

TEST_F(dendrite_calls, ipv6_axons_are_bracketed) {
  std::string head;
  const auto script = [&](peer_ptr p, int) -> asio::awaitable<void> {
    if (const auto r = co_await p->request()) head = r->head;
    co_await p->say(yes);
  };
  std::unique_ptr<scripted_axon> axon;
  try {
    axon = std::make_unique<scripted_axon>(io, script, "::1");
  } catch (const boost::system::system_error&) {
    GTEST_SKIP() << "no IPv6 on this host";
  }
  auto c = call_of(miner_action::check, axon->port());
  for (const auto* ip : {"::1", "[::1]"}) {
    c.to.ip = ip;
    EXPECT_TRUE(ask(c).ok()) << ip;
    EXPECT_THAT(head, HasSubstr("\r\nHost: [::1]:" + std::to_string(axon->port()) + "\r\n"));
  }
}

TEST_F(dendrite_calls, read_only_actions_share_a_connection_and_others_get_their_own) {
  std::set<std::string> nonces;
  scripted_axon axon(io, [&](peer_ptr p, int) -> asio::awaitable<void> {
    while (const auto r = co_await p->request()) {
      nonces.insert(r->head.substr(r->head.find("bt_header_dendrite_nonce: "), 45));
      co_await p->say(yes);
    }
  });
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(ask(call_of(miner_action::check, axon.port())).ok());
  EXPECT_EQ(axon.connections(), 1);
  EXPECT_TRUE(ask(call_of(miner_action::restart, axon.port())).ok());
  EXPECT_EQ(axon.connections(), 2);
  EXPECT_TRUE(ask(call_of(miner_action::holds, axon.port())).ok());
  EXPECT_EQ(axon.connections(), 2);
  EXPECT_EQ(nonces.size(), 7U);
}

TEST_F(dendrite_calls, connection_close_is_honoured) {
  scripted_axon axon(io, [&](peer_ptr p, int) -> asio::awaitable<void> {
    while (co_await p->request()) {
      co_await p->say(http("200 OK", R"({"output":{"status":true}})", "Connection: close\r\n"));
    }
  });
  EXPECT_TRUE(ask(call_of(miner_action::check, axon.port())).ok());
  EXPECT_TRUE(ask(call_of(miner_action::check, axon.port())).ok());
  EXPECT_EQ(axon.connections(), 2);
}

TEST_F(dendrite_calls, a_kept_connection_that_the_axon_closed_meanwhile_is_not_used) {
  peer_ptr first;
  int requests = 0;
  scripted_axon axon(io, [&](peer_ptr p, int n) -> asio::awaitable<void> {
    if (n == 0) first = p;
    while (co_await p->request()) {
      ++requests;
      co_await p->say(yes);
    }
  });
  EXPECT_TRUE(ask(call_of(miner_action::check, axon.port())).ok());
  first->socket.close();
  EXPECT_TRUE(ask(call_of(miner_action::check, axon.port())).ok());
  EXPECT_EQ(axon.connections(), 2);
  EXPECT_EQ(requests, 2);
}

TEST_F(dendrite_calls, a_kept_connection_with_unasked_bytes_is_not_used) {
  peer_ptr first;
  scripted_axon axon(io, [&](peer_ptr p, int n) -> asio::awaitable<void> {
    if (n == 0) first = p;
    while (co_await p->request()) co_await p->say(yes);
  });
  EXPECT_TRUE(ask(call_of(miner_action::check, axon.port())).ok());
  const std::string bogus = ok(R"({"status":false})");
  asio::write(first->socket, asio::buffer(bogus));
  EXPECT_TRUE(ask(call_of(miner_action::check, axon.port())).ok()) << "an earlier answer must never pass for this one";
  EXPECT_EQ(axon.connections(), 2);
}

TEST_F(dendrite_calls, a_kept_connection_that_closes_under_a_read_only_request_is_retried_once) {
  int requests = 0;
  scripted_axon axon(io, [&](peer_ptr p, int n) -> asio::awaitable<void> {
    while (co_await p->request()) {
      ++requests;
      if (n == 0 && requests == 2) co_return p->reset();  // the second on the first connection
      co_await p->say(yes);
    }
  });
  EXPECT_TRUE(ask(call_of(miner_action::check, axon.port())).ok());
  EXPECT_TRUE(ask(call_of(miner_action::check, axon.port())).ok());
  EXPECT_EQ(requests, 3);
  EXPECT_EQ(axon.connections(), 2);
}

TEST_F(dendrite_calls, the_retry_is_the_last) {
  int requests = 0;
  scripted_axon axon(io, [&](peer_ptr p, int) -> asio::awaitable<void> {
    while (co_await p->request()) {
      if (++requests > 1) co_return p->reset();
      co_await p->say(yes);
    }
  });
  EXPECT_TRUE(ask(call_of(miner_action::check, axon.port())).ok());
  EXPECT_EQ(ask(call_of(miner_action::check, axon.port())).code, errc::miner_failed);
  EXPECT_EQ(requests, 3);
}

TEST_F(dendrite_calls, idle_connections_are_bounded_and_closed_after_a_while) {
  dendrite_settings s;
  s.max_idle = 3;
  s.max_idle_per_axon = 2;
  s.idle_timeout = milliseconds(100);
  make(s);
  int open = 0;
  int waiting = 0;
  int most = 0;
  asio::steady_timer gate(io, asio::steady_timer::time_point::max());
  const auto script = [&](peer_ptr p, int) -> asio::awaitable<void> {
    ++open;
    while (co_await p->request()) {
      boost::system::error_code ec;
      if (++waiting < 8) {
        co_await gate.async_wait(asio::redirect_error(asio::use_awaitable, ec));
      } else {
        gate.cancel();
      }
      co_await p->say(yes);
    }
    --open;
  };
  scripted_axon a(io, script);
  scripted_axon b(io, script);
  int answered = 0;
  for (int i = 0; i < 4; ++i) {
    for (const auto port : {a.port(), b.port()}) {
      link->call(call_of(miner_action::check, port), [&](const miner_reply& r) { answered += r.ok() ? 1 : 0; });
    }
  }
  ASSERT_TRUE(run_until(io, [&] {
    most = std::max(most, open);
    return answered == 8;
  }));
  EXPECT_EQ(most, 8);
  EXPECT_TRUE(run_until(io, [&] { return open <= 3; }));
  EXPECT_TRUE(run_until(io, [&] { return open == 0; }));
}

TEST_F(dendrite_calls, calls_in_flight_are_bounded_per_axon_and_in_all) {
  dendrite_settings s;
  s.max_in_flight = 3;
  s.max_per_axon = 2;
  make(s);
  const auto script = [&](peer_ptr p, int) -> asio::awaitable<void> {
    co_await p->request();
    co_await p->wait_for_close();
  };
  scripted_axon a(io, script);
  scripted_axon b(io, script);
  std::vector<errc> codes;
  const auto note = [&](const miner_reply& r) { codes.push_back(r.code); };
  for (int i = 0; i < 3; ++i) link->call(call_of(miner_action::check, a.port(), milliseconds(300)), note);
  ASSERT_TRUE(run_until(io, [&] { return codes.size() == 1; }));
  EXPECT_EQ(codes[0], errc::overloaded) << "the third to one axon";
  link->call(call_of(miner_action::check, b.port(), milliseconds(300)), note);
  link->call(call_of(miner_action::check, b.port(), milliseconds(300)), note);
  ASSERT_TRUE(run_until(io, [&] { return codes.size() == 2; }));
  EXPECT_EQ(codes[1], errc::overloaded) << "the fourth in all";
  ASSERT_TRUE(run_until(io, [&] { return codes.size() == 5; }));
  for (std::size_t i = 2; i < 5; ++i) EXPECT_EQ(codes[i], errc::miner_timed_out);
  EXPECT_EQ(ask(call_of(miner_action::check, a.port(), milliseconds(50))).code, errc::miner_timed_out)
      << "the slots are free again";
}

TEST_F(dendrite_calls, shutdown_ends_every_call_and_probe_once) {
  make();
  int reached = 0;
  scripted_axon axon(io, [&](peer_ptr p, int) -> asio::awaitable<void> {
    ++reached;
    co_await p->wait_for_close();
  });
  std::vector<errc> codes;
  std::vector<ssh_state> states;
  const auto note = [&](const miner_reply& r) { codes.push_back(r.code); };
  for (int i = 0; i < 3; ++i) link->call(call_of(miner_action::reg, axon.port()), note);
  link->probe_ssh({}, "127.0.0.1", axon.port(), milliseconds(20000), [&](ssh_state s) { states.push_back(s); });
  ASSERT_TRUE(run_until(io, [&] { return reached == 4; }));
  link->call(call_of(miner_action::reg, axon.port()), note);  // not yet connected
  link->shutdown();
  link->shutdown();
  link->call(call_of(miner_action::reg, axon.port()), note);  // after it
  ASSERT_TRUE(run_until(io, [&] { return codes.size() == 5 && states.size() == 1; }));
  for (const auto c : codes) EXPECT_EQ(c, errc::shutting_down);
  EXPECT_EQ(states[0], ssh_state::unknown);
}

TEST_F(dendrite_calls, may_be_called_from_any_thread_of_a_pool) {
  make();
  scripted_axon axon(io, [&](peer_ptr p, int) -> asio::awaitable<void> {
    while (co_await p->request()) co_await p->say(yes);
  });
  asio::io_context link_io;
  dendrite other(link_io, test_hotkey());
  std::atomic<int> fine{0};
  std::atomic<int> ended{0};
  auto work = asio::make_work_guard(link_io);
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) threads.emplace_back([&] { link_io.run(); });
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, port = axon.port()] {
      for (int k = 0; k < 4; ++k) {
        other.call(call_of(miner_action::check, port), [&](const miner_reply& r) {
          if (r.ok()) ++fine;
          ++ended;
          asio::post(io, [] {});
        });
      }
    });
  }
  EXPECT_TRUE(run_until(io, [&] { return ended == 8; }));
  other.shutdown();
  work.reset();
  for (auto& t : threads) t.join();
  EXPECT_EQ(fine, 8);
}

// -- the SSH probe --

struct ssh_probe : dendrite_calls {
  ssh_state probe(std::uint16_t port, milliseconds timeout = milliseconds(20000), const char* ip = "127.0.0.1") {
    if (!link) make();
    std::optional<ssh_state> got;
    link->probe_ssh({}, ip, port, timeout, [&](ssh_state s) { got = s; });
    EXPECT_FALSE(got);
    EXPECT_TRUE(run_until(io, [&] { return got.has_value(); }));
    return got.value_or(ssh_state::unknown);
  }
  ssh_state probe_of(scripted_axon::script s, milliseconds timeout = milliseconds(20000)) {
    scripted_axon server(io, std::move(s));
    return probe(server.port(), timeout);
  }
};

TEST_F(ssh_probe, a_banner_is_open_and_nothing_is_sent) {
  std::string heard;
  bool closed = false;
  EXPECT_EQ(probe_of([&](peer_ptr p, int) -> asio::awaitable<void> {
              co_await p->say("SSH-2.0-OpenSSH_9.2p1 Debian\r\n");
              boost::system::error_code ec;
              co_await asio::async_read(p->socket, asio::dynamic_buffer(heard),
                                        asio::redirect_error(asio::use_awaitable, ec));
              closed = true;
            }),
            ssh_state::open);
  EXPECT_TRUE(run_until(io, [&] { return closed; }));
  EXPECT_TRUE(heard.empty());
}

TEST_F(ssh_probe, a_banner_in_pieces_or_after_other_lines_is_open) {
  EXPECT_EQ(probe_of([&](peer_ptr p, int) -> asio::awaitable<void> {
              co_await p->say("Welcome\r\nS");
              asio::steady_timer pause(io, milliseconds(20));
              co_await pause.async_wait(asio::use_awaitable);
              co_await p->say("SH-");
              co_await p->wait_for_close();
            }),
            ssh_state::open);
}

TEST_F(ssh_probe, without_a_banner_it_is_silent) {
  EXPECT_EQ(probe_of([](peer_ptr p, int) -> asio::awaitable<void> { co_await p->wait_for_close(); }, milliseconds(100)),
            ssh_state::silent);
  EXPECT_EQ(probe_of(
                [](peer_ptr p, int) -> asio::awaitable<void> {
                  co_await p->say(yes);
                  co_await p->wait_for_close();
                },
                milliseconds(100)),
            ssh_state::silent);
  EXPECT_EQ(probe_of([](peer_ptr p, int) -> asio::awaitable<void> {
              co_await p->say(std::string(20000, 'x'));
              co_await p->wait_for_close();
            }),
            ssh_state::silent)
      << "what talks without end is not waited for";
}

TEST_F(ssh_probe, refused_or_hung_up_on_is_closed) {
  tcp::acceptor taken(io, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
  const auto port = taken.local_endpoint().port();
  taken.close();
  EXPECT_EQ(probe(port), ssh_state::closed);
  EXPECT_EQ(probe_of([](peer_ptr, int) -> asio::awaitable<void> { co_return; }), ssh_state::closed);
  EXPECT_EQ(probe_of([](peer_ptr p, int) -> asio::awaitable<void> {
              p->reset();
              co_return;
            }),
            ssh_state::closed);
}

TEST_F(ssh_probe, what_says_nothing_of_the_container_is_unknown) {
  EXPECT_EQ(probe(22, milliseconds(1000), "0.0.0.0"), ssh_state::unknown);
  EXPECT_EQ(probe(22, milliseconds(1000), "not an address"), ssh_state::unknown);
  EXPECT_EQ(probe(0), ssh_state::unknown);
  EXPECT_EQ(probe(22, milliseconds(1000), "255.255.255.255"), ssh_state::unknown);
}

}  // namespace
}  // namespace lode::links
