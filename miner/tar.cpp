#include "miner/tar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

namespace lode::miner {

namespace {

constexpr std::size_t block = 512;
constexpr std::size_t name_bytes = 100;
constexpr std::size_t checksum_at = 148;

using header_block = std::array<char, block>;

void put_octal(header_block& h, std::size_t at, std::size_t width, std::uint64_t value) {
  const std::string digits = fmt::format("{:0{}o}", value, width - 1);
  std::memcpy(h.data() + at, digits.data(), width - 1);  // the last byte stays NUL
}

unsigned checksum(std::string_view header) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < block; ++i) {
    const bool in_field = i >= checksum_at && i < checksum_at + 8;
    sum += in_field ? unsigned{' '} : static_cast<unsigned char>(header[i]);
  }
  return sum;
}

bool is_safe_path(std::string_view path) {
  if (path.empty() || path.size() > name_bytes || path.front() == '/') return false;
  while (!path.empty()) {
    const auto slash = path.find('/');
    if (path.substr(0, slash) == "..") return false;
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return true;
}

std::optional<std::uint64_t> octal(std::string_view field) {
  std::uint64_t value = 0;
  bool any = false;
  for (const char c : field) {
    if (c == ' ' && !any) continue;
    if (c == '\0' || c == ' ') break;
    if (c < '0' || c > '7' || value > (UINT64_MAX >> 3U)) return std::nullopt;
    value = value * 8 + static_cast<std::uint64_t>(c - '0');
    any = true;
  }
  return any ? std::optional{value} : std::nullopt;
}

std::string_view until_nul(std::string_view field) { return field.substr(0, field.find('\0')); }

}  // namespace

result<std::string> write_tar(const std::vector<tar_entry>& entries) {
  std::string out;
  for (const auto& e : entries) {
    if (!is_safe_path(e.path)) return error{errc::bad_request, "not a path for an archive: " + e.path};
    header_block h{};
    std::memcpy(h.data(), e.path.data(), e.path.size());
    put_octal(h, 100, 8, e.mode);
    put_octal(h, 108, 8, e.uid);
    put_octal(h, 116, 8, e.gid);
    put_octal(h, 124, 12, e.is_folder() ? 0 : e.content.size());
    put_octal(h, 136, 12, 0);
    h[156] = e.is_folder() ? '5' : '0';
    std::memcpy(h.data() + 257,
                "ustar\0"
                "00",
                8);
    put_octal(h, 329, 8, 0);
    put_octal(h, 337, 8, 0);
    const std::string sum = fmt::format("{:06o}", checksum({h.data(), h.size()}));
    std::memcpy(h.data() + checksum_at, sum.data(), 6);
    h[checksum_at + 7] = ' ';
    out.append(h.data(), h.size());
    if (!e.is_folder()) {
      out += e.content;
      out.append((block - e.content.size() % block) % block, '\0');
    }
  }
  out.append(2 * block, '\0');
  return out;
}

result<std::vector<tar_entry>> read_tar(std::string_view archive) {
  const error damaged{errc::engine_failed, "the engine sent a damaged archive"};
  std::vector<tar_entry> out;
  while (true) {
    if (archive.size() < block) return damaged;
    const std::string_view h = archive.substr(0, block);
    archive.remove_prefix(block);
    if (h.find_first_not_of('\0') == std::string_view::npos) return out;

    const auto stored_sum = octal(h.substr(checksum_at, 8));
    const auto size = octal(h.substr(124, 12));
    if (!stored_sum || *stored_sum != checksum(h) || !size) return damaged;
    const std::uint64_t padded = (*size + block - 1) / block * block;
    if (*size > archive.size() || padded > archive.size()) return damaged;

    const char type = h[156];
    if (type == '0' || type == '\0' || type == '5') {
      tar_entry e;
      const auto prefix = until_nul(h.substr(345, 155));
      e.path = prefix.empty() ? std::string{} : std::string{prefix} + '/';
      e.path += until_nul(h.substr(0, name_bytes));
      if (type == '5' && !e.path.ends_with('/')) e.path += '/';
      e.mode = static_cast<std::uint32_t>(octal(h.substr(100, 8)).value_or(0) & 07777U);
      e.uid = static_cast<std::uint32_t>(octal(h.substr(108, 8)).value_or(0));
      e.gid = static_cast<std::uint32_t>(octal(h.substr(116, 8)).value_or(0));
      if (type != '5') e.content = archive.substr(0, *size);
      out.push_back(std::move(e));
    }
    archive.remove_prefix(padded);
  }
}

}  // namespace lode::miner
