#include "cli/contexts.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <sstream>

namespace lode::cli {
namespace {

constexpr milliseconds key_command_bound{30'000};
constexpr std::string_view default_server = "http://127.0.0.1:8903";

struct text_key {
  std::string_view name;
  std::string context::*member;
};
constexpr std::array<text_key, 7> text_keys{{{"server", &context::server},
                                             {"key", &context::key},
                                             {"key-file", &context::key_file},
                                             {"key-command", &context::key_command},
                                             {"ca", &context::ca},
                                             {"cert", &context::cert},
                                             {"cert-key", &context::cert_key}}};

class reader {
 public:
  explicit reader(const std::string& path) : path_(path) {}

  outcome<context_file> read(const toml::table& root) {
    context_file out;
    for (const auto& [key, node] : root) {
      if (key == "current" && node.is_string()) {
        out.current = *node.value<std::string>();
      } else if (key == "contexts" && node.is_table()) {
        for (const auto& [name, one] : *node.as_table()) {
          auto c = read_context(std::string{name.str()}, name.source(), one);
          if (!c) return c.error();
          out.contexts.push_back(std::move(*c));
        }
      } else {
        return wrong(key.source(), fmt::format("unknown setting {}", key.str()));
      }
    }
    return out;
  }

  [[nodiscard]] failure wrong(const toml::source_region& at, std::string_view what) const {
    return {ending::usage, fmt::format("{}:{}: {}", path_, at.begin.line, what),
            "correct the file, or begin afresh: delete it and run  lode context set NAME --server URL"};
  }

 private:
  outcome<context> read_context(std::string name, const toml::source_region& at, const toml::node& node) {
    const auto* table = node.as_table();
    if (!table || !is_context_name(name)) return wrong(at, "expected a table [contexts.NAME]");
    context out;
    out.name = std::move(name);
    for (const auto& [key, value] : *table) {
      const auto* known =
          std::find_if(text_keys.begin(), text_keys.end(), [&k = key](const text_key& t) { return t.name == k.str(); });
      if (key == "insecure" && value.is_boolean())
        out.insecure = *value.value<bool>();
      else if (known == text_keys.end())
        return wrong(key.source(), fmt::format("unknown setting {} of a context", key.str()));
      else if (!value.is_string())
        return wrong(key.source(), fmt::format("{}: expected a quoted text", key.str()));
      else
        out.*known->member = *value.value<std::string>();
    }
    if (out.server.empty()) return wrong(at, "a context needs server = \"URL\"");
    if (auto url = parse_server_url(out.server); !url) return wrong(at, url.error().what);
    return out;
  }

  const std::string& path_;
};

/// The key of a context; empty where it has none.
outcome<std::string> key_of(const context& c, const environment& env) {
  if (!c.key.empty()) return c.key;
  if (!c.key_file.empty()) {
    auto text = read_file(env.expanded(c.key_file));
    if (!text)
      return failure{ending::unauthorised, "the API key of context " + c.name + ": " + text.error().what,
                     "write the key into that file (mode 0600), or set another one with  lode context set " + c.name};
    text->resize(std::min(text->find_first_of("\r\n"), text->size()));
    return *text;
  }
  if (!c.key_command.empty()) {
    auto line = line_of_command(c.key_command, key_command_bound);
    if (!line)
      return failure{ending::unauthorised, "the key-command of context " + c.name + ": " + line.error().what,
                     "run it by hand: " + c.key_command};
    return *line;
  }
  return std::string{};
}

bool is_key(std::string_view key) {
  return std::all_of(key.begin(), key.end(), [](unsigned char c) { return c > ' ' && c < 127; });
}

std::string name_from(const server_url& url) {
  std::string out = "server-" + url.text().substr(url.text().find("//") + 2);
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return std::isalnum(c) == 0 && c != '-' && c != '.'; }, '_');
  return out;
}

failure no_such_context(const std::string& name, const context_file& f) {
  std::string known;
  for (const auto& c : f.contexts) known += (known.empty() ? "" : ", ") + c.name;
  return {ending::usage, "there is no context " + name,
          known.empty() ? "make it with  lode context set " + name + " --server URL" : "there are: " + known};
}

}  // namespace

