#include "support.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <spawn.h>
#include <stdexcept>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lode::storage::test {

namespace fs = std::filesystem;

temporary_folder::temporary_folder() : path_((fs::temp_directory_path() / "lode-storage-XXXXXX").string()) {
  if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
}

temporary_folder::~temporary_folder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::map<std::string, std::string> snapshot(const std::string& path) {
  std::map<std::string, std::string> all;
  const auto add = [&](const fs::path& p) {
    struct stat status {};
    if (::lstat(p.c_str(), &status) != 0) throw std::runtime_error("lstat failed");
    std::string text = std::to_string(status.st_mode) + " ";
    if (S_ISREG(status.st_mode)) {
      std::ifstream file{p, std::ios::binary};
      text.append(std::istreambuf_iterator<char>{file}, {});
    }
    all[fs::relative(p, path)] = std::move(text);
  };
  add(path);
  if (fs::is_directory(path))
    for (const auto& each : fs::recursive_directory_iterator{path}) add(each.path());
  return all;
}

std::unique_ptr<store> must_open(const std::string& path, const rocksdb_options& options) {
  auto opened = open_rocksdb_store(path, options);
  if (!opened) throw std::runtime_error(opened.error().to_string());
  return *std::move(opened);
}

result<revision> commit_one(store& s, batch writes, std::vector<precondition> preconditions) {
  const commit_request request{std::move(writes), std::move(preconditions)};
  auto done = s.commit({&request, 1});
  if (!done) return done.error();
  if (done->size() != 1) throw std::runtime_error("one request, not one result");
  return done->front();
}

revision must_put(store& s, column c, const std::string& key, const std::string& value) {
  batch writes;
  writes.put(c, key, value);
  const auto done = commit_one(s, std::move(writes));
  if (!done) throw std::runtime_error(done.error().to_string());
  return *done;
}

std::string value_of(const store& s, column c, const std::string& key) {
  const auto found = s.get(c, key);
  if (!found) throw std::runtime_error(found.error().to_string());
  return *found ? (*found)->value : "(none)";
}

child_process::child_process(const std::string& role, const std::vector<std::string>& arguments) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
  output_ = ends[0];
  std::vector<std::string> words{"/proc/self/exe", "--role=" + role};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  const int failure = posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (failure != 0) {
    ::close(output_);
    throw std::runtime_error("posix_spawn failed");
  }
}

child_process::~child_process() {
  kill_and_wait();
  ::close(output_);
}

std::string child_process::read_line() {
  while (true) {
    if (const auto end = buffered_.find('\n'); end != std::string::npos) {
      std::string line = buffered_.substr(0, end);
      buffered_.erase(0, end + 1);
      return line;
    }
    char bytes[4096];
    const ssize_t n = ::read(output_, bytes, sizeof bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return {};  // a line cut off by the end says nothing
    buffered_.append(bytes, static_cast<std::size_t>(n));
  }
}

void child_process::kill_and_wait() {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
  (void)wait();
}

int child_process::wait() {
  if (pid_ <= 0) return -1;
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace lode::storage::test
