#pragma once
// What every command works with: the arguments that all share, the server, the local state, the way to print.

#include "cli/api.hpp"
#include "cli/contexts.hpp"
#include "cli/state.hpp"
#include "cli/terminal.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace lode::cli {

struct shared_arguments {
  server_flags server;
  std::string output = "table";  ///< table, wide, json
  double timeout = 60;           ///< seconds
  bool no_colour = false;
  bool no_header = false;
};

/// How a call is made.
struct call {
  std::string_view method = "POST";
  std::string_view path;
  parameters query;
  boost::json::value body;           ///< null: none
  std::optional<milliseconds> time;  ///< else that of --timeout
  std::vector<std::pair<std::string, std::string>> headers;
  std::string_view doing;  ///< for errors: "release"
  std::string waits_for;   ///< for the spinner; empty: `doing`
};

class session {
 public:
  session(environment env, const shared_arguments& args);

  [[nodiscard]] const environment& env() const { return env_; }
  [[nodiscard]] const terminal& term() const { return term_; }
  [[nodiscard]] bool json() const { return args_.output == "json"; }
  [[nodiscard]] bool wide() const { return args_.output == "wide"; }
  [[nodiscard]] const shared_arguments& arguments() const { return args_; }
  [[nodiscard]] milliseconds timeout() const;

  /// Worked out once, at the first need.
  outcome<const destination*> server();
  /// Of the server in force; server() must have succeeded.
  [[nodiscard]] state_file state() const;
  [[nodiscard]] std::string server_text() const { return server_->to.url.text(); }

  /// One call, once; as it came back.
  wire_result<http_reply> send(const call& c, spinner& s);
  /// One call, once; opened. Server errors and those of the wire are failures.
  outcome<answer> ask(const call& c);

  /// The items of a list; none for the 404 that says that there are none.
  outcome<answer> ask_list(const call& c);

  /// -o json: the data as the server gave it. Else the table, or the pairs.
  outcome<void> show(const answer& a, const table& t);
  outcome<void> show(const answer& a, const std::vector<std::pair<std::string, cell>>& pairs);
  /// A line for people who look; with -o json the data.
  outcome<void> confirm(const answer& a, const std::string& line);
  outcome<void> print(std::string_view text);
  void note(std::string_view text) const;

 private:
  environment env_;
  shared_arguments args_;
  terminal term_;
  std::optional<destination> server_;
};

/// What the commands register with. `chosen` is what is to be run after the arguments were read.
struct registry {
  CLI::App& app;
  std::function<outcome<void>(session&)> chosen;
  std::vector<std::string> after_dashes;  ///< what followed `--`
  bool had_dashes = false;

  /// A subcommand with its examples.
  CLI::App* add(const std::string& name, const std::string& text, const std::string& examples);
  static CLI::App* add_to(CLI::App* parent, const std::string& name, const std::string& text,
                          const std::string& examples);
  void on(CLI::App* command, std::function<outcome<void>(session&)> work);
};

// One for each file of commands.
void add_allocate(registry& r);
void add_listing(registry& r);
void add_rented(registry& r);
void add_ssh(registry& r);
void add_resources(registry& r);
void add_miners(registry& r);
void add_events(registry& r);
void add_keys(registry& r);
void add_notify(registry& r);
void add_doctor(registry& r);
void add_contexts(registry& r);
void add_completion(registry& r);

/// The allocation that `name` means, with its UUID: ours by `last` or the beginning of its hotkey; anybody's by the
/// whole hotkey, with `uuid` or with the one that the server's list shows. `uuid` wins where it is given.
outcome<remembered> find_allocation(session& s, const std::string& name, const std::string& uuid);
/// The server's list of allocations.
outcome<answer> list_allocations(session& s);

/// A public key line from a file, - for standard input. usage when it is none.
outcome<std::string> read_ssh_key(const std::string& file, const environment& env);
/// The private key that belongs to FILE.pub where it is there; else empty.
std::string identity_of(const std::string& public_key_file, const environment& env);

/// A whole hotkey, from the beginning of one that fits one miner of the server alone.
outcome<std::string> find_miner(session& s, const std::string& name);

tone tone_of_state(std::string_view state);

}  // namespace lode::cli