context* context_file::find(std::string_view name) {
  const auto found = std::find_if(contexts.begin(), contexts.end(), [&](const context& c) { return c.name == name; });
  return found == contexts.end() ? nullptr : &*found;
}
const context* context_file::find(std::string_view name) const {
  const auto found = std::find_if(contexts.begin(), contexts.end(), [&](const context& c) { return c.name == name; });
  return found == contexts.end() ? nullptr : &*found;
}

bool is_context_name(std::string_view name) {
  return !name.empty() && name.size() <= 100 && name.front() != '.' && !name.starts_with("server-") &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; });
}

outcome<context_file> parse_contexts(std::string_view text, const std::string& path) {
  reader r{path};
  try {
    return r.read(toml::parse(text, path));
  } catch (const toml::parse_error& e) {
    return r.wrong(e.source(), fmt::format("not TOML: {}", e.description()));
  }
}

std::string text_of(const context_file& f) {
  toml::table contexts;
  for (const auto& c : f.contexts) {
    toml::table t;
    for (const auto& k : text_keys)
      if (!(c.*k.member).empty()) t.insert(k.name, c.*k.member);
    if (c.insecure) t.insert("insecure", true);
    contexts.insert(c.name, std::move(t));
  }
  toml::table root;
  if (!f.current.empty()) root.insert("current", f.current);
  root.insert("contexts", std::move(contexts));
  std::ostringstream out;
  out << "# Written by `lode context`; comments are not kept.\n" << root << '\n';
  return out.str();
}

std::string contexts_path(const environment& env) { return env.config_folder() + "/config.toml"; }

outcome<context_file> load_contexts(const environment& env) {
  const auto path = contexts_path(env);
  auto text = read_file(path);
  if (!text && text.error().code == ending::not_found) return context_file{};
  if (!text) return text.error();
  return parse_contexts(*text, path);
}

outcome<void> save_contexts(const environment& env, const context_file& f) {
  return write_private_file(contexts_path(env), text_of(f));
}

outcome<destination> resolve_destination(const server_flags& flags, const environment& env, const context_file& f) {
  const auto variable = env.get("LODE_SERVER");
  std::string server = flags.server;
  std::string name = flags.context;
  if (server.empty() && name.empty()) server = variable;
  const bool overridden = !server.empty();
  if (name.empty()) name = env.get("LODE_CONTEXT");
  if (name.empty()) name = f.current;
  // A server that was named needs no context; one that is in the way must not be an error then.
  const auto* c = name.empty() ? nullptr : f.find(name);
  if (!c && !name.empty() && (!overridden || !flags.context.empty())) return no_such_context(name, f);
  if (server.empty()) server = c ? c->server : std::string{default_server};

  auto url = parse_server_url(server);
  if (!url) return url.error();
  if (c && overridden) {
    const auto own = parse_server_url(c->server);
    if (!own || own->text() != url->text()) c = nullptr;
  }
  destination out;
  out.to.url = *url;
  out.context = c ? c->name : "";
  out.state_name = c ? c->name : name_from(*url);
  bool insecure = flags.insecure;
  if (c) {
    out.to.tls = {env.expanded(c->ca), env.expanded(c->cert), env.expanded(c->cert_key)};
    insecure = insecure || c->insecure;
  }
  if (!flags.tls.ca.empty()) out.to.tls.ca = flags.tls.ca;
  if (!flags.tls.certificate.empty()) {
    out.to.tls.certificate = flags.tls.certificate;
    out.to.tls.key = flags.tls.key;
  }
  const auto from_environment = env.get("LODE_KEY");
  if (c && (from_environment.empty() || !flags.context.empty())) {
    auto key = key_of(*c, env);
    if (!key) return key.error();
    out.to.api_key = std::move(*key);
    if (!c->key.empty())
      out.key_file = contexts_path(env);
    else if (!c->key_file.empty())
      out.key_file = env.expanded(c->key_file);
  }
  if (out.to.api_key.empty()) out.to.api_key = from_environment;
  if (!is_key(out.to.api_key))
    return failure{ending::unauthorised, "the API key holds characters that no key has",
                   "look at LODE_KEY, or at the context's key, key-file or key-command"};
  if (!out.to.api_key.empty() && !url->tls && !url->is_loopback() && !insecure)
    return failure{ending::usage, "an API key must not cross the network in the clear, as it would to " + url->text(),
                   "use https://, or say --insecure (in a context: insecure = true) if you trust the way there"};
  return out;
}

}  // namespace lode::cli
