#include "config/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace lode::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class settings_test : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = std::filesystem::temp_directory_path() / ("lode-config-" + std::to_string(::getpid()) + "-" +
                                                     testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(dir_);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  std::string file(const std::string& text) {
    const auto path = dir_ / "lode.toml";
    std::ofstream{path} << text;
    return path.string();
  }

  template <class Settings, class Parse>
  outcome<Settings> call(Parse parse, const std::vector<std::string>& args, const std::vector<std::string>& env) {
    std::vector<const char*> argv{"program"};
    argv.reserve(args.size() + 1);
    for (const auto& a : args) argv.push_back(a.c_str());
    std::vector<const char*> envp;
    envp.reserve(env.size() + 1);
    for (const auto& e : env) envp.push_back(e.c_str());
    envp.push_back(nullptr);
    return parse(static_cast<int>(argv.size()), argv.data(), envp.data());
  }
  outcome<daemon_settings> daemon(const std::vector<std::string>& args, const std::vector<std::string>& env = {}) {
    const auto parse = [](int argc, const char* const* argv, const char* const* envp) {
      return parse_daemon(argc, argv, envp);
    };
    return call<daemon_settings>(parse, args, env);
  }
  outcome<agent_settings> agent(const std::vector<std::string>& args, const std::vector<std::string>& env = {}) {
    const auto parse = [](int argc, const char* const* argv, const char* const* envp) {
      return parse_agent(argc, argv, envp);
    };
    return call<agent_settings>(parse, args, env);
  }

 private:
  std::filesystem::path dir_;
};

template <class Settings>
const Settings& settings_of(const outcome<Settings>& o) {
  if (const auto* stop = std::get_if<print_and_exit>(&o)) throw std::runtime_error(stop->text);
  return std::get<run_with<Settings>>(o).settings;
}
template <class Settings>
print_and_exit printed(const outcome<Settings>& o) {
  const auto* stop = std::get_if<print_and_exit>(&o);
  if (!stop) throw std::runtime_error("it would have run");
  return *stop;
}

TEST_F(settings_test, check_config_also_looks_at_what_the_settings_name) {
  const auto checked = [](std::vector<const char*> argv) {
    argv.insert(argv.begin(), "program");
    const std::vector<const char*> none{nullptr};
    return parse_daemon(static_cast<int>(argv.size()), argv.data(), none.data(), [](const daemon_settings& s) {
      check_report r;
      if (s.storage.path == "x") r.problems = {"a: is wrong with " + s.storage.path, "b: too"};
      r.notes = {"c: is odd"};
      return r;
    });
  };
  const auto found = printed(checked({"--check-config", "--storage.path=x"}));
  EXPECT_EQ(found.exit_code, 2);
  EXPECT_EQ(found.text, "a: is wrong with x\nb: too\nnote: c: is odd\n");
  const auto noted = printed(checked({"--check-config", "--storage.path=y"}));
  EXPECT_EQ(noted.exit_code, 0);
  EXPECT_EQ(noted.text, "note: c: is odd\nconfiguration ok\n");
  EXPECT_TRUE(std::holds_alternative<run_with<daemon_settings>>(checked({"--storage.path=x"})));
}

TEST_F(settings_test, each_program_tells_its_version) {
  for (const auto& [said, name] :
       {std::pair{printed(daemon({"--version"})), "loded"}, std::pair{printed(agent({"--version"})), "lode-miner"}}) {
    EXPECT_EQ(said.exit_code, 0);
    EXPECT_THAT(said.text, testing::MatchesRegex(std::string{name} + " [0-9]+\\.[0-9]+\\.[0-9]+\n"));
  }
}

TEST_F(settings_test, tls_settings_that_do_not_go_together_are_said) {
  const auto said = [&](const std::vector<std::string>& args) {
    const auto out = daemon(args);
    const auto* text = std::get_if<print_and_exit>(&out);
    return text ? text->text : std::string{};
  };
  EXPECT_EQ(said({"--tls.cert-file=c", "--tls.key-file=k"}), "");
  EXPECT_THAT(said({"--tls.cert-file=c"}), ::testing::HasSubstr("tls.key-file is not set"));
  EXPECT_THAT(said({"--tls.key-file=k"}), ::testing::HasSubstr("tls.cert-file is not set"));
  EXPECT_THAT(said({"--tls.cert-file=c", "--tls.key-file=k", "--tls.client-certificates=required"}),
              ::testing::HasSubstr("tls.client-ca-file is not set"));
  EXPECT_THAT(said({"--tls.cert-file=c", "--tls.key-file=k", "--tls.client-ca-file=a"}),
              ::testing::HasSubstr("tls.client-certificates is off"));
  EXPECT_THAT(said({"--tls.client-ca-file=a", "--tls.client-certificates=optional"}),
              ::testing::HasSubstr("tls.client-certificates needs TLS"));
}

