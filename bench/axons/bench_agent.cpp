// bench_agent: measures a lode-miner.
//   bench_agent calls      signed calls "is the slot free?", one after another from each of some callers
//   bench_agent rentals    in turns: a register and a deregister by lode-miner; the same container made by lode-miner's
//                          own container_maker in this process; the same container created and started over the
//                          engine's API and nothing else
// Prints one line of JSON. Exit status: 0 measured; 1 something failed, with its reason; 2 wrong arguments.

#include "crypto/crypto.hpp"
#include "crypto/hotkey.hpp"
#include "crypto/key_exchange.hpp"
#include "links/dendrite.hpp"
#include "miner/background.hpp"
#include "miner/banner.hpp"
#include "miner/container.hpp"
#include "miner/docker_engine.hpp"
#include "miner/specs.hpp"
#include "miner/ssh_access.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <unistd.h>
#include <vector>

namespace {

using namespace lode;  // NOLINT(google-build-using-namespace): a program of one file
using clock_type = std::chrono::steady_clock;
using miner::event;
using miner::task;

double ms_since(clock_type::time_point begin) {
  return std::chrono::duration<double, std::milli>(clock_type::now() - begin).count();
}

// Ends the program with the reason.
[[noreturn]] void give_up(std::string_view what, std::string_view why) {
  throw std::runtime_error{fmt::format("{}: {}", what, why)};
}

// What an exception leaves behind is in no state to be taken apart; the reason is in the log.
void run_or_end(boost::asio::io_context& io) {
  if (miner::run_all(io)) return;
  std::fflush(nullptr);
  ::_exit(1);
}

struct settings {
  std::string hotkey_file;  // of the validator
  std::string agent;        // HOTKEY@IP:PORT
  std::size_t callers = 8;
  double seconds = 3;
  std::string socket;
  std::string image = "localhost/lode-base:1";
  std::size_t rounds = 10;
  std::uint16_t port = 0;
};

axon axon_from(const std::string& text) {
  const auto at = text.find('@');
  const auto colon = text.rfind(':');
  if (at == std::string::npos || colon == std::string::npos || colon < at)
    give_up("--agent", "expected HOTKEY@IP:PORT");
  return {text.substr(0, at), text.substr(at + 1, colon - at - 1),
          static_cast<std::uint16_t>(std::stoul(text.substr(colon + 1))), false};
}

task<miner_reply> call(boost::asio::io_context& io, links::dendrite& link, miner_call c) {
  auto done = std::make_shared<event>(io);
  auto got = std::make_shared<miner_reply>();
  link.call(std::move(c), [done, got](miner_reply r) {
    *got = std::move(r);
    done->set();
  });
  co_await done->wait();
  co_return std::move(*got);
}

// --- calls -----------------------------------------------------------------------------------------------------------

struct tally {
  std::vector<double> times;
  std::size_t failed = 0;
  std::size_t running = 0;
  std::string reason;
};

// Of one caller: nonces must arrive in order, so it has one call under way at a time.
task<void> keep_calling(boost::asio::io_context& io, links::dendrite& link, axon to, clock_type::time_point from,
                        clock_type::time_point until, tally& sum) {
  while (clock_type::now() < until) {
    miner_call c;
    c.action = miner_action::check;
    c.to = to;
    c.timeline_days = 1;
    const auto begin = clock_type::now();
    const auto reply = co_await call(io, link, std::move(c));
    if (!reply.ok()) {
      ++sum.failed;
      sum.reason = reply.detail;
    }
    if (begin >= from) sum.times.push_back(ms_since(begin));
  }
  if (--sum.running == 0) io.stop();
}

int measure_calls(const settings& s, const crypto::hotkey& key) {
  boost::asio::io_context io{1};
  const auto to = axon_from(s.agent);
  std::vector<std::unique_ptr<links::dendrite>> links;
  tally sum;
  sum.running = s.callers;
  constexpr std::chrono::milliseconds warmup{500};
  const auto from = clock_type::now() + warmup;
  const auto until = from + std::chrono::milliseconds{static_cast<std::int64_t>(s.seconds * 1000)};
  for (std::size_t i = 0; i < s.callers; ++i) {
    // A link each, for it has a nonce of its own.
    links.push_back(std::make_unique<links::dendrite>(io, key));
    miner::start_task(io, "caller", keep_calling(io, *links.back(), to, from, until, sum));
  }
  run_or_end(io);
  if (sum.failed != 0) give_up(fmt::format("{} calls", sum.failed), sum.reason);
  if (sum.times.empty()) give_up("calls", "none was answered in the time");
  std::ranges::sort(sum.times);
  const auto at = [&](double q) {
    return sum.times[static_cast<std::size_t>(q * static_cast<double>(sum.times.size() - 1))];
  };
  fmt::print(R"({{"callers":{},"calls":{},"calls_per_second":{:.1f},"p50_ms":{:.3f},"p99_ms":{:.3f}}})"
             "\n",
             s.callers, sum.times.size(), static_cast<double>(sum.times.size()) / s.seconds, at(0.5), at(0.99));
  return 0;
}

// --- rentals ---------------------------------------------------------------------------------------------------------

class rentals {
 public:
  rentals(boost::asio::io_context& io, const settings& s, const crypto::hotkey& key)
      : io_(io), settings_(s), link_(io, key), agent_(axon_from(s.agent)) {
    miner::docker_engine_options engine;
    engine.socket = s.socket;
    engine_ = miner::make_docker_engine(io, engine);
    rules_.owner = key.address;
    rules_.images = {{"ubuntu", s.image}};
    rules_.publish_ip = "127.0.0.1";
    rules_.port_first = s.port;
    rules_.port_last = static_cast<std::uint16_t>(s.port + 19);
    rules_.name_prefix = "bench";
    rules_.offer_gpus = false;
    rules_.cgroup_parent = "/lode";
    maker_.emplace(io, *engine_, rules_, miner::reads_ssh_banner);
  }

