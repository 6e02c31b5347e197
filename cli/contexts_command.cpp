// lode context.
#include "cli/session.hpp"

#include <fmt/format.h>

#include <memory>

namespace lode::cli {
namespace {

/// Reads, changes and writes the contexts while no other lode does, then says `what`.
outcome<void> change(session& s, const std::string& what, const std::function<outcome<void>(context_file&)>& how) {
  auto changed = while_locked(contexts_path(s.env()), [&]() -> outcome<void> {
    auto f = load_contexts(s.env());
    if (!f) return f.error();
    if (auto done = how(*f); !done) return done;
    return save_contexts(s.env(), *f);
  });
  if (!changed) return changed;
  return s.confirm(answer{}, what);
}

failure unknown(const std::string& name) {
  return {ending::not_found, "there is no context " + name, "see  lode context list"};
}

outcome<void> list(session& s) {
  const auto f = load_contexts(s.env());
  if (!f) return f.error();
  table t;
  t.columns = {{"CURRENT"}, {"NAME"}, {"SERVER", false, true}, {"KEY", false, true}, {"CERTIFICATE", false, true}};
  std::string json = "[";
  for (const auto& c : f->contexts) {
    const auto key = !c.key.empty()           ? std::string{"in the file"}
                     : !c.key_file.empty()    ? c.key_file
                     : !c.key_command.empty() ? "by command"
                                              : "";
    t.rows.push_back({{c.name == f->current ? "*" : "", tone::good}, c.name, c.server, key, c.cert});
    json += fmt::format(R"({}{{"name":"{}","server":"{}","current":{}}})", json.size() > 1 ? "," : "", c.name, c.server,
                        c.name == f->current);
  }
  if (t.rows.empty() && !s.json())
    s.note("no contexts: the server is http://127.0.0.1:8903 unless --server or LODE_SERVER says another");
  answer a;
  a.raw_data = json + "]";
  return s.show(a, t);
}

struct fields {
  std::string name, key_file, key_command, ca, cert, cert_key;
  bool insecure = false, use = false;
};

outcome<void> set(session& s, const fields& v) {
  if (!is_context_name(v.name))
    return failure{ending::usage, "'" + v.name + "' cannot be the name of a context",
                   "letters, digits, - _ and . are allowed, not a dot or server- in front"};
  const auto& server = s.arguments().server.server;
  return change(s, "the context " + v.name + " is set", [&](context_file& f) -> outcome<void> {
    auto* c = f.find(v.name);
    if (!c) {
      if (server.empty()) return failure{ending::usage, "a new context needs --server URL", {}};
      c = &f.contexts.emplace_back();
      c->name = v.name;
      if (f.current.empty()) f.current = v.name;
    }
    if (!server.empty()) {
      const auto url = parse_server_url(server);
      if (!url) return url.error();
      c->server = url->text();
    }
    if (!v.key_file.empty()) {
      c->key_file = v.key_file;
      c->key.clear();
      c->key_command.clear();
    }
    if (!v.key_command.empty()) {
      c->key_command = v.key_command;
      c->key.clear();
      c->key_file.clear();
    }
    const auto& tls = s.arguments().server.tls;
    if (!tls.ca.empty()) c->ca = tls.ca;
    if (!tls.certificate.empty()) {
      c->cert = tls.certificate;
      c->cert_key = tls.key;
    }
    if (s.arguments().server.insecure) c->insecure = true;
    if (v.use) f.current = v.name;
    return {};
  });
}

}  // namespace

void add_contexts(registry& r) {
  auto* c = r.add("context", "Servers by name",
                  "  lode context set prod --server https://lode.example.com --api-key-file ~/.config/lode/prod.key\n"
                  "  lode context use prod\n  lode --context prod ls\n"
                  "\nContexts are in ~/.config/lode/config.toml. The first one made becomes the current one.");
  c->require_subcommand(1);
  r.on(registry::add_to(c, "list", "List them", ""), [](session& s) { return list(s); });

  auto name = std::make_shared<std::string>();
  auto* use = registry::add_to(c, "use", "Make one the current one", "  lode context use prod\n");
  use->add_option("name", *name, "Name of the context")->required();
  r.on(use, [name](session& s) {
    return change(s, *name + " is the current context", [&](context_file& f) -> outcome<void> {
      if (!f.find(*name)) return unknown(*name);
      f.current = *name;
      return {};
    });
  });

  auto v = std::make_shared<fields>();
  auto* make = registry::add_to(c, "set", "Make or change one",
                                "  lode context set lab --server http://127.0.0.1:8903\n"
                                "  lode context set prod --api-key-command 'pass show lode/prod'\n");
  make->add_option("name", v->name, "Name of the context")->required();
  auto* file = make->add_option("--api-key-file", v->key_file, "File whose first line is the API key");
  make->add_option("--api-key-command", v->key_command, "Command that prints the API key")->excludes(file);
  make->add_flag("--use", v->use, "Also make it the current one");
  r.on(make, [v](session& s) { return set(s, *v); });

  auto gone = std::make_shared<std::string>();
  auto* rm = registry::add_to(c, "remove", "Remove one; the UUIDs in its local state stay", "");
  rm->add_option("name", *gone, "Name of the context")->required();
  r.on(rm, [gone](session& s) {
    return change(s, "the context " + *gone + " is removed", [&](context_file& f) -> outcome<void> {
      if (!f.find(*gone)) return unknown(*gone);
      std::erase_if(f.contexts, [&](const context& one) { return one.name == *gone; });
      if (f.current == *gone) f.current.clear();
      return {};
    });
  });
}

}  // namespace lode::cli
