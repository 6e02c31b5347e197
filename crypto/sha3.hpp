#pragma once

#include <string>
#include <string_view>

namespace lode::crypto {

/// SHA3-256 in lower-case hex without a prefix, as the dendrite protocol's body hash. Any thread.
/// Throws std::bad_alloc, for lack of memory is the only way in which hashing fails.
std::string sha3_256_hex(std::string_view bytes);

}  // namespace lode::crypto
