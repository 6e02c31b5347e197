// The agent on a real container engine: signed calls over HTTP in, SSH into a real container out.

#include "caller.hpp"
#include "crypto/key_exchange.hpp"
#include "miner/agent.hpp"
#include "miner/banner.hpp"
#include "miner/ssh_access.hpp"

#include <gtest/gtest.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <sys/wait.h>
#include <thread>

namespace {

using namespace lode;
using namespace lode::miner;
using lode::miner::testing::call_reply;
using lode::miner::testing::caller;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

struct command_result {
  int status = -1;
  std::string output;
};

// For the tests' own fixed commands.
command_result shell(const std::string& command) {
  command_result r;
  FILE* pipe = popen((command + " 2>&1 </dev/null").c_str(), "r");
  if (pipe == nullptr) return r;
  std::array<char, 4096> chunk{};
  for (std::size_t n = 0; (n = fread(chunk.data(), 1, chunk.size(), pipe)) > 0;) r.output.append(chunk.data(), n);
  const int status = pclose(pipe);
  r.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return r;
}

/// One life of the agent on a thread of its own.
class living_agent {
 public:
  explicit living_agent(agent_options options) {
    auto made = agent::make(io_, std::move(options));
    EXPECT_TRUE(made) << made.error().to_string();
    if (!made) return;
    agent_ = std::move(*made);
    std::promise<std::string> ready;
    auto address = ready.get_future();
    agent_->run([&ready](const std::string& a) { ready.set_value(a); },
                [this](const result<void>& ended) {
                  EXPECT_TRUE(ended) << ended.error().to_string();
                  io_.stop();
                });
    thread_ = std::jthread([this] { io_.run(); });
    EXPECT_EQ(address.wait_for(std::chrono::seconds{60}), std::future_status::ready);
    const auto text = address.get();
    port = static_cast<std::uint16_t>(std::stoi(text.substr(text.rfind(':') + 1)));
  }
  ~living_agent() {
    if (!thread_.joinable()) return;
    if (!killed_) boost::asio::post(io_, [this] { agent_->stop(); });
    thread_.join();
  }
  /// Ends it at once, wherever it is.
  void kill() {
    killed_ = true;
    io_.stop();
  }

  std::uint16_t port = 0;

