#pragma once
// The table of settings that drives the TOML file, the environment, the flags, --help and --print-config. A setting is
// one row in daemon_settings.cpp or agent_settings.cpp; its default is the member's initialiser in settings.hpp.

#include "config/settings.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace lode::config {

/// Where a setting lives, by its type.
using value_ref = std::variant<std::string*, std::int64_t*, double*, bool*, std::vector<std::string>*>;

/// What a value must be beside its type. `form` answers an empty text for a good one, else what was expected; it sees
/// each element of a list and no empty string, because empty means "none" for every text setting that may be so.
struct rule {
  std::optional<double> least = std::nullopt;
  std::optional<double> most = std::nullopt;
  std::string_view choices = {};  ///< separated by |
  std::string_view (*form)(std::string_view) = nullptr;
  bool not_empty = false;
  bool secret = false;               ///< masked in --print-config
  bool live = false;                 ///< re-read on SIGHUP
  std::string_view legacy_env = {};  ///< also read from this variable, before the regular one
};

template <class Settings>
struct setting {
  std::string_view name;
  value_ref (*at)(Settings&);
  std::string_view doc;
  rule must = {};
};

struct program {
  std::string_view name;
  std::string_view summary;
  std::string_view env_prefix;                                          ///< "LODE_"
  std::vector<std::pair<std::string_view, std::string_view>> commands;  ///< subcommands with their help
  /// Flags with a NAME that do one thing instead of running: flag and help.
  std::vector<std::pair<std::string_view, std::string_view>> actions = {};
  /// Of --check-config: looks at the files that the settings name. May be empty.
  std::function<check_report(const void* whole)> check_files = {};
};

/// A setting bound to the struct being filled.
struct bound_setting {
  std::string_view name;
  std::string_view doc;
  value_ref value;
  const rule* must;
  std::string source = "default";
};

std::string variable_name(std::string_view prefix, std::string_view setting_name);

/// Sets the value from text (flag or variable; lists separated by commas). Empty, or what was expected.
std::string set_from_text(bound_setting& s, std::string_view text);
/// Checks the value against the rule. Empty, or what was expected.
std::string broken_rule(const bound_setting& s);
/// The value as TOML.
std::string toml_text(const bound_setting& s);
/// " (did you mean http.listen?)" or empty.
std::string suggestion(std::string_view unknown, std::span<const bound_setting> known);

/// Reads a TOML file into the settings; appends "FILE:LINE: …" for each error.
void read_file(const std::string& path, std::span<bound_setting> settings, std::vector<std::string>& errors);

/// What is to be done after everything was read: run (with a command or none), or print and exit.
using decision = std::variant<std::vector<std::string>, print_and_exit>;
/// File, environment, flags, in this order. `cross_check` appends what single settings cannot see.
decision read_everything(const program& p, std::span<bound_setting> settings, int argc, const char* const* argv,
                         const char* const* environment, void (*cross_check)(const void*, std::vector<std::string>&),
                         const void* whole);

// Forms.
std::string_view host_and_port(std::string_view text);  ///< 127.0.0.1:80, [::1]:80; port 0 picks one
std::string_view http_url(std::string_view text);
std::string_view literal_ip(std::string_view text);
std::string_view ip_or_network(std::string_view text);  ///< 10.0.0.7, 10.0.0.0/8, fd00::/8
std::string_view ss58_address(std::string_view text);
std::string_view name_and_reference(std::string_view text);  ///< name=reference
std::string_view name_part(std::string_view text);           ///< letters, digits, - _ .

/// Everything for one program, from its table.
template <class Settings>
outcome<Settings> parse_program(const program& p, std::span<const setting<Settings>> table, int argc,
                                const char* const* argv, const char* const* environment,
                                void (*cross_check)(const void*, std::vector<std::string>&)) {
  Settings settings;
  std::vector<bound_setting> bound;
  bound.reserve(table.size());
  for (const auto& row : table) bound.push_back({row.name, row.doc, row.at(settings), &row.must});
  auto decided = read_everything(p, bound, argc, argv, environment, cross_check, &settings);
  if (auto* stop = std::get_if<print_and_exit>(&decided)) return std::move(*stop);
  return run_with<Settings>{std::move(settings), std::move(std::get<0>(decided))};
}

}  // namespace lode::config
