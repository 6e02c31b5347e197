#include "config/settings.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <unistd.h>

namespace lode::config {

// The nearest folder that is there must let us write.
std::string not_writable(const std::string& name, const std::string& path) {
  std::error_code ec;
  auto at = std::filesystem::absolute(path, ec).lexically_normal();
  while (!at.empty() && !std::filesystem::exists(at, ec) && at != at.parent_path()) at = at.parent_path();
  const bool folder = std::filesystem::is_directory(at, ec);
  if (!folder && at != std::filesystem::absolute(path, ec).lexically_normal())
    return fmt::format("{} {}: {} is no folder", name, path, at.string());
  if (::access(at.c_str(), folder ? W_OK | X_OK : W_OK) == 0) return {};
  return fmt::format("{} {}: {} cannot be written: {}", name, path, at.string(),
                     std::generic_category().message(errno));
}

}  // namespace lode::config
