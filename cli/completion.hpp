#pragma once
// Scripts that complete the words of `lode` in a shell.

#include <CLI/CLI.hpp>

#include <string>

namespace lode::cli {

/// For bash, from the tree of commands. Names of allocations come from the local state, without a call.
std::string bash_completion(const CLI::App& app);
/// For zsh: bash's, through bashcompinit.
std::string zsh_completion(const CLI::App& app);

}  // namespace lode::cli
