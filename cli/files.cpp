#include "cli/files.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace lode::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class descriptor {
 public:
  explicit descriptor(int fd) : fd_(fd) {}
  ~descriptor() {
    if (fd_ > 2) ::close(fd_);
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  void close() {
    if (fd_ > 2) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

failure about(const std::string& path) {
  const int reason = errno;
  return {reason == ENOENT ? ending::not_found : ending::failed, path + ": " + std::strerror(reason), {}};
}

/// Of a file that lode keeps.
failure not_kept(const std::string& path) {
  auto f = about(path);
  f.code = ending::failed;
  f.next =
      "lode keeps its files below XDG_CONFIG_HOME and XDG_STATE_HOME, else ~/.config and ~/.local/state: they must "
      "be yours to write";
  return f;
}

outcome<void> make_folder_of(const std::string& path) {
  const auto folder = std::filesystem::path{path}.parent_path();
  std::filesystem::path made;
  for (const auto& part : folder) {
    made /= part;
    if (::mkdir(made.c_str(), 0700) != 0 && errno != EEXIST && !std::filesystem::is_directory(made))
      return not_kept(made.string());
  }
  return {};
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

environment::environment(const char* const* variables) {
  for (; variables && *variables; ++variables) {
    const std::string_view entry{*variables};
    const auto equals = entry.find('=');
    if (equals != std::string_view::npos) of_.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  // As in a service or under cron; without a home our files would be looked for in the root of the file system.
  if (!get("HOME").empty()) return;
  if (const auto* user = ::getpwuid(::getuid()); user && user->pw_dir) of_["HOME"] = user->pw_dir;
}

std::string environment::get(std::string_view name) const {
  const auto found = of_.find(name);
  return found == of_.end() ? std::string{} : found->second;
}

std::string environment::folder(std::string_view variable, std::string_view in_home) const {
  // A relative path is to be ignored (XDG base directory specification).
  if (const auto named = get(variable); named.starts_with('/')) return named + "/lode";
  return get("HOME") + "/" + std::string{in_home} + "/lode";
}
std::string environment::config_folder() const { return folder("XDG_CONFIG_HOME", ".config"); }
std::string environment::state_folder() const { return folder("XDG_STATE_HOME", ".local/state"); }

std::string environment::expanded(std::string_view path) const {
  return path.starts_with("~/") ? get("HOME") + std::string{path.substr(1)} : std::string{path};
}

bool file_exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

outcome<std::string> read_file(const std::string& path, std::size_t most) {
  const descriptor in{path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (in.get() < 0) return about(path);
  std::string out;
  std::array<char, 16384> part{};
  while (true) {
    const auto n = ::read(in.get(), part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return about(path);
    if (n == 0) return out;
    out.append(part.data(), static_cast<std::size_t>(n));
    if (out.size() > most)
      return failure{ending::failed, fmt::format("{}: is larger than {} KiB", path, most / 1024), {}};
  }
}

outcome<void> write_private_file(const std::string& path, std::string_view text) {
  if (auto made = make_folder_of(path); !made) return made;
  auto name = path + ".XXXXXX";
  const descriptor out{::mkstemp(name.data())};  // mode 0600
  if (out.get() < 0) return not_kept(path);
  const bool written = write_all(out.get(), text) && ::fsync(out.get()) == 0;
  if (written && ::rename(name.c_str(), path.c_str()) == 0) return {};
  auto problem = not_kept(path);
  ::unlink(name.c_str());
  return problem;
}

outcome<void> while_locked(const std::string& path, const std::function<outcome<void>()>& work) {
  constexpr milliseconds patience{10'000};
  constexpr milliseconds between{10};
  if (auto made = make_folder_of(path); !made) return made;
  const auto name = path + ".lock";
  const descriptor lock{::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (lock.get() < 0) return not_kept(name);
  const auto by = steady_clock::now() + patience;
  while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return about(name);
    if (steady_clock::now() >= by)
      return failure{ending::failed, path + ": another lode has held it for ten seconds", "try again"};
    std::this_thread::sleep_for(between);
  }
  return work();
}

outcome<std::string> line_of_command(const std::string& command, milliseconds within) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return about("pipe");
  const descriptor from{ends[0]};
  descriptor to{ends[1]};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to.get(), STDOUT_FILENO);
  std::string shell = "/bin/sh";
  std::string flag = "-c";
  std::string text = command;
  std::array<char*, 4> argv{shell.data(), flag.data(), text.data(), nullptr};
  pid_t child = 0;
  const int spawned = ::posix_spawn(&child, "/bin/sh", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  to.close();
  if (spawned != 0) {
    errno = spawned;
    return about(shell);
  }
  constexpr std::size_t most = 65536;
  std::string out;
  bool late = false;
  const auto by = steady_clock::now() + within;
  while (out.size() < most) {
    const auto left = std::chrono::duration_cast<milliseconds>(by - steady_clock::now()).count();
    pollfd waits{from.get(), POLLIN, 0};
    const int ready = left > 0 ? ::poll(&waits, 1, static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    late = ready <= 0;
    if (late) break;
    std::array<char, 4096> part{};
    const auto n = ::read(from.get(), part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    out.append(part.data(), static_cast<std::size_t>(n));
  }
  if (late || out.size() >= most) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (late) return failure{ending::failed, "the command did not end in time", {}};
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return failure{ending::failed, "the command ended with an error", {}};
  out.resize(std::min(out.find_first_of("\r\n"), out.size()));
  return out;
}

std::string program_in_path(std::string_view name, const environment& env) {
  auto path = env.get("PATH");
  if (path.empty()) path = "/usr/local/bin:/usr/bin:/bin";
  std::size_t at = 0;
  while (at <= path.size()) {
    const auto end = std::min(path.find(':', at), path.size());
    auto file = path.substr(at, end - at) + "/" + std::string{name};
    if (end > at && ::access(file.c_str(), X_OK) == 0) return file;
    at = end + 1;
  }
  return {};
}

}  // namespace lode::cli
