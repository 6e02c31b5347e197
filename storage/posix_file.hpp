#pragma once
// The little of POSIX files that the store and the master key share.

#include "messages/error.hpp"

#include <string>
#include <utility>

namespace lode::storage {

/// Owns an open file descriptor, or none (-1).
class unique_fd {
 public:
  explicit unique_fd(int fd = -1) noexcept : fd_(fd) {}
  ~unique_fd();
  unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }

 private:
  int fd_;
};

/// store_io: "<what> <path>: <the system's reason>", from errno.
error system_error(const std::string& what, const std::string& path);

/// fsyncs a folder, so that the names in it are durable.
result<void> sync_folder(const std::string& path);

/// The folder that `path` lies in; "." for a bare name.
std::string parent_folder(const std::string& path);

}  // namespace lode::storage
