#include "bench/load/scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>

namespace lode::bench {
namespace {

std::size_t number_of(std::vector<std::string>& names, const std::string& name) {
  const auto at = std::find(names.begin(), names.end(), name);
  if (at != names.end()) return static_cast<std::size_t>(at - names.begin());
  names.push_back(name);
  return names.size() - 1;
}

}  // namespace

request_kinds::request_kinds(const scenario& s) {
  for (const mix_entry& e : s.mix) {
    const bool chosen = e.op == operation::hotkey;
    of_entry.push_back(number_of(names, rents(e.op) ? (chosen ? "allocate_hotkey" : "allocate") : e.name));
    if (!rents(e.op)) continue;
    deallocate = number_of(names, "deallocate");
    if (e.op != operation::pause) continue;
    pause = number_of(names, "pause");
    unpause = number_of(names, "unpause");
  }
}

bool rents(operation op) noexcept {
  return op == operation::pairs || op == operation::hotkey || op == operation::pause;
}

bool rents(const scenario& s) noexcept {
  return std::any_of(s.mix.begin(), s.mix.end(), [](const mix_entry& e) { return rents(e.op); });
}

bool names_miners(const scenario& s) noexcept {
  return std::any_of(s.mix.begin(), s.mix.end(),
                     [](const mix_entry& e) { return e.op == operation::hotkey || e.op == operation::status; });
}

std::string_view to_string(operation op) noexcept {
  static constexpr std::array<std::string_view, 6> names{"pairs", "hotkey", "pause", "list", "status", "get"};
  return names[static_cast<std::size_t>(op)];
}

std::string_view to_string(phase_kind k) noexcept {
  static constexpr std::array<std::string_view, 4> names{"constant", "ramp", "spike", "pause"};
  return names[static_cast<std::size_t>(k)];
}

bool is_error(const scenario& s, std::string_view outcome) {
  return outcome != "ok" && std::find(s.allow.begin(), s.allow.end(), outcome) == s.allow.end();
}

unsigned connections_of(const scenario& s) {
  constexpr unsigned of_an_open_loop = 64;
  if (s.connections > 0) return s.connections;
  if (s.mode == loop::open) return of_an_open_loop;
  return std::max(1U, static_cast<unsigned>(std::ceil(level_curve{s.phases, 0}.peak())));
}

result<scenario> find_scenario(const std::string& name_or_path) {
  if (name_or_path.find('/') != std::string::npos || name_or_path.ends_with(".toml")) {
    std::ifstream in{name_or_path, std::ios::binary};
    std::string text;
    std::array<char, 4096> part{};
    while (in.read(part.data(), part.size()) || in.gcount() > 0)
      text.append(part.data(), static_cast<std::size_t>(in.gcount()));
    if (!in.is_open() || in.bad()) return error{errc::config_invalid, name_or_path + ": cannot be read"};
    return parse_scenario(text, name_or_path);
  }
  std::string known;
  for (const auto& [name, text] : built_in_scenarios()) {
    if (name == name_or_path) return parse_scenario(text, name_or_path + ".toml");
    known.append(known.empty() ? "" : ", ").append(name);
  }
  return error{
      errc::config_invalid,
      fmt::format("no scenario is named {}: expected one of {}, or a file that ends with .toml", name_or_path, known)};
}

}  // namespace lode::bench
