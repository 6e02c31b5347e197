// Which lines are an OpenSSH public key. The line ends up in an authorized_keys file and, on existing miners, inside
// single quotes in a shell's echo within a Dockerfile: what could leave either is refused here.

#include "crypto/crypto.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace lode::crypto {

namespace {

constexpr std::size_t max_line = std::size_t{16} * 1024;  // an RSA key of 16384 bits takes 2.8 KiB

/// The fields of a key blob, each preceded by its length in four big-endian bytes.
class blob_reader {
 public:
  explicit blob_reader(std::string_view blob) : rest_(blob) {}

  std::optional<std::string_view> next() noexcept {
    if (rest_.size() < 4) return std::nullopt;
    std::size_t length = 0;
    for (const char c : rest_.substr(0, 4)) length = length << 8 | static_cast<std::uint8_t>(c);
    if (length > rest_.size() - 4) return std::nullopt;
    const auto field = rest_.substr(4, length);
    rest_.remove_prefix(4 + length);
    return field;
  }
  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }

 private:
  std::string_view rest_;
};

struct curve {
  std::string_view type;
  std::string_view name;
  std::size_t point_bytes;  ///< uncompressed: 0x04, x, y
};
constexpr std::array<curve, 4> curves{{{"ecdsa-sha2-nistp256", "nistp256", 65},
                                       {"ecdsa-sha2-nistp384", "nistp384", 97},
                                       {"ecdsa-sha2-nistp521", "nistp521", 133},
                                       {"sk-ecdsa-sha2-nistp256@openssh.com", "nistp256", 65}}};

bool is_rsa(blob_reader& blob) noexcept {
  const auto positive = [](std::string_view mpint) {
    return !mpint.empty() && (static_cast<std::uint8_t>(mpint[0]) & 0x80) == 0;
  };
  const auto exponent = blob.next();
  const auto modulus = blob.next();
  constexpr std::size_t least_modulus = 128;  // sshd refuses less than 1024 bits
  return exponent && modulus && positive(*exponent) && positive(*modulus) && modulus->size() >= least_modulus;
}

bool is_ed25519(blob_reader& blob) noexcept {
  const auto point = blob.next();
  return point && point->size() == 32;
}

bool is_ecdsa(blob_reader& blob, const curve& expected) noexcept {
  const auto name = blob.next();
  const auto point = blob.next();
  return name && point && *name == expected.name && point->size() == expected.point_bytes && point->front() == 0x04;
}

bool is_blob_of(std::string_view type, std::string_view bytes) noexcept {
  blob_reader blob(bytes);
  if (blob.next() != type) return false;
  bool good = false;
  if (type == "ssh-rsa") {
    good = is_rsa(blob);
  } else if (type == "ssh-ed25519" || type == "sk-ssh-ed25519@openssh.com") {
    good = is_ed25519(blob);
  } else {
    const auto found = std::find_if(curves.begin(), curves.end(), [type](const curve& c) { return c.type == type; });
    good = found != curves.end() && is_ecdsa(blob, *found);
  }
  if (type.starts_with("sk-")) {
    const auto application = blob.next();
    good = good && application && !application->empty();
  }
  return good && blob.at_end();
}

bool is_comment(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= ' ' && c <= '~' && c != '\'' && c != '"' && c != '`' && c != '\\'; });
}

}  // namespace

bool is_openssh_public_key(std::string_view line) noexcept {
  if (line.size() > max_line) return false;
  const auto type_end = line.find(' ');
  if (type_end == std::string_view::npos) return false;
  const auto type = line.substr(0, type_end);
  line.remove_prefix(type_end + 1);
  const auto blob_end = line.find(' ');
  const auto comment = blob_end == std::string_view::npos ? std::string_view{} : line.substr(blob_end);
  const auto blob = from_base64(line.substr(0, blob_end));
  return blob && is_blob_of(type, *blob) && is_comment(comment);
}

}  // namespace lode::crypto