 private:
  boost::asio::io_context io_;
  std::unique_ptr<agent> agent_;
  bool killed_ = false;
  std::jthread thread_;
};

class miner_engine : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(crypto::init());
    ASSERT_FALSE(environment("LODE_TEST_ENGINE_SOCKET").empty()) << "run by run.sh";
    folder = environment("LODE_TEST_FOLDER") + "/" + ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(folder);
    ASSERT_EQ(shell("ssh-keygen -q -t ed25519 -N '' -f " + folder + "/id").status, 0);
    ASSERT_EQ(shell("ssh-keygen -q -t ed25519 -N '' -f " + folder + "/id2").status, 0);
    options.listen = "127.0.0.1:0";
    options.state_directory = folder + "/state";
    options.axon.hotkey = crypto::ss58_encode(crypto::sr25519_key::generate().pub());
    options.axon.validators = {validator().address};
    options.engine.socket = environment("LODE_TEST_ENGINE_SOCKET");
    options.rentals.images = {{"ubuntu", "localhost/lode-base:1"}};
    options.rentals.default_image = "ubuntu";
    options.rentals.publish_ip = "127.0.0.1";
    options.rentals.port_first = 4444;
    options.rentals.port_last = 4453;
    options.reconcile_every = std::chrono::milliseconds{300};
  }
  caller& validator() {
    if (!validator_) validator_.emplace(key_, options.axon.hotkey);
    return *validator_;
  }
  std::string public_key_file(const char* name) const {
    std::ifstream in{folder + "/" + name};
    std::string line;
    std::getline(in, line);
    return line;
  }
  boost::json::object reg_body(const std::string& script = "") {
    auto b = validator().reg(pair.public_pem);
    b["docker_requirement"] =
        boost::json::object{{"base_image", "ubuntu"}, {"ssh_key", public_key_file("id.pub")}, {"dockerfile", script}};
    return b;
  }
  boost::json::value access(const call_reply& reply) const {
    const auto plain = crypto::decrypt_with(pair.private_pem, std::string{reply.output().at("info").as_string()});
    EXPECT_TRUE(plain);
    return boost::json::parse(plain.value());
  }
  command_result ssh(int port, const std::string& command, const char* identity = "id") const {
    return shell("ssh -i " + folder + "/" + identity +
                 " -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no"
                 " -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ConnectTimeout=10 -p " +
                 std::to_string(port) + " root@127.0.0.1 '" + command + "'");
  }
  command_result ssh_by_password(int port, const std::string& password) const {
    return shell("SSHPASS=" + password +
                 " sshpass -e ssh -o PubkeyAuthentication=no -o StrictHostKeyChecking=no"
                 " -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ConnectTimeout=10 -p " +
                 std::to_string(port) + " root@127.0.0.1 id -un");
  }
  // What the engine has that carries our label, asked behind the agent's back.
  template <class T>
  T ask_engine(std::function<task<T>(engine&)> question) {
    boost::asio::io_context io;
    auto e = make_docker_engine(io, options.engine);
    std::optional<T> answer;
    const auto asking = [&]() -> task<void> { answer.emplace(co_await question(*e)); };
    EXPECT_TRUE(run_to_end(io, asking()));
    return std::move(*answer);
  }
  std::size_t containers() {
    const auto hotkey = options.axon.hotkey;
    return ask_engine<std::size_t>([hotkey](engine& e) -> task<std::size_t> {
      const auto list = co_await e.list(label_owner, hotkey);
      co_return list.value().size();
    });
  }
  // Of the one container that there is.
  container_stats figures() {
    const auto hotkey = options.axon.hotkey;
    const auto answer = ask_engine<result<container_stats>>([hotkey](engine& e) -> task<result<container_stats>> {
      const auto list = co_await e.list(label_owner, hotkey);
      if (list.has_error()) co_return list.error();
      co_return co_await e.stats(list->at(0).id);
    });
    EXPECT_TRUE(answer) << answer.error().to_string();
    return answer ? *answer : container_stats{};
  }
  std::size_t images() {
    const auto hotkey = options.axon.hotkey;
    return ask_engine<std::size_t>([hotkey](engine& e) -> task<std::size_t> {
      const auto list = co_await e.list_images(label_owner, hotkey);
      co_return list.value().size();
    });
  }

  crypto::sr25519_key key_ = crypto::sr25519_key::generate();
  std::optional<caller> validator_;
  crypto::key_pair pair = crypto::make_key_pair(key_kind::rsa2048).value();
  std::string folder;
  agent_options options;
};

