// Reads the arguments, runs the command, tells how it ended.
#include "cli/program.hpp"

#include "cli/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace lode::cli {
namespace {

constexpr std::string_view exit_codes =
    "Exit status:\n"
    "  0    done\n"
    "  1    failed\n"
    "  2    wrong arguments, or arguments that the server finds wrong\n"
    "  3    no such thing, or no resource to allocate\n"
    "  4    no API key, a wrong one, one whose role is too small, or a wrong UUID\n"
    "  5    the server cannot be reached, is overloaded or does not answer in time\n"
    "  130  interrupted by Ctrl-C\n"
    "  `lode ssh` passes on the status of ssh.\n"
    "\n"
    "Environment: LODE_SERVER, LODE_KEY (an API key), LODE_CONTEXT, NO_COLOR, COLUMNS.\n"
    "Files: ~/.config/lode/config.toml (contexts), ~/.local/state/lode/ (UUIDs of your allocations, known hosts).\n"
    "Without a terminal tables are lines with tabs between the cells, titles first (--no-header leaves them out).";

void add_shared(CLI::App& app, shared_arguments& a) {
  const auto add = [&](const char* names, auto& to, const char* text) {
    return app.add_option(names, to, text)->group("For every command");
  };
  add("--server", a.server.server, "The server: http://HOST:PORT or https://HOST")->type_name("URL");
  add("--context", a.server.context, "A server by its name; see  lode context")->type_name("NAME");
  add("--ca-file", a.server.tls.ca, "Authority that signed the server's certificate")->type_name("FILE");
  auto* cert = add("--cert", a.server.tls.certificate, "Certificate of ours")->type_name("FILE");
  add("--cert-key,--key", a.server.tls.key, "Its private key")->type_name("FILE")->needs(cert);
  app.add_flag("--insecure", a.server.insecure, "Send the API key over plain HTTP to another machine")
      ->group("For every command");
  add("-o,--output", a.output, "table, wide, or json (the data as the server gave it)")
      ->check(CLI::IsMember({"table", "wide", "json"}));
  add("--timeout", a.timeout, "Seconds until a call is given up")->check(CLI::Range(0.1, 86'400.0));
  app.add_flag("--no-color", a.no_colour, "No colours")->group("For every command");
  app.add_flag("--no-header", a.no_header, "No titles above tables")->group("For every command");
}

int tell(const failure& f, bool colours) {
  if (!f.what.empty()) fmt::print(stderr, "{} {}\n", coloured("lode:", tone::bad, colours), harmless(f.what));
  if (!f.next.empty()) fmt::print(stderr, "  {}\n", harmless(f.next));
  return static_cast<int>(f.code);
}

/// CLI11 takes them from the back.
std::vector<std::string> words_of(int argc, const char* const* argv, registry& r) {
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word{argv[i]};
    if (r.had_dashes) {
      r.after_dashes.emplace_back(word);
    } else if (word == "--") {
      r.had_dashes = true;
    } else if (word.starts_with("--") && word.find('=') == word.size() - 1) {
      // CLI11 does not take --name= for an empty value.
      words.emplace_back(word.substr(0, word.size() - 1));
      words.emplace_back();
    } else {
      words.emplace_back(word);
    }
  }
  std::reverse(words.begin(), words.end());
  return words;
}

int run_checked(int argc, const char* const* argv, const char* const* variables) {
  CLI::App app{"lode: rent containers from a loded, and look after one", "lode"};
  app.fallthrough();
  app.require_subcommand(1);
  app.footer(std::string{exit_codes});
  app.get_formatter()->column_width(34);
  app.set_version_flag("--version", "lode " LODE_VERSION, "Print the version and exit");
  shared_arguments shared;
  add_shared(app, shared);
  registry r{app, {}, {}, false};
  add_allocate(r);
  add_listing(r);
  add_ssh(r);
  add_rented(r);
  add_resources(r);
  add_miners(r);
  add_events(r);
  add_keys(r);
  add_notify(r);
  add_doctor(r);
  add_contexts(r);
  add_completion(r);
  r.on(r.add("version", "Print the version of this program", ""), [](session& s) {
    answer a;
    a.raw_data = R"({"version":")" LODE_VERSION R"("})";
    return s.confirm(a, "lode " LODE_VERSION);
  });

  try {
    app.parse(words_of(argc, argv, r));
  } catch (const CLI::Success& e) {
    return app.exit(e);  // --help
  } catch (const CLI::ParseError& e) {
    std::string command = "lode";
    for (const auto* sub = &app; !sub->get_subcommands().empty();) {
      sub = sub->get_subcommands().front();
      command += " " + sub->get_name();
    }
    return tell({ending::usage, e.what(), "see  " + command + " --help"}, false);
  }
  if (r.had_dashes && !app.got_subcommand("ssh"))
    return tell({ending::usage, "-- is followed by a command for a container", "that is for  lode ssh NAME -- COMMAND"},
                false);
  session s{environment{variables}, shared};
  const auto done = r.chosen(s);
  if (!done) return tell(done.error(), s.term().err_colours);
  return static_cast<int>(ending::ok);
}

}  // namespace

int run(int argc, const char* const* argv, const char* const* variables) {
  try {
    return run_checked(argc, argv, variables);
  } catch (const std::exception& e) {
    return tell({ending::failed, e.what(), "this is a bug of lode"}, false);
  }
}

}  // namespace lode::cli