  task<void> run() {
    const auto machine = miner::look_at_machine("/", {});
    if (!machine) give_up("this machine", machine.error().detail);
    host_ = machine->capacity;
    // The first container of an image costs more, whoever makes it.
    co_await directly(false);
    co_await by_maker(false);
    co_await by_agent(false);
    for (std::size_t i = 0; i < settings_.rounds; ++i) {
      // Each is first in turn.
      for (std::size_t k = 0; k < 3; ++k) {
        const auto turn = (i + k) % 3;
        if (turn == 0) co_await directly(true);
        if (turn == 1) co_await by_maker(true);
        if (turn == 2) co_await by_agent(true);
      }
    }
    io_.stop();
  }

  void print() {
    fmt::print(R"({{"rounds":{},"create_ms":{},"start_ms":{},"create_start_ms":{},"make_ms":{},"register_ms":{},)"
               R"("overhead_ms":{},"beyond_make_ms":{},"deregister_ms":{},"remove_ms":{}}})"
               "\n",
               settings_.rounds, all(create_), all(start_), all(create_start_), all(make_), all(register_),
               all(less(register_, create_start_)), all(less(register_, make_)), all(deregister_), all(remove_));
  }

 private:
  static std::string all(std::vector<double> v) {
    std::ranges::sort(v);
    const auto at = [&](double q) {
      return v[static_cast<std::size_t>(std::lround(q * static_cast<double>(v.size() - 1)))];
    };
    return fmt::format(R"({{"median":{:.1f},"least":{:.1f},"most":{:.1f}}})", at(0.5), v.front(), v.back());
  }
  // Of the same round: what the machine does meanwhile changes from minute to minute.
  static std::vector<double> less(const std::vector<double>& a, const std::vector<double>& b) {
    std::vector<double> out;
    for (std::size_t i = 0; i < a.size(); ++i) out.push_back(a[i] - b[i]);
    return out;
  }

  miner::rental_plan plan_of(const std::string& pem) {
    miner::rental_request request;
    request.base_image = "ubuntu";
    request.cpu_count = 1;
    request.ram_bytes = 1LL << 30U;
    auto plan = miner::plan_rental(rules_, host_, request, miner::allocation_id(pem));
    if (!plan) give_up("planning", plan.error().detail);
    return std::move(*plan);
  }
  static std::string fresh_key() {
    const auto pair = crypto::make_key_pair(key_kind::x25519);
    if (!pair) give_up("keys", pair.error().detail);
    return pair->public_pem;
  }

