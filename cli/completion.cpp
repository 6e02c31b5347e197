// lode completion, and what its scripts ask.
#include "cli/completion.hpp"

#include "cli/session.hpp"

#include <fmt/format.h>

#include <array>
#include <memory>

namespace lode::cli {
namespace {

constexpr std::array<std::string_view, 9> about_allocations{"show",    "ssh", "release", "pause", "unpause",
                                                            "restart", "key", "extend",  "check"};
constexpr std::array<std::string_view, 2> about_contexts{"context use", "context remove"};

std::string flags_of(const CLI::App& app) {
  std::string out;
  for (const auto* o : app.get_options())
    for (const auto& name : o->get_lnames()) out += (out.empty() ? "--" : " --") + name;
  return out;
}

/// One line of a case: the words of the command so far, what may follow.
void add_cases(std::string& out, const CLI::App& app, const std::string& path, const std::string& shared) {
  std::string choices;
  for (const auto* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!sub->get_group().empty()) choices += sub->get_name() + " ";
  const auto own = path.empty() ? std::string{} : flags_of(app) + " ";
  std::string more;
  for (const auto name : about_allocations)
    if (name == path) more = " names=allocations";
  for (const auto name : about_contexts)
    if (name == path) more = " names=contexts";
  out += fmt::format("    \"{}\") choices=\"{}\" flags=\"{}{}\"{} ;;\n", path, choices, own, shared, more);
  for (const auto* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!sub->get_group().empty())
      add_cases(out, *sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), shared);
}

outcome<void> names(session& s, const std::string& kind) {
  if (kind == "contexts") {
    const auto f = load_contexts(s.env());
    if (!f) return f.error();
    for (const auto& c : f->contexts)
      if (auto written = s.print(c.name + "\n"); !written) return written;
    return {};
  }
  const auto to = s.server();
  if (!to) return to.error();
  const auto state = s.state().read();
  if (!state) return state.error();
  std::string out;
  for (const auto& r : state->allocations)
    if (!r.gone && r.server == s.server_text()) out += r.hotkey + "\n";
  return s.print(out.empty() ? out : "last\n" + out);
}

}  // namespace

std::string bash_completion(const CLI::App& app) {
  std::string cases;
  add_cases(cases, app, "", flags_of(app));
  // Neither `path` nor `words` for a name: zsh has special parameters of these names, and PATH would be empty.
  return "# Completion of lode for bash; zsh reads it through bashcompinit.\n"
         "_lode_of() {\n"
         "  choices='' flags='' names=''\n"
         "  case \"$1\" in\n" +
         cases +
         "    *) return 1 ;;\n"
         "  esac\n"
         "}\n"
         "_lode() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} at='' choices flags names i word\n"
         "  COMPREPLY=()\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    word=${COMP_WORDS[i]}\n"
         "    [ \"$word\" != -- ] || return 0\n"
         "    case $word in -*) continue ;; esac\n"
         "    if _lode_of \"${at:+$at }$word\"; then at=${at:+$at }$word; fi\n"
         "  done\n"
         "  _lode_of \"$at\" || return 0\n"
         "  case $cur in -*) choices=$flags ;; esac\n"
         "  case \"$names,$cur\" in ,* | *,-*) ;; *) choices=\"$choices $(lode __names \"$names\" 2>/dev/null)\" ;; "
         "esac\n"
         "  COMPREPLY=($(compgen -W \"$choices\" -- \"$cur\"))\n"
         "}\n"
         "complete -o default -F _lode lode\n";
}

std::string zsh_completion(const CLI::App& app) {
  return "#compdef lode\nautoload -U +X compinit bashcompinit\n(( $+functions[compdef] )) || compinit\nbashcompinit\n" +
         bash_completion(app);
}

void add_completion(registry& r) {
  auto shell = std::make_shared<std::string>();
  auto* c = r.add("completion", "Print the completion script of a shell",
                  "  source <(lode completion bash)                               this shell\n"
                  "  lode completion bash >~/.local/share/bash-completion/completions/lode\n"
                  "  source <(lode completion zsh)                                in ~/.zshrc\n");
  c->add_option("shell", *shell, "bash or zsh")->required()->check(CLI::IsMember({"bash", "zsh"}));
  r.on(c,
       [shell, &r](session& s) { return s.print(*shell == "bash" ? bash_completion(r.app) : zsh_completion(r.app)); });
  auto kind = std::make_shared<std::string>();
  auto* hidden = r.add("__names", "What the completion scripts ask", "");
  hidden->group("");
  hidden->add_option("kind", *kind)->required();
  r.on(hidden, [kind](session& s) { return names(s, *kind); });
}

}  // namespace lode::cli
