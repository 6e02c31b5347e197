// Settings from all sources in order of precedence, and the flags that only print.
#include "config/table.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace lode::config {
namespace {

using variables = std::map<std::string, std::string, std::less<>>;

variables variables_of(const char* const* environment) {
  variables all;
  for (; environment && *environment; ++environment) {
    const std::string_view entry{*environment};
    if (const auto equals = entry.find('='); equals != std::string_view::npos)
      all.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return all;
}

struct command_line {
  std::string config_file;
  bool print_config = false;
  bool check_config = false;
  std::vector<std::string> values;  // by setting, as given
  std::vector<bool> given;
  std::vector<std::string> commands;
  std::vector<std::string> errors;
  std::optional<std::string> help;
};

std::string group_of(std::string_view name) { return std::string{name.substr(0, name.find('.'))}; }

// CLI11 takes the next argument for the value of `--name=`, where an empty value is meant. Last argument first, as
// CLI11 wants them.
std::vector<std::string> arguments_of(int argc, const char* const* argv) {
  std::vector<std::string> out;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word{argv[i]};
    const bool empty_value = word.starts_with("--") && word.find('=') == word.size() - 1;
    out.emplace_back(empty_value ? word.substr(0, word.size() - 1) : word);
    if (empty_value) out.emplace_back();
  }
  std::reverse(out.begin(), out.end());
  return out;
}

command_line read_flags(const program& p, std::span<const bound_setting> settings, int argc, const char* const* argv) {
  command_line out;
  out.values.resize(settings.size());
  out.given.resize(settings.size());
  const bool live_ones = std::any_of(settings.begin(), settings.end(), [](const auto& s) { return s.must->live; });
  CLI::App app{
      fmt::format("{}\n\nEvery setting is also a key of the TOML file and an environment variable: {} for {}.{}",
                  p.summary, variable_name(p.env_prefix, settings.front().name), settings.front().name,
                  live_ones ? "\nSettings marked (live) are read again on SIGHUP." : ""),
      std::string{p.name}};
  app.get_formatter()->column_width(48);
  app.allow_extras();
  app.fallthrough();
  app.add_option("--config", out.config_file, fmt::format("TOML file of settings (or {}CONFIG)", p.env_prefix))
      ->type_name("FILE");
  app.add_flag("--print-config", out.print_config, "Print the settings in force, each with its source, and exit");
  app.set_version_flag("--version", fmt::format("{} {}", p.name, LODE_VERSION), "Print the version and exit");
  app.add_flag("--check-config", out.check_config, "Check the settings and exit");
  std::vector<std::string> acts(p.actions.size());
  std::vector<CLI::Option*> actions;
  for (std::size_t i = 0; i < p.actions.size(); ++i)
    actions.push_back(app.add_option(std::string{p.actions[i].first}, acts[i], std::string{p.actions[i].second})
                          ->type_name("NAME")
                          ->expected(1));
  std::vector<std::string> words;  // that follow a command
  for (const auto& [name, help] : p.commands) {
    auto* command = app.add_subcommand(std::string{name}, std::string{help})->fallthrough();
    command->add_option("words", words, "What the command is about, if anything")->expected(0, -1)->group("");
  }
  app.require_subcommand(0, 1);

  std::vector<CLI::Option*> options;
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const auto& s = settings[i];
    const std::string flag = "--" + std::string{s.name};
    const std::string doc = std::string{s.doc} + (s.must->live ? " (live)" : "");
    CLI::Option* option = nullptr;
    if (std::holds_alternative<bool*>(s.value)) {
      option = app.add_flag(flag, out.values[i], doc)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
      option->description(fmt::format("{} [{}]", doc, toml_text(s)));
    } else {
      option = app.add_option(flag, out.values[i], doc)->expected(1);
      const bool list = std::holds_alternative<std::vector<std::string>*>(s.value);
      option->multi_option_policy(list ? CLI::MultiOptionPolicy::Join : CLI::MultiOptionPolicy::TakeLast);
      option->type_name(s.must->choices.empty() ? "" : std::string{s.must->choices});
      option->default_str(toml_text(s));
    }
    options.push_back(option->group(group_of(s.name)));
  }
  try {
    app.parse(arguments_of(argc, argv));
  } catch (const CLI::CallForHelp&) {
    out.help = app.help();
    return out;
  } catch (const CLI::CallForVersion& e) {
    out.help = fmt::format("{}\n", e.what());
    return out;
  } catch (const CLI::ParseError& e) {
    out.errors.push_back(fmt::format("{}: {}", p.name, e.what()));
  }
  for (const auto& word : app.remaining(true)) {
    const bool flag = word.starts_with("--");
    const auto name = std::string_view{word}.substr(flag ? 2 : 0, word.find('=') - (flag ? 2 : 0));
    out.errors.push_back(flag ? fmt::format("unknown flag --{}{}", name, suggestion(name, settings))
                              : fmt::format("unexpected argument {}", word));
  }
  for (std::size_t i = 0; i < options.size(); ++i) out.given[i] = options[i]->count() > 0;
  for (std::size_t i = 0; i < actions.size(); ++i)
    if (actions[i]->count() > 0) out.commands.insert(out.commands.end(), {std::string{p.actions[i].first}, acts[i]});
  for (const auto* command : app.get_subcommands()) out.commands.push_back(command->get_name());
  out.commands.insert(out.commands.end(), words.begin(), words.end());
  return out;
}

