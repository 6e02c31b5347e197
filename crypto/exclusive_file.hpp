#pragma once
// A new file for a secret. Internal to crypto/.

#include "messages/error.hpp"

#include <string>
#include <string_view>

namespace lode::crypto {

/// Makes the file `path` (mode 0600) with `text`, flushed to the disk; whole or not at all. Missing folders are made
/// (0700). conflict when `path` exists, which then stays as it is; key_invalid with the system's reason otherwise.
result<void> write_exclusive(const std::string& path, std::string_view text);

}  // namespace lode::crypto
