#pragma once
// Contexts: named servers with what is needed to talk to them, in ~/.config/lode/config.toml.

#include "cli/files.hpp"
#include "cli/wire.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace lode::cli {

struct context {
  std::string name;
  std::string server;
  std::string key;          ///< secret; an API key, better kept in a file
  std::string key_file;     ///< its first line is the API key
  std::string key_command;  ///< prints the API key
  std::string ca;
  std::string cert;
  std::string cert_key;
  bool insecure = false;  ///< sends the API key over plain HTTP, beyond this machine too
  friend bool operator==(const context&, const context&) = default;
};

struct context_file {
  std::string current;
  std::vector<context> contexts;

  context* find(std::string_view name);
  [[nodiscard]] const context* find(std::string_view name) const;
  friend bool operator==(const context_file&, const context_file&) = default;
};

/// Letters, digits, - _ . and no dot in front: a context's name is also that of a file.
bool is_context_name(std::string_view name);

/// usage with file, line and reason. `path` is for errors.
outcome<context_file> parse_contexts(std::string_view text, const std::string& path);
std::string text_of(const context_file& f);

/// The file in the config folder; one that is not there is empty.
std::string contexts_path(const environment& env);
outcome<context_file> load_contexts(const environment& env);
outcome<void> save_contexts(const environment& env, const context_file& f);

/// What the command line says about the server; empty: not given.
struct server_flags {
  std::string server;
  std::string context;
  tls_files tls;
  bool insecure = false;
};

/// The server in force, and whose.
struct destination {
  peer to;
  std::string context;     ///< empty: none
  std::string state_name;  ///< of the local state that goes with it
  std::string key_file;    ///< that the API key was read from: the context's key-file, or the file of contexts itself
};

/// In this order: --server, --context, LODE_SERVER, LODE_CONTEXT, the current context, http://127.0.0.1:8903. A
/// context's key and certificates go to its own server only. LODE_KEY goes before a context's key, unless --context
/// names one. A key is not sent over plain HTTP to another machine unless told so.
outcome<destination> resolve_destination(const server_flags& flags, const environment& env, const context_file& f);

}  // namespace lode::cli