  task<void> directly(bool counted) {
    const auto plan = plan_of(fresh_key());
    const auto spec = miner::rental_spec(rules_, plan, rules_.port_last);
    const auto begin = clock_type::now();
    const auto id = co_await engine_->create(spec);
    if (!id) give_up("create", id.error().to_string());
    const auto create = ms_since(begin);
    const auto started = co_await engine_->start(*id);
    if (!started) give_up("start", started.error().to_string());
    const auto both = ms_since(begin);
    const auto end = clock_type::now();
    const auto removed = co_await maker_->remove_until_gone(*id);
    if (!removed) give_up("remove", removed.error().to_string());
    if (!counted) co_return;
    create_.push_back(create);
    start_.push_back(both - create);
    create_start_.push_back(both);
    remove_.push_back(ms_since(end));
  }

  task<void> by_maker(bool counted) {
    const auto plan = plan_of(fresh_key());
    event cancel{io_};
    const auto password = crypto::random_password(20);
    const auto begin = clock_type::now();
    const auto made = co_await maker_->make(plan, password, cancel);
    if (!made) give_up("make", made.error().to_string());
    if (counted) make_.push_back(ms_since(begin));
    const auto removed = co_await maker_->remove_all(plan.allocation);
    if (!removed) give_up("remove", removed.error().to_string());
  }

  task<void> by_agent(bool counted) {
    miner_call c;
    c.action = miner_action::reg;
    c.to = agent_;
    c.public_key = fresh_key();
    c.timeline_days = 1;
    c.device.gpu_type = "";
    c.device.gpu_size = 0;
    c.timeout = std::chrono::seconds{100};
    const auto begin = clock_type::now();
    const auto made = co_await call(io_, link_, c);
    if (!made.ok()) give_up("register", made.detail);
    const auto took = ms_since(begin);
    c.action = miner_action::deregister;
    c.timeline_days = 0;
    const auto end = clock_type::now();
    const auto removed = co_await call(io_, link_, c);
    if (!removed.ok()) give_up("deregister", removed.detail);
    if (!counted) co_return;
    register_.push_back(took);
    deregister_.push_back(ms_since(end));
  }

  boost::asio::io_context& io_;
  const settings& settings_;
  links::dendrite link_;
  axon agent_;
  std::unique_ptr<miner::engine> engine_;
  miner::rental_options rules_;
  miner::host_capacity host_;
  std::optional<miner::container_maker> maker_;
  std::vector<double> create_, start_, create_start_, make_, register_, deregister_, remove_;
};

int measure_rentals(const settings& s, const crypto::hotkey& key) {
  boost::asio::io_context io{1};
  rentals r{io, s, key};
  miner::start_task(io, "rentals", r.run());
  run_or_end(io);
  r.print();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  settings s;
  CLI::App app{"Measures a lode-miner."};
  app.require_subcommand(1);
  auto* calls = app.add_subcommand("calls", "Signed calls a second");
  auto* made = app.add_subcommand("rentals", "What a rental costs beyond the engine's own create and start");
  for (auto* command : {calls, made}) {
    command->add_option("--hotkey-file", s.hotkey_file, "Hotkey of the validator that calls")->required();
    command->add_option("--agent", s.agent, "HOTKEY@IP:PORT of the lode-miner")->required();
  }
  calls->add_option("--callers", s.callers, "Callers at once")->check(CLI::Range(1, 256))->capture_default_str();
  calls->add_option("--seconds", s.seconds, "How long")->check(CLI::Range(0.1, 600.0))->capture_default_str();
  made->add_option("--socket", s.socket, "Socket of the engine that the lode-miner uses")->required();
  made->add_option("--image", s.image, "The image that the lode-miner uses")->capture_default_str();
  made->add_option("--rounds", s.rounds, "Containers of each kind")->check(CLI::Range(1, 1000))->capture_default_str();
  made->add_option("--port", s.port, "First of 20 ports for containers that the lode-miner does not make")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  spdlog::set_level(spdlog::level::warn);
  std::signal(SIGPIPE, SIG_IGN);
  try {
    if (const auto ready = crypto::init(); !ready) give_up("libsodium", ready.error().to_string());
    const auto key = crypto::load_hotkey(s.hotkey_file);
    if (!key) give_up(s.hotkey_file, key.error().detail);
    return calls->parsed() ? measure_calls(s, *key) : measure_rentals(s, *key);
  } catch (const std::exception& e) {
    fmt::print(stderr, "bench_agent: {}\n", e.what());
    return 1;
  }
}
