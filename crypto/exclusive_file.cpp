#include "crypto/exclusive_file.hpp"

#include "crypto/crypto.hpp"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace lode::crypto {

namespace {

error system_error(std::string_view what) {
  return {errc::key_invalid, std::string(what) + ": " + std::generic_category().message(errno)};
}

/// A file descriptor that is closed at the end of the scope.
class descriptor {
 public:
  explicit descriptor(int fd) noexcept : fd_(fd) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

/// Removes a path at the end of the scope.
class temporary {
 public:
  explicit temporary(std::string path) : path_(std::move(path)) {}
  temporary(const temporary&) = delete;
  temporary& operator=(const temporary&) = delete;
  ~temporary() { ::unlink(path_.c_str()); }
  [[nodiscard]] const char* path() const noexcept { return path_.c_str(); }

 private:
  std::string path_;
};

result<void> make_folders(const std::filesystem::path& folder) {
  if (folder.empty()) return {};
  if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return {};
  if (errno != ENOENT) return system_error("cannot make " + folder.string());
  if (auto made = make_folders(folder.parent_path()); !made) return made;
  if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return system_error("cannot make " + folder.string());
}

result<void> write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("cannot write");
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fsync(fd) != 0) return system_error("cannot flush");
  return {};
}

}  // namespace

result<void> write_exclusive(const std::string& path, std::string_view text) {
  const auto folder = std::filesystem::path(path).parent_path();
  if (auto made = make_folders(folder); !made) return made;

  const temporary draft(path + "." + uuid_v4() + ".tmp");
  const descriptor file(::open(draft.path(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (file.get() < 0) return system_error("cannot create");
  if (auto written = write_all(file.get(), text); !written) return written;

  // link, unlike rename, never replaces a file that is there.
  if (::link(draft.path(), path.c_str()) != 0) {
    if (errno == EEXIST) return error(errc::conflict, "it exists already and is not overwritten");
    return system_error("cannot create");
  }
  const descriptor parent(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.get() < 0 || ::fsync(parent.get()) != 0) return system_error("cannot flush the folder");
  return {};
}

}  // namespace lode::crypto
