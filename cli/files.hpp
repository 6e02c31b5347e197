#pragma once
// Files of `lode` and what it finds in its environment.

#include "cli/failure.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace lode::cli {

/// The variables of the environment, as they were at the start; HOME is that of the user where it is not set.
class environment {
 public:
  explicit environment(const char* const* variables);
  explicit environment(std::map<std::string, std::string, std::less<>> variables) : of_(std::move(variables)) {}
  /// Empty where it is not set.
  [[nodiscard]] std::string get(std::string_view name) const;

  /// $XDG_CONFIG_HOME/lode, else ~/.config/lode.
  [[nodiscard]] std::string config_folder() const;
  /// $XDG_STATE_HOME/lode, else ~/.local/state/lode.
  [[nodiscard]] std::string state_folder() const;
  /// "~/x" with the home folder in place of ~.
  [[nodiscard]] std::string expanded(std::string_view path) const;

 private:
  [[nodiscard]] std::string folder(std::string_view variable, std::string_view in_home) const;
  std::map<std::string, std::string, std::less<>> of_;
};

bool file_exists(const std::string& path);

/// The whole file; "-" is standard input. not_found where there is none; failed beyond `most` bytes.
outcome<std::string> read_file(const std::string& path, std::size_t most = std::size_t{1} << 20U);

/// Replaces the file by `text` with mode 0600, whole or not at all; missing folders are made with mode 0700.
outcome<void> write_private_file(const std::string& path, std::string_view text);

/// Runs `work` while no other process does under the same path; failed when it is not its turn within ten seconds.
outcome<void> while_locked(const std::string& path, const std::function<outcome<void>()>& work);

/// The first line that a command of the shell prints. failed when it ends with an error or not within `within`.
outcome<std::string> line_of_command(const std::string& command, std::chrono::milliseconds within);

/// Where a program is found in PATH; empty where it is not.
std::string program_in_path(std::string_view name, const environment& env);

}  // namespace lode::cli
