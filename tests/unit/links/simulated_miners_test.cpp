#include "links/simulated_miners.hpp"

#include "crypto/crypto.hpp"
#include "crypto/hotkey.hpp"
#include "crypto/key_exchange.hpp"
#include "links/combined_link.hpp"
#include "tests/unit/links/scripted_axon.hpp"

#include <boost/json.hpp>
#include <gmock/gmock.h>

#include <map>
#include <set>

namespace lode::links {
namespace {

using test::run_until;
namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

simulated_settings settings_of(std::size_t count, std::uint64_t seed = 1) {
  simulated_settings s;
  s.count = count;
  s.seed = seed;
  return s;
}

struct simulation : testing::Test {
  asio::io_context io;
  std::unique_ptr<simulated_miners> link;
  crypto::key_pair ours = crypto::make_key_pair(key_kind::x25519).value();
  crypto::key_pair theirs = crypto::make_key_pair(key_kind::x25519).value();

  ~simulation() override {
    link.reset();
    io.restart();
    io.run();
  }

  simulated_miners& make(simulated_settings s) {
    link = std::make_unique<simulated_miners>(io, s);
    return *link;
  }
  miner_call of(miner_action a, const std::string& key = {}, std::size_t index = 0) const {
    miner_call c;
    c.action = a;
    const auto m = link->infos().at(index);
    c.to = {m.hotkey, m.ip, m.port, true};
    c.public_key = key;
    c.timeline_days = 1;
    c.timeout = milliseconds(20000);
    return c;
  }
  miner_reply ask(miner_call c) {
    std::optional<miner_reply> got;
    link->call(std::move(c), [&](miner_reply r) { got = std::move(r); });
    EXPECT_TRUE(run_until(io, [&] { return got.has_value(); }));
    return got.value_or(miner_reply{});
  }
  ssh_state probe(std::int64_t port) {
    std::optional<ssh_state> got;
    link->probe_ssh(of(miner_action::check).to, "", static_cast<std::uint16_t>(port), milliseconds(1000),
                    [&](ssh_state s) { got = s; });
    EXPECT_TRUE(run_until(io, [&] { return got.has_value(); }));
    return got.value_or(ssh_state::unknown);
  }
};

TEST_F(simulation, the_fleet_is_valid_varied_labelled_and_the_same_for_the_same_seed) {
  const auto fleet = make(settings_of(200)).infos();
  ASSERT_EQ(fleet.size(), 200U);
  std::set<std::string> hotkeys;
  std::set<std::string> ips;
  std::map<std::string, int> gpus;
  for (const auto& m : fleet) {
    EXPECT_TRUE(crypto::ss58_decode(m.hotkey)) << m.hotkey;
    EXPECT_TRUE(m.simulated);
    ASSERT_TRUE(m.specs);
    hotkeys.insert(m.hotkey);
    ips.insert(m.ip);
    ++gpus[m.specs->gpu_name];
    EXPECT_GT(m.specs->ram_available, 0);
    EXPECT_LE(m.specs->ram_available, m.specs->ram_total);
    EXPECT_GT(m.specs->disk_free, 0);
    EXPECT_EQ(m.specs->gpu_count > 0, m.specs->gpu_capacity_mib > 0);
  }
  EXPECT_EQ(hotkeys.size(), 200U);
  EXPECT_EQ(ips.size(), 200U);
  EXPECT_GE(gpus.size(), 8U);
  EXPECT_GT(gpus[""], 0) << "some have no GPU";
  EXPECT_EQ(simulated_miners(io, settings_of(200)).infos(), fleet);
  EXPECT_EQ(simulated_miners(io, settings_of(50)).infos()[49], fleet[49]);
  EXPECT_NE(simulated_miners(io, settings_of(200, 2)).infos()[0].hotkey, fleet[0].hotkey);
}

TEST_F(simulation, the_life_of_a_container) {
  make(settings_of(1));
  EXPECT_TRUE(ask(of(miner_action::check)).ok());
  EXPECT_TRUE(ask(of(miner_action::holds, ours.public_pem)).answered_no);
  EXPECT_TRUE(ask(of(miner_action::restart)).answered_no);

  const auto made = ask(of(miner_action::reg, ours.public_pem));
  ASSERT_TRUE(made.ok()) << made.detail;
  EXPECT_TRUE(made.takes_x25519);
  EXPECT_EQ(link->containers(), 1U);
  const auto access = boost::json::parse(crypto::decrypt_with(ours.private_pem, made.info).value());
  EXPECT_EQ(access.at("username").as_string(), "root");
  EXPECT_EQ(access.at("password").as_string().size(), 10U);
  EXPECT_EQ(access.at("port").as_int64(), made.port);
  EXPECT_EQ(access.at("version").as_int64(), 183);

  EXPECT_TRUE(ask(of(miner_action::check)).answered_no);
  EXPECT_TRUE(ask(of(miner_action::holds, ours.public_pem)).ok());
  EXPECT_TRUE(ask(of(miner_action::holds, theirs.public_pem)).answered_no);
  EXPECT_EQ(ask(of(miner_action::reg, ours.public_pem)).info, made.info) << "repeated, the answer is the same";
  EXPECT_EQ(link->registers_on_occupied(), 0U);
  EXPECT_EQ(probe(made.port), ssh_state::open);
  EXPECT_EQ(probe(made.port + 1), ssh_state::closed);

  EXPECT_TRUE(ask(of(miner_action::unpause)).answered_no);
  EXPECT_TRUE(ask(of(miner_action::pause)).ok());
  EXPECT_TRUE(ask(of(miner_action::pause)).answered_no);
  EXPECT_EQ(probe(made.port), ssh_state::silent);
  EXPECT_TRUE(ask(of(miner_action::holds, ours.public_pem)).answered_no) << "it does not run";
  EXPECT_TRUE(ask(of(miner_action::check)).answered_no) << "but the slot is not free";
  EXPECT_TRUE(ask(of(miner_action::unpause)).ok());
  EXPECT_TRUE(ask(of(miner_action::restart)).ok());
  auto exchange = of(miner_action::exchange_key);
  exchange.key_type = "user";
  EXPECT_TRUE(ask(exchange).ok());
  exchange.key_type = "root";
  EXPECT_TRUE(ask(exchange).answered_no);

  EXPECT_TRUE(ask(of(miner_action::reg, theirs.public_pem)).answered_no);
  EXPECT_EQ(link->registers_on_occupied(), 1U);
  EXPECT_TRUE(ask(of(miner_action::deregister, theirs.public_pem)).answered_no);
  EXPECT_EQ(link->containers(), 1U);
  EXPECT_TRUE(ask(of(miner_action::deregister, ours.public_pem)).ok());
  EXPECT_TRUE(ask(of(miner_action::deregister, ours.public_pem)).ok()) << "an absent container counts as removed";
  EXPECT_EQ(link->containers(), 0U);
  EXPECT_EQ(probe(made.port), ssh_state::closed);
}

TEST_F(simulation, miners_of_the_existing_kind_take_rsa_only) {
  auto s = settings_of(1);
  s.rsa_only_share = 1;
  make(s);
  EXPECT_FALSE(ask(of(miner_action::check)).takes_x25519);
  EXPECT_EQ(ask(of(miner_action::reg, ours.public_pem)).code, errc::miner_failed);
  EXPECT_EQ(ask(of(miner_action::reg, "nonsense")).code, errc::miner_failed);
  EXPECT_EQ(link->containers(), 0U);
  const auto rsa = crypto::make_key_pair(key_kind::rsa2048).value();
  const auto made = ask(of(miner_action::reg, rsa.public_pem));
  ASSERT_TRUE(made.ok());
  EXPECT_TRUE(crypto::decrypt_with(rsa.private_pem, made.info));
}

TEST_F(simulation, specs_say_what_infos_say) {
  make(settings_of(20));
  for (std::size_t i = 0; i < 20; ++i) {
    const auto r = ask(of(miner_action::specs, {}, i));
    ASSERT_TRUE(r.ok());
    const auto o = boost::json::parse(r.specs_json);
    const auto s = *link->infos()[i].specs;
    EXPECT_EQ(o.at("gpu").at("count").as_int64(), s.gpu_count);
    EXPECT_EQ(o.at("gpu").at("capacity").as_int64(), s.gpu_capacity_mib);
    EXPECT_EQ(static_cast<std::int64_t>(o.at("gpu").at("details").as_array().size()), s.gpu_count);
    EXPECT_EQ(o.at("hard_disk").at("free").as_int64(), s.disk_free);
    EXPECT_TRUE(o.at("simulated").as_bool());
  }
}

// The outcomes of `rounds` checks of each miner, asked in the order that `next` gives.
std::map<std::size_t, std::vector<errc>> outcomes(const simulated_settings& s, int rounds, bool by_miner) {
  asio::io_context io;
  simulated_miners link(io, s);
  std::map<std::size_t, std::vector<errc>> got;
  const auto infos = link.infos();
  const auto ask = [&](std::size_t i) {
    miner_call c;
    c.to = {infos[i].hotkey, infos[i].ip, infos[i].port, true};
    c.timeout = milliseconds(1);
    link.call(c, [&got, i](const miner_reply& r) { got[i].push_back(r.code); });
    io.restart();
    io.run();
  };
  if (by_miner) {
    for (std::size_t i = 0; i < infos.size(); ++i) {
      for (int k = 0; k < rounds; ++k) ask(i);
    }
  } else {
    for (int k = 0; k < rounds; ++k) {
      for (std::size_t i = infos.size(); i-- > 0;) ask(i);
    }
  }
  return got;
}

TEST(simulated_fate, depends_on_seed_miner_and_turn_only) {
  auto s = settings_of(10, 42);
  s.failure_rate = 0.3;
  s.stall_rate = 0.05;
  s.max_late = milliseconds(1);
  const auto reference = outcomes(s, 40, true);
  EXPECT_EQ(outcomes(s, 40, true), reference);
  EXPECT_EQ(outcomes(s, 40, false), reference) << "the order among miners must not matter";
  EXPECT_NE(reference.at(0), reference.at(1));
  s.seed = 43;
  EXPECT_NE(outcomes(s, 40, true), reference);
}

TEST(simulated_fate, rates_are_kept) {
  auto s = settings_of(20, 7);
  s.failure_rate = 0.2;
  s.stall_rate = 0.1;
  s.max_late = milliseconds(0);
  std::map<errc, int> count;
  for (const auto& [miner, codes] : outcomes(s, 100, true)) {
    for (const auto c : codes) ++count[c];
  }
  EXPECT_NEAR(count[errc::none], 1400, 100);
  EXPECT_NEAR(count[errc::miner_timed_out], 200, 60);
  for (const auto c : {errc::miner_refused, errc::miner_failed, errc::miner_unreachable})
    EXPECT_NEAR(count[c], 133, 50);
}

TEST(simulated_fate, nothing_fails_at_rate_zero) {
  for (const auto& [miner, codes] : outcomes(settings_of(10), 50, true)) {
    for (const auto c : codes) EXPECT_EQ(c, errc::none);
  }
}

TEST_F(simulation, a_stalled_register_lands_late_or_never_and_always_after_the_timeout) {
  auto s = settings_of(40);
  s.stall_rate = 1;
  s.max_late = milliseconds(50);
  make(s);
  int timed_out = 0;
  const auto begun = steady_clock::now();
  for (std::size_t i = 0; i < 40; ++i) {
    auto c = of(miner_action::reg, ours.public_pem, i);
    c.timeout = milliseconds(100);
    link->call(c, [&](const miner_reply& r) {
      EXPECT_EQ(r.code, errc::miner_timed_out);
      EXPECT_GE(steady_clock::now() - begun, milliseconds(100));
      ++timed_out;
    });
  }
  std::size_t before = 0;
  ASSERT_TRUE(run_until(io, [&] {
    if (timed_out == 0) before = std::max(before, link->containers());
    return timed_out == 40;
  }));
  EXPECT_EQ(before, 0U);
  io.restart();
  io.run();  // until the last late one
  EXPECT_GT(link->containers(), 8U);
  EXPECT_LT(link->containers(), 32U);
}

TEST_F(simulation, a_failed_register_may_have_made_a_container_and_a_refused_one_has_not) {
  auto s = settings_of(100);
  s.failure_rate = 1;
  make(s);
  std::size_t last = 0;
  std::map<errc, std::size_t> made;
  for (std::size_t i = 0; i < 100; ++i) {
    const auto r = ask(of(miner_action::reg, ours.public_pem, i));
    EXPECT_FALSE(r.ok());
    EXPECT_FALSE(r.answered_no);
    made[r.code] += link->containers() - last;
    last = link->containers();
  }
  EXPECT_GT(made[errc::miner_failed], 0U);
  EXPECT_EQ(made[errc::miner_refused], 0U);
  EXPECT_EQ(made[errc::miner_unreachable], 0U);
}

TEST_F(simulation, latency_is_kept_and_a_call_beyond_its_timeout_acts_late) {
  auto s = settings_of(1);
  s.latency = milliseconds(100);
  make(s);
  const auto begun = steady_clock::now();
  EXPECT_TRUE(ask(of(miner_action::check)).ok());
  EXPECT_GE(steady_clock::now() - begun, milliseconds(50));
  auto c = of(miner_action::reg, ours.public_pem);
  c.timeout = milliseconds(10);
  EXPECT_EQ(ask(c).code, errc::miner_timed_out);
  EXPECT_EQ(link->containers(), 0U);
  io.restart();
  io.run();
  EXPECT_EQ(link->containers(), 1U);
}

TEST_F(simulation, shutdown_completes_everything_once) {
  auto s = settings_of(2);
  s.latency = milliseconds(60000);
  make(s);
  std::vector<errc> codes;
  auto c = of(miner_action::reg, ours.public_pem);
  c.timeout = milliseconds(600000);
  for (int i = 0; i < 3; ++i) link->call(c, [&](const miner_reply& r) { codes.push_back(r.code); });
  io.poll();
  link->shutdown();
  link->call(c, [&](const miner_reply& r) { codes.push_back(r.code); });
  io.restart();
  io.run();
  EXPECT_EQ(codes, std::vector<errc>(4, errc::shutting_down));
  EXPECT_EQ(link->containers(), 0U);
}

TEST_F(simulation, without_latency_it_answers_more_than_20000_calls_a_second) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitized build says nothing about speed";
#endif
  make(settings_of(50));
  const auto c = of(miner_action::check);
  int left = 40000;
  const auto begun = steady_clock::now();
  std::function<void(miner_reply)> again = [&](const miner_reply& r) {
    ASSERT_TRUE(r.ok());
    if (--left > 0) link->call(c, again);
  };
  for (int i = 0; i < 8; ++i) link->call(c, again);
  io.run();
  EXPECT_LE(left, 0);
  const std::chrono::duration<double> took = steady_clock::now() - begun;
  RecordProperty("calls_per_second", static_cast<int>(40000 / took.count()));
  EXPECT_LT(took.count(), 2.0);
}

struct recorder : miner_link {
  int calls = 0, probes = 0, shutdowns = 0;
  void call(miner_call, std::function<void(miner_reply)>) override { ++calls; }
  void probe_ssh(axon, std::string, std::uint16_t, milliseconds, std::function<void(ssh_state)>) override { ++probes; }
  void shutdown() override { ++shutdowns; }
};

TEST(combined_link, routes_by_the_label_and_shuts_both_down) {
  const auto simulated = std::make_shared<recorder>();
  const auto real = std::make_shared<recorder>();
  combined_link link(simulated, real);
  miner_call c;
  link.call(c, {});
  link.probe_ssh(c.to, "", 1, {}, {});
  EXPECT_EQ(real->calls, 1);
  EXPECT_EQ(real->probes, 1);
  c.to.simulated = true;
  link.call(c, {});
  link.call(c, {});
  link.probe_ssh(c.to, "", 1, {}, {});
  EXPECT_EQ(simulated->calls, 2);
  EXPECT_EQ(simulated->probes, 1);
  EXPECT_EQ(real->calls, 1);
  link.shutdown();
  EXPECT_EQ(simulated->shutdowns + real->shutdowns, 2);
}

}  // namespace
}  // namespace lode::links
