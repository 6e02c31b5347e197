#pragma once
// Which items of a listing are on the page that was asked for.

#include "messages/actors.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace lode::actors {

/// The half-open range of items on the page; see page_request. Pure; any thread.
inline std::pair<std::size_t, std::size_t> page_of(const page_request& p) {
  const auto number = p.number.value_or(0);
  if (number <= 0) return {0, SIZE_MAX};
  const auto size = p.size.value_or(0) > 0 ? static_cast<std::size_t>(*p.size) : 50;
  const auto before = static_cast<std::size_t>(number - 1);
  if (before > SIZE_MAX / size - 1) return {SIZE_MAX, SIZE_MAX};
  return {before * size, before * size + size};
}

}  // namespace lode::actors
