#include "storage/posix_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <system_error>
#include <unistd.h>

namespace lode::storage {

unique_fd::~unique_fd() {
  if (fd_ >= 0) ::close(fd_);
}

error system_error(const std::string& what, const std::string& path) {
  const int code = errno;
  return {errc::store_io, what + ' ' + path + ": " + std::system_category().message(code)};
}

result<void> sync_folder(const std::string& path) {
  const unique_fd folder{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!folder.valid() || ::fsync(folder.get()) != 0) return system_error("cannot sync", path);
  return {};
}

std::string parent_folder(const std::string& path) {
  const auto parent = std::filesystem::path{path}.parent_path();
  return parent.empty() ? "." : parent.string();
}

}  // namespace lode::storage
