#pragma once
// The Keccak permutation of 1600 bits, as FIPS 202 defines it. By hand because no library at hand offers the bare
// permutation, which STROBE needs.

#include <array>
#include <cstdint>

namespace lode::crypto {

/// 200 bytes: 25 lanes of 64 bits, each little-endian, lane (x, y) at 8 * (x + 5 * y).
using keccak_state = std::array<std::uint8_t, 200>;

/// Keccak-f[1600] in place. Constant time; any thread.
void keccak_f1600(keccak_state& state) noexcept;

}  // namespace lode::crypto