TEST_F(miner_engine, register_ssh_actions_deregister) {
  living_agent a{options};
  ASSERT_TRUE(validator().post(a.port, validator().check()).yes());

  const auto reply = validator().post(a.port, reg_body());
  ASSERT_TRUE(reply.yes()) << reply.body;
  const auto info = access(reply);
  const int port = static_cast<int>(info.at("port").as_int64());
  const std::string password{info.at("password").as_string()};
  EXPECT_EQ(reply.output().at("port").as_int64(), port);

  const auto inside =
      ssh(port,
          "id -un; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max; nproc; "
          "grep NoNewPrivs /proc/self/status; stat -c %a,%U /root/.ssh /etc/shadow");
  EXPECT_EQ(inside.status, 0) << inside.output;
  EXPECT_EQ(inside.output, "root\n268435456\n512\n1\nNoNewPrivs:\t1\n700,root\n640,root\n");
  EXPECT_EQ(ssh_by_password(port, password).output, "root\n");
  EXPECT_NE(ssh_by_password(port, "wrong" + password).status, 0);

  // The same key again: the same access; another key: refused, and the container lives.
  const auto again = validator().post(a.port, reg_body());
  ASSERT_TRUE(again.yes());
  EXPECT_EQ(access(again), info);
  const auto other = crypto::make_key_pair(key_kind::x25519).value();
  const auto refused = validator().post(a.port, validator().reg(other.public_pem));
  EXPECT_FALSE(refused.yes());
  EXPECT_EQ(ssh(port, "true").status, 0);
  EXPECT_FALSE(validator().post(a.port, validator().check()).yes());
  EXPECT_TRUE(validator().post(a.port, validator().holds(pair.public_pem)).yes());

  EXPECT_TRUE(validator().post(a.port, validator().action("pause")).yes());
  EXPECT_FALSE(validator().post(a.port, validator().action("pause")).yes());
  EXPECT_FALSE(validator().post(a.port, validator().check()).yes());
  EXPECT_TRUE(validator().post(a.port, validator().action("unpause")).yes());
  EXPECT_EQ(ssh(port, "touch /root/kept /dev/shm/gone").status, 0);
  EXPECT_TRUE(validator().post(a.port, validator().action("restart")).yes());
  EXPECT_EQ(ssh(port, "ls /root/kept /dev/shm").output, "/root/kept\n\n/dev/shm:\n");
  EXPECT_TRUE(validator().post(a.port, validator().action("pause")).yes());
  EXPECT_TRUE(validator().post(a.port, validator().action("restart")).yes());
  EXPECT_EQ(ssh(port, "true").status, 0);

  EXPECT_TRUE(validator().post(a.port, validator().action("exchange_key", public_key_file("id2.pub"), "user")).yes());
  EXPECT_NE(ssh(port, "true", "id").status, 0);
  EXPECT_EQ(ssh(port, "true", "id2").status, 0);
  EXPECT_TRUE(
      validator().post(a.port, validator().action("exchange_key", public_key_file("id.pub"), "terminal")).yes());
  EXPECT_EQ(ssh(port, "true", "id").status, 0);
  EXPECT_EQ(ssh(port, "true", "id2").status, 0);

  EXPECT_FALSE(validator().post(a.port, validator().deregister(other.public_pem)).yes());
  EXPECT_TRUE(validator().post(a.port, validator().deregister(pair.public_pem)).yes());
  EXPECT_EQ(containers(), 0U);
  EXPECT_NE(ssh(port, "true").status, 0);
  EXPECT_TRUE(validator().post(a.port, validator().deregister(pair.public_pem)).yes());
  EXPECT_TRUE(validator().post(a.port, validator().check()).yes());
}