TEST_F(settings_test, defaults_are_valid_and_those_of_the_structs) {
  EXPECT_EQ(settings_of(daemon({})).http.listen, "127.0.0.1:8903");
  EXPECT_EQ(settings_of(agent({})).container.ssh_port_to, 4543);
  EXPECT_EQ(printed(daemon({"--check-config"})).text, "configuration ok\n");
  EXPECT_EQ(printed(daemon({"--check-config"})).exit_code, 0);
  EXPECT_EQ(printed(agent({"--check-config"})).exit_code, 0);
}

TEST_F(settings_test, an_empty_value_of_a_flag_is_a_value) {
  const auto o = agent({"--image.fallback=", "--log.level=debug"});
  EXPECT_EQ(settings_of(o).image.fallback, "");
  EXPECT_EQ(settings_of(o).log.level, "debug");
  EXPECT_EQ(settings_of(daemon({"--miners.file=", "--miners.simulated=3"})).miners.simulated, 3);
  EXPECT_EQ(settings_of(daemon({"--miners.file="})).miners.file, "");
}

TEST_F(settings_test, later_sources_win) {
  const auto path = file("[actors]\nthreads = 2\n[http]\nmax-in-flight = 20\nmax-connections = 200\n");
  const auto s = settings_of(
      daemon({"--config", path, "--actors.threads", "4"}, {"LODE_ACTORS_THREADS=3", "LODE_HTTP_MAX_IN_FLIGHT=30"}));
  EXPECT_EQ(s.actors.threads, 4);
  EXPECT_EQ(s.http.max_in_flight, 30);
  EXPECT_EQ(s.http.max_connections, 200);
  EXPECT_EQ(s.http.body_limit_bytes, 1048576);
}

TEST_F(settings_test, every_type_is_taken_from_flags) {
  const auto d = settings_of(daemon({"--miners.simulated-failure-rate=0.25", "--miners.simulated", "7", "--log.level",
                                     "debug", "--http.listen", "[::1]:0"}));
  EXPECT_EQ(d.miners.simulated_failure_rate, 0.25);
  EXPECT_EQ(d.miners.simulated, 7);
  EXPECT_EQ(d.log.level, "debug");
  EXPECT_EQ(d.http.listen, "[::1]:0");
  const auto a = settings_of(agent({"--access.allow-any", "--reconcile.remove-unknown=false", "--image.allowed",
                                    "ubuntu=a:1,x=b:2", "--image.allowed", "y=c:3"}));
  EXPECT_TRUE(a.access.allow_any);
  EXPECT_FALSE(a.reconcile.remove_unknown);
  EXPECT_THAT(a.image.allowed, ElementsAre("ubuntu=a:1", "x=b:2", "y=c:3"));
}

TEST_F(settings_test, every_type_is_taken_from_a_file) {
  const auto a = settings_of(agent({"--config", file("[access]\nallow-any = true\n[container]\ncpus = 2\n[image]\n"
                                                     "allowed = [\"ubuntu=a\", \"x=b\"]\n[state]\npath = \"s\"\n")}));
  EXPECT_TRUE(a.access.allow_any);
  EXPECT_EQ(a.container.cpus, 2.0);
  EXPECT_THAT(a.image.allowed, ElementsAre("ubuntu=a", "x=b"));
  EXPECT_EQ(a.state.path, "s");
}

TEST_F(settings_test, all_errors_of_all_sources_at_once) {
  const auto path =
      file("[actors]\nthreads = \"two\"\n[http]\nlisten = \"nowhere\"\nbody_limit_bytes = 5\n[htp]\nx = 1\n");
  const auto stop = printed(
      daemon({"--config", path, "--placement.policy", "worst", "--http.lisen=x", "stray"}, {"LODE_FORGE_POOL=-1"}));
  EXPECT_EQ(stop.exit_code, 2);
  EXPECT_THAT(stop.text, HasSubstr(path + ":2: actors.threads: expected a whole number from 1 to 256"));
  EXPECT_THAT(stop.text, HasSubstr(path + ":4: http.listen: expected HOST:PORT"));
  EXPECT_THAT(stop.text,
              HasSubstr(path + ":5: unknown setting http.body_limit_bytes (did you mean http.body-limit-bytes?)"));
  EXPECT_THAT(stop.text, HasSubstr(path + ":6: unknown table htp (did you mean http?)"));
  EXPECT_THAT(stop.text, HasSubstr("environment LODE_FORGE_POOL: expected a whole number from 0 to 10000"));
  EXPECT_THAT(stop.text, HasSubstr("--placement.policy: expected one of best-fit, spread, random"));
  EXPECT_THAT(stop.text, HasSubstr("unknown flag --http.lisen (did you mean http.listen?)"));
  EXPECT_THAT(stop.text, HasSubstr("unexpected argument stray"));
}

