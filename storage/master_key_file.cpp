// The file that holds the master key.

#include "crypto/crypto.hpp"
#include "storage/posix_file.hpp"
#include "storage/sealing.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <stdlib.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace lode::storage {
namespace {

constexpr std::size_t key_bytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr std::size_t line_bytes = 45;  // 44 of base64 and the newline

/// A string that is wiped when it goes.
struct secret {
  std::string text;
  secret() = default;
  explicit secret(std::string t) : text(std::move(t)) {}
  secret(const secret&) = delete;
  secret& operator=(const secret&) = delete;
  ~secret() { crypto::wipe(text); }
};

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

/// At most one byte more than a key line is read.
bool read_line(int fd, std::string& text) {
  text.resize(line_bytes + 1);
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t n = ::read(fd, text.data() + have, text.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  text.resize(have);
  return true;
}

/// A new random key under the name `path`, unless there is one by now.
result<void> create(const std::string& path) {
  const std::string parent = parent_folder(path);
  std::error_code failure;
  std::filesystem::create_directories(parent, failure);
  if (failure) return error{errc::store_io, fmt::format("cannot make {}: {}", parent, failure.message())};

  const secret key{crypto::random_bytes(key_bytes)};
  const secret line{crypto::to_base64(key.text) + "\n"};
  std::string temporary = path + ".new-XXXXXX";
  const unique_fd file{::mkostemp(temporary.data(), O_CLOEXEC)};  // mode 0600
  if (!file.valid()) return system_error("cannot make", temporary);
  const auto publish = [&]() -> result<void> {
    if (!write_all(file.get(), line.text) || ::fsync(file.get()) != 0) return system_error("cannot write", temporary);
    // link() and not rename(): a key that another process made meanwhile must stay.
    if (::link(temporary.c_str(), path.c_str()) != 0 && errno != EEXIST) return system_error("cannot make", path);
    return {};
  };
  auto published = publish();
  ::unlink(temporary.c_str());
  if (!published) return published;
  return sync_folder(parent);
}

}  // namespace

/// May make a sealer.
class master_key_file {
 public:
  static result<sealer> load(const std::string& path) {
    if (const auto ready = crypto::init(); !ready) return ready.error();
    // Not blocking: the name may be a pipe's.
    const unique_fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (!file.valid()) {
      if (errno == ENOENT) return error{errc::not_found, fmt::format("there is no master key {}", path)};
      return system_error("cannot open the master key", path);
    }
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return system_error("cannot read the master key", path);
    if (!S_ISREG(status.st_mode))
      return error{errc::key_invalid, fmt::format("the master key {} is not a regular file", path)};
    if (status.st_uid != ::geteuid() && status.st_uid != 0)
      return error{errc::key_invalid, fmt::format("the master key {} belongs to another user", path)};
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
      return error{errc::key_invalid, fmt::format("the master key {} is open to others (mode {:04o}): chmod 600 it",
                                                  path, status.st_mode & 07777U)};
    secret line;
    if (!read_line(file.get(), line.text)) return system_error("cannot read the master key", path);
    if (line.text.ends_with('\n')) line.text.pop_back();
    auto decoded = crypto::from_base64(line.text);
    if (!decoded) return error{errc::key_invalid, fmt::format("the master key {} is not one line of base64", path)};
    const secret key{*std::move(decoded)};
    if (key.text.size() != key_bytes)
      return error{errc::key_invalid, fmt::format("the master key {} does not hold {} bytes", path, key_bytes)};

    auto* guarded = static_cast<unsigned char*>(sodium_malloc(key_bytes));
    if (guarded == nullptr) return error{errc::store_io, "there is no guarded memory for the master key"};
    std::copy(key.text.begin(), key.text.end(), guarded);
    std::shared_ptr<const unsigned char> held{guarded, [](const unsigned char* p) {
                                                sodium_free(const_cast<unsigned char*>(p));  // NOLINT
                                              }};
    sodium_mprotect_readonly(guarded);
    return sealer{std::move(held)};
  }
};

result<sealer> load_master_key(const std::string& path) { return master_key_file::load(path); }

result<sealer> load_or_create_master_key(const std::string& path) {
  auto loaded = master_key_file::load(path);
  if (loaded || loaded.error() != errc::not_found) return loaded;
  if (const auto made = create(path); !made) return made.error();
  return master_key_file::load(path);
}

}  // namespace lode::storage
