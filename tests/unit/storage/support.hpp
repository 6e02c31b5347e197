#pragma once
// What the storage tests share.

#include "storage/rocksdb_store.hpp"
#include "storage/store.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

namespace lode::storage::test {

/// A new folder under the system's temporary folder, removed with what is in it.
class temporary_folder {
 public:
  temporary_folder();
  ~temporary_folder();
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// Every name below `path` with its mode and, for files, content: two equal ones mean that nothing was changed.
std::map<std::string, std::string> snapshot(const std::string& path);

/// Opens or fails the test.
std::unique_ptr<store> must_open(const std::string& path, const rocksdb_options& options = {});

/// Commits one request alone; the inner result, or the outer error.
result<revision> commit_one(store& s, batch writes, std::vector<precondition> preconditions = {});

/// A put of one key, which must succeed; its revision.
revision must_put(store& s, column c, const std::string& key, const std::string& value);

/// The value, or "(none)"; an error fails the test.
std::string value_of(const store& s, column c, const std::string& key);

/// Another process, running `roles` (main.cpp) of this program. Its standard output is a pipe. Killed when destroyed.
class child_process {
 public:
  explicit child_process(const std::string& role, const std::vector<std::string>& arguments);
  ~child_process();
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// The next line that it wrote; empty at the end of its output.
  std::string read_line();
  /// Ends it with SIGKILL and waits; what it wrote before can still be read.
  void kill_and_wait();
  /// Waits for it to end; its exit status, or -1 when a signal ended it.
  int wait();

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  std::string buffered_;
};

/// Runs a role; the process's exit status.
int run_role(const std::string& role, const std::vector<std::string>& arguments);

}  // namespace lode::storage::test
