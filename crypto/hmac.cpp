#include "crypto/hmac.hpp"

#include "crypto/crypto.hpp"

#include <sodium.h>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace lode::crypto {
namespace {

constexpr std::size_t most_bytes = 4096;

struct file_handle {
  int fd;
  explicit file_handle(int f) : fd(f) {}
  file_handle(const file_handle&) = delete;
  file_handle& operator=(const file_handle&) = delete;
  ~file_handle() {
    if (fd >= 0) ::close(fd);
  }
};

error unusable(const std::string& path, const std::string& why) { return {errc::config_invalid, path + ": " + why}; }

}  // namespace

std::string hmac_sha256_hex(std::string_view key, std::string_view data) {
  const auto bytes = [](std::string_view s) { return reinterpret_cast<const unsigned char*>(s.data()); };
  crypto_auth_hmacsha256_state state;
  std::array<std::uint8_t, crypto_auth_hmacsha256_BYTES> tag{};
  crypto_auth_hmacsha256_init(&state, bytes(key), key.size());
  crypto_auth_hmacsha256_update(&state, bytes(data), data.size());
  crypto_auth_hmacsha256_final(&state, tag.data());
  sodium_memzero(&state, sizeof state);
  return to_hex(tag);
}

result<std::string> read_secret_file(const std::string& path) {
  // Not blocking: the name may be a pipe's.
  const file_handle file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat status {};
  if (file.fd < 0 || ::fstat(file.fd, &status) != 0) return unusable(path, std::generic_category().message(errno));
  if (!S_ISREG(status.st_mode)) return unusable(path, "not a regular file");
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) return unusable(path, "is open to others: chmod 600 it");
  std::string text(most_bytes + 1, '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t n = ::read(file.fd, text.data() + have, text.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return unusable(path, std::generic_category().message(errno));
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  text.resize(have);
  if (text.ends_with('\n')) text.pop_back();
  if (text.empty()) return unusable(path, "is empty");
  if (text.size() > most_bytes) return unusable(path, "is too long for a secret");
  return text;
}

}  // namespace lode::crypto
