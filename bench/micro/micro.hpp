#pragma once
// The hot paths of Lode as plain loops that do the same work in every run, so that their instructions can be counted.
// scripts/bench-guard counts them and compares with baseline.json.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lode::micro {

/// Does the operation so many times. May be called again.
using loop = std::function<void(std::size_t)>;

struct micro_case {
  std::string_view name;
  std::string_view what;          ///< one operation, for people
  std::size_t operations;         ///< how many are counted
  std::function<loop()> prepare;  ///< everything that is not counted; called once, in a process of its own
};

std::vector<micro_case> codec_cases();
std::vector<micro_case> crypto_cases();
std::vector<micro_case> http_cases();
std::vector<micro_case> registry_cases();
std::vector<micro_case> store_cases();
std::vector<micro_case> wire_cases();

/// The optimiser must take `value` for used.
template <class T>
void keep(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

/// Ends the process unless it holds: a loop whose operation fails would count something else.
void must(bool holds, std::string_view what);

/// The value of a result that must be one.
template <class R>
auto value_of(R&& r, std::string_view what) {
  must(static_cast<bool>(r), what);
  return *std::forward<R>(r);
}

/// A folder of this process that is deleted when it ends.
const std::string& scratch_folder();

}  // namespace lode::micro