TEST_F(settings_test, broken_or_missing_files_are_named) {
  const auto path = file("[http]\nthreads = = 3\n");
  EXPECT_THAT(printed(daemon({"--config", path})).text, HasSubstr(path + ":2: not TOML: "));
  const auto stop = printed(daemon({"--config", "/nonexistent/lode.toml"}));
  EXPECT_EQ(stop.exit_code, 2);
  EXPECT_EQ(stop.text, "/nonexistent/lode.toml: cannot be read\n");
  EXPECT_EQ(printed(daemon({"--config", "/"})).exit_code, 2);
  EXPECT_EQ(printed(daemon({"--config"})).exit_code, 2);
}

TEST_F(settings_test, settings_that_contradict_each_other) {
  EXPECT_THAT(printed(agent({"--container.ssh-port-from", "5000"})).text, HasSubstr("container.ssh-port-from"));
  EXPECT_THAT(printed(agent({"--image.allowed", "debian=x"})).text, HasSubstr("image.fallback"));
  EXPECT_THAT(printed(daemon({"--allocation.release-retry-min-ms", "400000"})).text, HasSubstr("release-retry-max-ms"));
}

TEST_F(settings_test, printing_masks_secrets_and_names_sources) {
  const auto path = file("[forge]\npool = 3\n");
  const auto stop = printed(daemon({"--config", path, "--print-config", "--actors.threads=2"},
                                   {"STATUS_NOTIFY_URL=https://hook.example/t0ken"}));
  EXPECT_EQ(stop.exit_code, 0);
  EXPECT_THAT(stop.text, Not(HasSubstr("t0ken")));
  EXPECT_THAT(stop.text, HasSubstr("status-url = \"***\"  # environment STATUS_NOTIFY_URL\n"));
  EXPECT_THAT(stop.text, HasSubstr("deallocation-url = \"\"  # default\n"));
  EXPECT_THAT(stop.text, HasSubstr("pool = 3  # " + path + ":2\n"));
  EXPECT_THAT(stop.text, HasSubstr("threads = 2  # --actors.threads\n"));
}

TEST_F(settings_test, what_is_printed_reads_back_the_same) {
  const std::vector<std::string> args{"--image.allowed", "ubuntu=a\\\"b", "--container.cpus", "2.5",
                                      "--access.allow-any"};
  auto with_print = args;
  with_print.emplace_back("--print-config");
  const auto text = printed(agent(with_print)).text;
  const auto again = settings_of(agent({"--config", file(text)}));
  const auto direct = settings_of(agent(args));
  EXPECT_EQ(again.image.allowed, direct.image.allowed);
  EXPECT_EQ(again.container.cpus, 2.5);
  EXPECT_TRUE(again.access.allow_any);
}

TEST_F(settings_test, a_bad_secret_is_not_repeated) {
  const auto stop = printed(daemon({}, {"DEALLOCATION_NOTIFY_URL=s3cret"}));
  EXPECT_EQ(stop.exit_code, 2);
  EXPECT_THAT(stop.text, Not(HasSubstr("s3cret")));
  EXPECT_THAT(stop.text, HasSubstr("environment DEALLOCATION_NOTIFY_URL: expected a URL"));
}

TEST_F(settings_test, our_variable_wins_over_the_legacy_one) {
  const auto s = settings_of(daemon({}, {"STATUS_NOTIFY_URL=http://old/", "LODE_NOTIFY_STATUS_URL=http://new/"}));
  EXPECT_EQ(s.notify.status_url, "http://new/");
}

TEST_F(settings_test, the_file_may_come_from_the_environment) {
  EXPECT_EQ(settings_of(daemon({}, {"LODE_CONFIG=" + file("[forge]\npool = 5\n")})).forge.pool, 5);
}

TEST_F(settings_test, programs_do_not_share_a_wallet_by_accident) {
  const std::vector<std::string> env{"LODE_WALLET_HOTKEY_FILE=daemon", "LODE_MINER_WALLET_HOTKEY_FILE=agent"};
  EXPECT_EQ(settings_of(daemon({}, env)).wallet.hotkey_file, "daemon");
  EXPECT_EQ(settings_of(agent({}, env)).wallet.hotkey_file, "agent");
}

