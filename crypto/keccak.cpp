#include "crypto/keccak.hpp"

#include <sodium.h>

#include <bit>
#include <cstddef>

namespace lode::crypto {

namespace {

using lanes = std::array<std::uint64_t, 25>;

constexpr std::array<std::uint64_t, 24> round_constants{
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b,
    0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088,
    0x0000000080008009, 0x000000008000000a, 0x000000008000808b, 0x800000000000008b, 0x8000000000008089,
    0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};

// Rho and pi walk the 24 lanes other than (0, 0) in one cycle: the lane's new place and how far it turns on the way.
constexpr std::array<std::size_t, 24> pi_path{10, 7,  11, 17, 18, 3, 5,  16, 8,  21, 24, 4,
                                              15, 23, 19, 13, 12, 2, 20, 14, 22, 9,  6,  1};
constexpr std::array<int, 24> rho_turns{1,  3,  6,  10, 15, 21, 28, 36, 45, 55, 2,  14,
                                        27, 41, 56, 8,  25, 43, 62, 18, 39, 61, 20, 44};

void round(lanes& a, std::uint64_t constant) noexcept {
  std::array<std::uint64_t, 5> column{};
  for (std::size_t x = 0; x < 5; ++x) column[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
  for (std::size_t x = 0; x < 5; ++x) {
    const auto theta = column[(x + 4) % 5] ^ std::rotl(column[(x + 1) % 5], 1);
    for (std::size_t y = 0; y < 25; y += 5) a[x + y] ^= theta;
  }

  auto carried = a[1];
  for (std::size_t i = 0; i < 24; ++i) {
    const auto next = a[pi_path[i]];
    a[pi_path[i]] = std::rotl(carried, rho_turns[i]);
    carried = next;
  }

  for (std::size_t y = 0; y < 25; y += 5) {
    const std::array<std::uint64_t, 5> row{a[y], a[y + 1], a[y + 2], a[y + 3], a[y + 4]};
    for (std::size_t x = 0; x < 5; ++x) a[y + x] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]);
  }
  a[0] ^= constant;
}

}  // namespace

void keccak_f1600(keccak_state& state) noexcept {
  lanes a{};
  for (std::size_t i = 0; i < state.size(); ++i) a[i / 8] |= std::uint64_t{state[i]} << (8 * (i % 8));
  for (const auto constant : round_constants) round(a, constant);
  for (std::size_t i = 0; i < state.size(); ++i) state[i] = static_cast<std::uint8_t>(a[i / 8] >> (8 * (i % 8)));
  sodium_memzero(a.data(), sizeof(a));
}

}  // namespace lode::crypto
