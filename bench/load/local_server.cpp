#include "bench/load/local_server.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <poll.h>
#include <sstream>
#include <string_view>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace lode::bench {
namespace {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

constexpr std::chrono::seconds start_patience{60};
constexpr std::chrono::seconds rest_patience{20};
constexpr std::chrono::seconds stop_patience{30};
constexpr std::size_t log_shown = 2000;

error failed(std::string what) { return {errc::not_ready, std::move(what)}; }

/// Only calls that are safe between fork and exec.
[[noreturn]] void become(char* const* arguments, char* const* environment, int out, int log) {
  // It has storage in a folder that nobody would remove after us.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  // Ctrl-C is ours: it must be able to give back what is held first.
  ::setpgid(0, 0);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::execve(arguments[0], arguments, environment);
  constexpr std::string_view problem = "it cannot be executed\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, problem.data(), problem.size());
  ::_exit(127);
}

/// Ours, without what would change its settings behind the scenario's back.
std::vector<char*> environment_of_it() {
  std::size_t all = 0;
  while (environ[all] != nullptr) ++all;
  std::vector<char*> some;
  some.reserve(all + 1);
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string_view text{*one};
    if (!text.starts_with("LODE_") && !text.starts_with("WHITELISTED_IPS=") &&
        text.find("_NOTIFY_URL=") == std::string_view::npos && !text.starts_with("WANDB_"))
      some.push_back(*one);
  }
  some.push_back(nullptr);
  return some;
}

/// Processor time of a process so far, in clock ticks; nothing when there is no such process.
std::optional<long> ticks_of(pid_t pid) {
  std::ifstream in{fmt::format("/proc/{}/stat", pid)};
  std::string line;
  if (!std::getline(in, line)) return std::nullopt;
  // The name, in parentheses, may hold anything.
  std::istringstream rest{line.substr(line.rfind(')') + 1)};
  std::string skipped;
  for (int i = 0; i < 11; ++i) rest >> skipped;
  long user = 0;
  long system = 0;
  if (!(rest >> user >> system)) return std::nullopt;
  return user + system;
}

}  // namespace

std::string local_server::end_of_log() const {
  std::ifstream in{folder_ + "/log"};
  const std::string all{std::istreambuf_iterator<char>{in}, {}};
  return all.size() <= log_shown ? all : "…" + all.substr(all.size() - log_shown);
}

result<void> local_server::start(const std::string& program,
                                 const std::vector<std::pair<std::string, std::string>>& settings) {
  std::error_code ec;
  std::string form = (fs::temp_directory_path(ec) / "lode-bench-XXXXXX").string();
  if (ec || ::mkdtemp(form.data()) == nullptr) return failed("no folder could be made for its storage");
  folder_ = form;
  std::vector<std::string> words{program, "--http.listen=127.0.0.1:0", "--storage.path=" + folder_ + "/store"};
  for (const auto& [name, value] : settings) words.push_back(fmt::format("--{}={}", name, value));
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (auto& w : words) arguments.push_back(w.data());
  arguments.push_back(nullptr);
  std::array<int, 2> pipe{};
  const int log = ::open((folder_ + "/log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (log < 0 || ::pipe2(pipe.data(), O_CLOEXEC) != 0) return failed("no pipe could be made for what it says");
  const auto environment = environment_of_it();
  pid_ = ::fork();
  if (pid_ == 0) become(arguments.data(), environment.data(), pipe[1], log);
  ::close(pipe[1]);
  ::close(log);
  output_ = pipe[0];
  if (pid_ < 0) return failed("no process could be made for it");

  constexpr std::string_view mark = "listening on ";
  std::string said;
  for (const auto until = clock::now() + start_patience; clock::now() < until;) {
    pollfd ready{output_, POLLIN, 0};
    if (::poll(&ready, 1, 100) <= 0) continue;
    std::array<char, 512> part{};
    const auto read = ::read(output_, part.data(), part.size());
    if (read <= 0) break;
    said.append(part.data(), static_cast<std::size_t>(read));
    const std::size_t at = said.find(mark);
    const std::size_t end = at == std::string::npos ? at : said.find('\n', at);
    if (end == std::string::npos) continue;
    url_ = said.substr(at + mark.size(), end - at - mark.size());
    wait_for_rest();
    return {};
  }
  auto problem = failed(fmt::format("{} does not listen:\n{}", program, end_of_log()));
  stop();
  return problem;
}

// loded makes a pool of RSA keys after the start, which takes a processor for some seconds and is not the question.
void local_server::wait_for_rest() const {
  constexpr std::chrono::milliseconds look_again{250};
  constexpr long at_rest = 1;
  long before = -1'000'000;
  for (const auto until = clock::now() + rest_patience; clock::now() < until;) {
    const auto now = ticks_of(pid_);
    if (!now || *now - before <= at_rest) return;
    before = *now;
    std::this_thread::sleep_for(look_again);
  }
}

std::string local_server::stop() {
  std::string how;
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    int status = 0;
    const auto until = clock::now() + stop_patience;
    while (::waitpid(pid_, &status, WNOHANG) == 0) {
      if (clock::now() > until) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, &status, 0);
        break;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    if (WIFSIGNALED(status)) how = fmt::format("it was ended by signal {}", WTERMSIG(status));
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) how = fmt::format("it ended with {}", WEXITSTATUS(status));
    if (!how.empty()) how += ":\n" + end_of_log();
    pid_ = -1;
  }
  if (output_ >= 0) ::close(std::exchange(output_, -1));
  if (!folder_.empty()) {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
    folder_.clear();
  }
  return how;
}

}  // namespace lode::bench