void take(bound_setting& s, std::string_view text, const std::string& source, std::vector<std::string>& errors) {
  auto problem = set_from_text(s, text);
  if (problem.empty()) problem = broken_rule(s);
  if (problem.empty())
    s.source = source;
  else
    errors.push_back(fmt::format("{}: {}", source, problem));
}

std::string print(std::span<const bound_setting> settings) {
  std::string out;
  std::string group;
  for (const auto& s : settings) {
    if (const auto g = group_of(s.name); g != group) {
      out += fmt::format("{}[{}]\n", out.empty() ? "" : "\n", g);
      group = g;
    }
    const auto text = toml_text(s);
    const bool masked = s.must->secret && text != R"("")" && text != "[]";
    out += fmt::format("{} = {}  # {}\n", s.name.substr(group.size() + 1), masked ? R"("***")" : text, s.source);
  }
  return out;
}

}  // namespace

decision read_everything(const program& p, std::span<bound_setting> settings, int argc, const char* const* argv,
                         const char* const* environment, void (*cross_check)(const void*, std::vector<std::string>&),
                         const void* whole) {
  const auto flags = read_flags(p, settings, argc, argv);
  if (flags.help) return print_and_exit{*flags.help, 0};
  const auto env = variables_of(environment);

  std::vector<std::string> errors;
  std::string file = flags.config_file;
  if (const auto v = env.find(std::string{p.env_prefix} + "CONFIG"); file.empty() && v != env.end()) file = v->second;
  if (!file.empty()) read_file(file, settings, errors);
  for (auto& s : settings)
    for (const auto& name : {std::string{s.must->legacy_env}, variable_name(p.env_prefix, s.name)})
      if (const auto v = env.find(name); !name.empty() && v != env.end())
        take(s, v->second, "environment " + name, errors);
  errors.insert(errors.end(), flags.errors.begin(), flags.errors.end());
  for (std::size_t i = 0; i < settings.size(); ++i)
    if (flags.given[i]) take(settings[i], flags.values[i], "--" + std::string{settings[i].name}, errors);
  if (errors.empty()) cross_check(whole, errors);

  if (!errors.empty()) return print_and_exit{fmt::format("{}\n", fmt::join(errors, "\n")), 2};
  if (flags.print_config) return print_and_exit{print(settings), 0};
  if (flags.check_config) {
    auto report = p.check_files ? p.check_files(whole) : check_report{};
    std::string notes;
    for (const auto& note : report.notes) notes.append("note: ").append(note).push_back('\n');
    if (!report.problems.empty())
      return print_and_exit{fmt::format("{}\n{}", fmt::join(report.problems, "\n"), notes), 2};
    return print_and_exit{notes + "configuration ok\n", 0};
  }
  return flags.commands;
}

}  // namespace lode::config
