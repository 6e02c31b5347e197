#pragma once
// Just enough of ustar for file uploads and downloads through the engine: regular files and folders, names up to 100
// characters, numeric owners. Pure; any thread.

#include "messages/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lode::miner {

struct tar_entry {
  std::string path;  ///< relative; a folder ends with '/'
  std::uint32_t mode = 0600;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string content;  ///< of a file

  [[nodiscard]] bool is_folder() const { return path.ends_with('/'); }
};

/// A complete archive. bad_request for a path that is empty, absolute, longer than 100 characters or contains "..".
result<std::string> write_tar(const std::vector<tar_entry>& entries);

/// All folders and regular files of an archive, in order; other kinds of entry (links, devices, extended headers) are
/// skipped. engine_failed when it is cut, has a wrong checksum or claims more than it holds.
result<std::vector<tar_entry>> read_tar(std::string_view archive);

}  // namespace lode::miner