TEST_F(settings_test, help_lists_every_group_with_defaults) {
  const auto stop = printed(daemon({"--help"}));
  EXPECT_EQ(stop.exit_code, 0);
  for (const auto* text : {"http:", "--http.listen", "127.0.0.1:8903", "jobs:", "--jobs.allocation-check-misses", "20",
                           "LODE_HTTP_LISTEN"})
    EXPECT_THAT(stop.text, HasSubstr(text));
  EXPECT_THAT(printed(agent({"--help"})).text, HasSubstr("specs"));
}

TEST_F(settings_test, subcommands_are_reported) {
  const auto o = agent({"specs", "--log.level", "warn"});
  EXPECT_THAT(std::get<run_with<agent_settings>>(o).arguments, ElementsAre("specs"));
  EXPECT_EQ(settings_of(o).log.level, "warn");
  EXPECT_EQ(printed(daemon({"specs"})).exit_code, 2);
}

TEST_F(settings_test, what_is_live_is_taken_and_the_rest_is_named) {
  const auto running = settings_of(daemon({}));
  const auto fresh = settings_of(daemon({"--log.level=warn", "--access.allow=10.0.0.0/8,::1", "--audit.file=a",
                                         "--access.failures-per-minute=0", "--forge.pool=3", "--http.insecure"}));
  std::vector<std::string> live;
  std::vector<std::string> others;
  for (const auto& c : changes(running, fresh)) (c.live ? live : others).push_back(c.name);
  EXPECT_THAT(live, ElementsAre("access.allow", "access.failures-per-minute", "audit.file", "log.level"));
  EXPECT_THAT(others, ElementsAre("http.insecure", "forge.pool"));
  const auto next = with_live(running, fresh);
  EXPECT_EQ(next.log.level, "warn");
  EXPECT_THAT(next.access.allow, ElementsAre("10.0.0.0/8", "::1"));
  EXPECT_EQ(next.access.failures_per_minute, 0);
  EXPECT_EQ(next.forge.pool, running.forge.pool);
  EXPECT_FALSE(next.http.insecure);
  EXPECT_TRUE(changes(next, next).empty());
  const auto help = printed(daemon({"--help"})).text;
  EXPECT_THAT(help, HasSubstr("Least important lines that are logged (live)"));
  EXPECT_THAT(help, HasSubstr("read again on SIGHUP"));
  EXPECT_THAT(printed(agent({"--help"})).text, Not(HasSubstr("SIGHUP")));
}

TEST_F(settings_test, addresses_and_networks) {
  for (const auto* good : {"10.0.0.7", "10.0.0.0/8", "::1", "fd00::/8", "0.0.0.0/0", "::/128"})
    EXPECT_EQ(settings_of(daemon({std::string{"--access.allow="} + good})).access.allow.size(), 1U) << good;
  for (const auto* bad : {"localhost", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "10.0.0.0/a", "/8"})
    EXPECT_EQ(printed(daemon({std::string{"--access.proxies="} + bad})).exit_code, 2) << bad;
  EXPECT_THAT(settings_of(daemon({}, {"WHITELISTED_IPS=10.0.0.7, ::1"})).access.allow, ElementsAre("10.0.0.7", "::1"));
  EXPECT_TRUE(settings_of(daemon({}, {"WHITELISTED_IPS="})).access.allow.empty());
}

TEST_F(settings_test, an_action_with_a_name_is_reported) {
  EXPECT_THAT(std::get<run_with<daemon_settings>>(daemon({"--add-admin-key", "alice", "--storage.path=x"})).arguments,
              ElementsAre("--add-admin-key", "alice"));
  EXPECT_EQ(printed(daemon({"--add-admin-key"})).exit_code, 2);
  EXPECT_TRUE(std::get<run_with<daemon_settings>>(daemon({})).arguments.empty());
}

TEST_F(settings_test, odd_numbers_are_refused) {
  for (const auto* bad : {"", "nan", "99999999999999999999", "1.5", "0x10", "257", "0"})
    EXPECT_EQ(printed(daemon({std::string{"--actors.threads="} + bad})).exit_code, 2) << bad;
  for (const auto* bad : {"nan", "inf", "-0.1", "1.01"})
    EXPECT_EQ(printed(daemon({std::string{"--miners.simulated-failure-rate="} + bad})).exit_code, 2) << bad;
  EXPECT_EQ(printed(daemon({"--config", file("[miners]\nsimulated-stall-rate = nan\n")})).exit_code, 2);
}

}  // namespace
}  // namespace lode::config
