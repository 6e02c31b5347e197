// lode-miner: the agent on a host that rents out containers. No word: run; `specs`: print this machine's hardware;
// `wallet new FILE`, `wallet show FILE`: make a hotkey, print a hotkey's address.

#include "config/logging.hpp"
#include "config/service_manager.hpp"
#include "config/settings.hpp"
#include "crypto/crypto.hpp"
#include "crypto/hotkey.hpp"
#include "miner/agent.hpp"
#include "miner/background.hpp"
#include "miner/settings.hpp"

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <system_error>
#include <unistd.h>

namespace {

constexpr int exit_failed = 1;
constexpr int exit_config = 2;
constexpr int exit_interrupted = 130;
constexpr std::chrono::seconds stop_bound{25};

int complain(const lode::error& e) {
  fmt::print(stderr, "lode-miner: {}\n", e.detail.empty() ? e.to_string() : e.detail);
  const bool config = e == lode::errc::config_invalid || e == lode::errc::key_invalid;
  return config ? exit_config : exit_failed;
}

int wallet(const std::vector<std::string>& words) {
  if (words.size() != 3 || (words[1] != "new" && words[1] != "show")) {
    fmt::print(stderr, "usage: lode-miner wallet new FILE | lode-miner wallet show FILE\n");
    return exit_config;
  }
  const auto hotkey = words[1] == "new" ? lode::crypto::create_hotkey(words[2]) : lode::crypto::load_hotkey(words[2]);
  if (hotkey.has_error()) return complain(hotkey.error());
  fmt::print("{}\n", hotkey->address);
  return 0;
}

int specs(const lode::config::agent_settings& settings) {
  boost::asio::io_context io;
  const auto gpus = settings.container.gpu == "none" ? std::vector<lode::miner::gpu>{} : lode::miner::find_gpus();
  const auto machine = lode::miner::look_at_machine("/", gpus);
  if (machine.has_error()) return complain(machine.error());
  lode::miner::docker_engine_options options;
  options.socket = settings.engine.socket;
  options.call_timeout = std::chrono::milliseconds{settings.engine.request_timeout_ms};
  const auto engine = lode::miner::make_docker_engine(io, std::move(options));
  bool answers = false;
  const auto ask = [&]() -> lode::miner::task<void> { answers = (co_await engine->ping()).has_value(); };
  if (!lode::miner::run_to_end(io, ask())) return exit_failed;
  fmt::print("{}\n", lode::miner::specs_json(*machine, answers));
  return 0;
}

lode::result<lode::crypto::hotkey> own_hotkey(const lode::config::agent_settings& settings) {
  if (settings.wallet.hotkey_file.empty())
    return lode::error{lode::errc::config_invalid,
                       "wallet.hotkey-file is not set; make one with: lode-miner wallet new FILE"};
  return lode::crypto::load_hotkey(settings.wallet.hotkey_file);
}

/// What --check-config finds beyond the settings themselves. Changes nothing.
lode::config::check_report check_files(const lode::config::agent_settings& settings) {
  lode::config::check_report out;
  const auto hotkey = own_hotkey(settings);
  if (hotkey.has_error()) out.problems.push_back(hotkey.error().detail);
  const auto options = lode::miner::agent_options_from(settings, hotkey ? hotkey->address : "");
  if (options.has_error()) out.problems.push_back(options.error().detail);
  if (auto why = lode::config::not_writable("state.path", settings.state.path); !why.empty())
    out.problems.push_back(std::move(why));
  // The engine may come later: the agent waits for it.
  if (::access(settings.engine.socket.c_str(), R_OK | W_OK) != 0)
    out.notes.push_back(fmt::format("engine.socket {}: {}; lode-miner waits for the engine", settings.engine.socket,
                                    std::generic_category().message(errno)));
  if (settings.access.allow_any) out.notes.emplace_back("access.allow-any: every hotkey may call, for trials only");
  return out;
}

int run(const lode::config::agent_settings& settings) {
  const auto hotkey = own_hotkey(settings);
  if (hotkey.has_error()) return complain(hotkey.error());
  auto options = lode::miner::agent_options_from(settings, hotkey->address);
  if (options.has_error()) return complain(options.error());

  boost::asio::io_context io{1};
  auto agent = lode::miner::agent::make(io, std::move(*options));
  if (agent.has_error()) return complain(agent.error());

  boost::asio::signal_set signals{io, SIGINT, SIGTERM};
  boost::asio::steady_timer overdue{io};
  signals.async_wait([&](const boost::system::error_code& ec, int) {
    if (ec) return;
    lode::config::tell_service_manager("STOPPING=1");
    (*agent)->stop();
    overdue.expires_after(stop_bound);
    overdue.async_wait([](const boost::system::error_code& cancelled) {
      if (cancelled) return;
      spdlog::error("not stopped within {} s: the engine hangs; what is left is finished at the next start",
                    stop_bound.count());
      ::_exit(exit_failed);
    });
    // Nothing on disk is ever half done, so the second one need not wait.
    signals.async_wait([](const boost::system::error_code& again, int) {
      if (!again) ::_exit(exit_interrupted);
    });
  });

  int status = 0;
  (*agent)->run(
      [](const std::string& address) {
        fmt::print("listening on http://{}\n", address);
        std::fflush(stdout);
        lode::config::tell_service_manager("READY=1");
      },
      [&](const lode::result<void>& ended) {
        if (ended.has_error()) status = complain(ended.error());
        signals.cancel();
        io.stop();
      });
  if (!lode::miner::run_all(io)) {
    std::fflush(nullptr);
    ::_exit(exit_failed);  // what is half done is finished at the next start
  }
  spdlog::info("stopped");
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  auto parsed = lode::config::parse_agent(argc, argv, environ, check_files);
  if (const auto* text = std::get_if<lode::config::print_and_exit>(&parsed)) {
    fmt::print(text->exit_code == 0 ? stdout : stderr, "{}", text->text);
    return text->exit_code;
  }
  const auto& [settings, words] = std::get<lode::config::run_with<lode::config::agent_settings>>(parsed);
  if (const auto ready = lode::crypto::init(); ready.has_error()) return complain(ready.error());
  lode::config::start_logging(settings.log.level, settings.log.format);
  std::signal(SIGPIPE, SIG_IGN);
  if (words.empty() || (words.size() == 1 && words[0] == "run")) return run(settings);
  if (words.size() == 1 && words[0] == "specs") return specs(settings);
  if (words[0] == "wallet") return wallet(words);
  fmt::print(stderr,
             "lode-miner: {} takes no more words; commands: run (default), specs, wallet new FILE, wallet show FILE\n",
             words[0]);
  return exit_config;
}