TEST_F(miner_engine, figures_of_a_rental_are_its_own) {
  const auto log = folder + "/log";
  const auto quiet = spdlog::default_logger();
  spdlog::set_default_logger(spdlog::basic_logger_mt("figures", log));
  spdlog::set_level(spdlog::level::debug);
  spdlog::flush_on(spdlog::level::debug);
  {
    living_agent a{options};
    const auto reply = validator().post(a.port, reg_body());
    ASSERT_TRUE(reply.yes()) << reply.body;
    const int port = static_cast<int>(access(reply).at("port").as_int64());
    const auto before = figures();
    EXPECT_EQ(before.memory_limit, 256 << 20);
    EXPECT_GT(before.memory_bytes, 0);
    EXPECT_GT(before.cpu_total_ns, 0);
    EXPECT_GE(before.pids, 1);

    // One second of CPU, and a file of 64 MiB in /dev/shm, which counts as the container's memory.
    const auto work = ssh(
        port, "dd if=/dev/zero of=/dev/shm/held bs=1M count=60 2>/dev/null; timeout 1 sh -c \"while :; do :; done\"");
    EXPECT_EQ(work.status, 124) << work.output;
    const auto after = figures();
    EXPECT_GT(after.cpu_total_ns - before.cpu_total_ns, 300'000'000);
    EXPECT_LT(after.cpu_total_ns - before.cpu_total_ns, 60'000'000'000);
    EXPECT_GT(after.memory_bytes - before.memory_bytes, 50 << 20);
    EXPECT_LE(after.memory_bytes, after.memory_limit);
    const auto nobody = ask_engine<result<container_stats>>(
        [](engine& e) -> task<result<container_stats>> { co_return co_await e.stats("nobody"); });
    EXPECT_EQ(nobody.error(), errc::not_found);

    const auto line = "grep -m1 \"memory [1-9][0-9]* of 256 MiB, [0-9.]* s of CPU\"";
    EXPECT_EQ(shell("timeout 20 sh -c 'tail -n +1 -f " + log + " | " + line + "'").status, 0);
    EXPECT_TRUE(validator().post(a.port, validator().deregister(pair.public_pem)).yes());
  }
  spdlog::set_default_logger(quiet);
  spdlog::drop("figures");
}

TEST_F(miner_engine, script_runs_without_a_network_and_is_in_the_image) {
  living_agent a{options};
  const auto reply =
      validator().post(a.port, reg_body("echo \"it's \\\"$((40+2))\\\"\" >/made; ls /sys/class/net >/nets"));
  ASSERT_TRUE(reply.yes()) << reply.body;
  const int port = static_cast<int>(access(reply).at("port").as_int64());
  EXPECT_EQ(ssh(port, "cat /made /nets").output, "it's \"42\"\nlo\n");
  EXPECT_EQ(images(), 1U);
  EXPECT_TRUE(validator().post(a.port, validator().deregister(pair.public_pem)).yes());
  EXPECT_EQ(containers(), 0U);
  EXPECT_EQ(images(), 0U);

  pair = crypto::make_key_pair(key_kind::rsa2048).value();  // the deregistered one is refused from now on
  const auto failed = validator().post(a.port, reg_body("exit 7"));
  EXPECT_FALSE(failed.yes());
  EXPECT_NE(failed.body.find("code 7"), std::string::npos) << failed.body;
  EXPECT_EQ(containers(), 0U);
  EXPECT_EQ(images(), 0U);
}

TEST_F(miner_engine, script_is_bounded_in_time_and_size) {
  options.rentals.build_timeout = std::chrono::seconds{2};
  options.rentals.build_bytes = 10 << 20;
  living_agent a{options};
  const auto slow = validator().post(a.port, reg_body("sleep 60"));
  EXPECT_NE(slow.body.find("longer than 2 s"), std::string::npos) << slow.body;
  const auto big = validator().post(a.port, reg_body("dd if=/dev/zero of=/big bs=1M count=30; sleep 30"));
  EXPECT_NE(big.body.find("wrote more than"), std::string::npos) << big.body;
  EXPECT_EQ(containers(), 0U);
}

TEST_F(miner_engine, taken_port_is_passed_over) {
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor squatter{io, {boost::asio::ip::make_address("127.0.0.1"), 4444}};
  living_agent a{options};
  const auto reply = validator().post(a.port, reg_body());
  ASSERT_TRUE(reply.yes()) << reply.body;
  EXPECT_EQ(access(reply).at("port").as_int64(), 4445);
  EXPECT_TRUE(validator().post(a.port, validator().deregister(pair.public_pem)).yes());
}

TEST_F(miner_engine, dying_in_the_middle_of_a_register_leaves_nothing) {
  for (const auto* script : {"", "sleep 30"}) {
    std::jthread renter;  // outlives the agent: it waits for an answer that never comes
    {
      living_agent a{options};
      renter = std::jthread{[this, port = a.port, script] { validator().post(port, reg_body(script)); }};
      for (int i = 0; i < 200 && containers() == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds{10});
      EXPECT_EQ(containers(), 1U);
      a.kill();
    }
    renter.join();
    living_agent a{options};
    EXPECT_TRUE(validator().post(a.port, validator().check()).yes());
    EXPECT_EQ(containers(), 0U);
    EXPECT_EQ(images(), 0U);
  }
}

TEST_F(miner_engine, container_survives_the_agent_and_an_unknown_one_does_not) {
  int port = 0;
  {
    living_agent a{options};
    const auto reply = validator().post(a.port, reg_body());
    ASSERT_TRUE(reply.yes()) << reply.body;
    port = static_cast<int>(access(reply).at("port").as_int64());
    a.kill();
  }
  EXPECT_EQ(ssh(port, "true").status, 0);
  {
    living_agent a{options};
    EXPECT_TRUE(validator().post(a.port, validator().holds(pair.public_pem)).yes());
    EXPECT_EQ(ssh(port, "true").status, 0);
  }
  // The state is lost: nobody knows the container any more.
  std::filesystem::remove(folder + "/state/slot.json");
  living_agent a{options};
  for (int i = 0; i < 100 && containers() != 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds{100});
  EXPECT_EQ(containers(), 0U);
  EXPECT_TRUE(validator().post(a.port, validator().check()).yes());
}

}  // namespace
