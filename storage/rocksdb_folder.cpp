// The folder of a store: its lock and what is in it.

#include "storage/rocksdb_files.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace lode::storage {
namespace {

/// The process that holds the flock on `fd`'s file, as the kernel tells. The device is not compared: for some file
/// systems /proc/locks names another than stat() does.
std::optional<long> flock_holder(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return std::nullopt;
  std::optional<long> holder;
  std::ifstream locks{"/proc/locks"};
  for (std::string line; std::getline(locks, line);) {
    // 1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF
    std::istringstream fields{line};
    std::string number, type, mode, access, place;
    long pid = 0;
    if (!(fields >> number >> type >> mode >> access >> pid >> place) || type != "FLOCK" || pid <= 0) continue;
    if (!place.ends_with(fmt::format(":{}", status.st_ino))) continue;
    if (holder && *holder != pid) return std::nullopt;
    holder = pid;
  }
  return holder;
}

error held(const std::string& path, std::optional<long> pid) {
  return {errc::store_locked, pid ? fmt::format("the store in {} is held by process {}", path, *pid)
                                  : fmt::format("the store in {} is held by another process", path)};
}

result<void> make_folder(const std::string& path) {
  std::error_code failure;
  const std::string parent = parent_folder(path);
  std::filesystem::create_directories(parent, failure);
  if (failure) return error{errc::store_io, fmt::format("cannot make {}: {}", parent, failure.message())};
  if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) return system_error("cannot make", path);
  return sync_folder(parent);
}

/// RocksDB's own lock, which tools other than ours take. Asking for it changes nothing.
std::optional<error> foreign_holder(const std::string& path, const std::string& database) {
  const unique_fd file{::open((database + "/LOCK").c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file.valid()) return std::nullopt;  // RocksDB makes the file when it opens
  struct flock asked {};
  asked.l_type = F_WRLCK;
  asked.l_whence = SEEK_SET;
  if (::fcntl(file.get(), F_GETLK, &asked) != 0 || asked.l_type == F_UNLCK) return std::nullopt;
  return held(path, asked.l_pid > 0 ? std::optional<long>{asked.l_pid} : std::nullopt);
}

}  // namespace

result<locked_folder> lock_folder(const std::string& path, bool create) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno != ENOENT) return system_error("cannot open", path);
    if (!create) return error{errc::not_found, fmt::format("there is no store in {}", path)};
    if (const auto made = make_folder(path); !made) return made.error();
  } else if (!S_ISDIR(status.st_mode)) {
    return error{errc::store_damaged, fmt::format("{} is not a folder", path)};
  }

  locked_folder folder;
  folder.lock = unique_fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!folder.lock.valid()) return system_error("cannot open", path);
  if (::flock(folder.lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return held(path, flock_holder(folder.lock.get()));
    return system_error("cannot lock", path);
  }

  folder.database = path + "/db";
  std::error_code failure;
  std::string stranger;
  for (auto at = std::filesystem::directory_iterator{path, failure}; !failure && at != end(at); at.increment(failure)) {
    const std::string name = at->path().filename();
    if (name == "db")
      folder.has_database = true;
    else if (name != "db.creating" && name != "lost+found")
      stranger = name;
  }
  if (failure) return error{errc::store_io, fmt::format("cannot read {}: {}", path, failure.message())};
  if (folder.has_database) {
    if (auto refusal = foreign_holder(path, folder.database)) return *std::move(refusal);
  } else if (!stranger.empty()) {
    return error{errc::store_damaged, fmt::format("{} is not a Lode store: it holds {} and no db", path, stranger)};
  }
  return folder;
}

}  // namespace lode::storage
