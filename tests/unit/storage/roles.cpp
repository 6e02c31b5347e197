#include "support.hpp"

#include <rocksdb/env.h>

#include <cstdio>
#include <signal.h>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace lode::storage::test {
namespace {

void say(const std::string& line) {
  const std::string text = line + "\n";
  if (::write(STDOUT_FILENO, text.data(), text.size()) < 0) ::_exit(9);
}

/// Opens the store and holds it until killed.
int hold(const std::string& path) {
  [[maybe_unused]] const auto held = must_open(path);
  say("held");
  while (true) ::pause();
}

/// Holds RocksDB's own lock only, as its tools do.
int hold_raw(const std::string& path) {
  rocksdb::FileLock* lock = nullptr;
  if (!rocksdb::Env::Default()->LockFile(path + "/db/LOCK", &lock).ok()) return 3;
  say("held");
  while (true) ::pause();
}

/// What role `write` commits as number `n`: two columns and an event, so that half a commit could be seen.
batch numbered(std::uint64_t n, std::size_t bytes) {
  batch writes;
  writes.put(column::allocations, "a" + std::to_string(n), std::string(bytes, 'x'));
  writes.put(column::miners, "a" + std::to_string(n), "of " + std::to_string(n));
  writes.append(column::events, "e" + std::to_string(n));
  return writes;
}

/// Commits groups of 1 to 5 numbered requests for ever and says each revision once it is durable.
int write(const std::string& path, std::size_t bytes) {
  const auto s = must_open(path);
  say("open");
  for (std::uint64_t round = 0;; ++round) {
    std::vector<commit_request> group;
    for (std::uint64_t i = 0; i <= round % 5; ++i) group.push_back({numbered(s->head() + 1 + i, bytes), {}});
    const auto done = s->commit(group);
    if (!done) return 3;
    std::string line;
    for (const auto& each : *done) {
      if (!each) return 4;
      line += std::to_string(*each) + " ";
    }
    say(line);
  }
}

/// Commits until a file may not grow any more, then checks that the store refuses to go on even when it could.
/// Says each durable revision, then "failed" and "refused".
int fill(const std::string& path) {
  ::signal(SIGXFSZ, SIG_IGN);
  const auto s = must_open(path);
  struct rlimit before {};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const struct rlimit small { 256 * 1024, before.rlim_max };
  ::setrlimit(RLIMIT_FSIZE, &small);
  for (int n = 0; n < 1000; ++n) {
    const auto done = commit_one(*s, numbered(s->head() + 1, 8000));
    if (done) {
      say(std::to_string(*done));
      continue;
    }
    if (done.error() != errc::store_io) return 5;
    say("failed");
    const revision head = s->head();
    ::setrlimit(RLIMIT_FSIZE, &before);
    const auto again = commit_one(*s, numbered(s->head() + 1, 10));
    if (again || again.error() != errc::store_io || s->head() != head) return 6;
    say("refused");
    return 0;
  }
  return 7;
}

}  // namespace

int run_role(const std::string& role, const std::vector<std::string>& arguments) {
  if (role == "hold") return hold(arguments.at(0));
  if (role == "hold_raw") return hold_raw(arguments.at(0));
  if (role == "write") return write(arguments.at(0), std::stoul(arguments.at(1)));
  if (role == "fill") return fill(arguments.at(0));
  return 2;
}

}  // namespace lode::storage::test
