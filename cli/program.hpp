#pragma once
// The program `lode`.

namespace lode::cli {

/// Runs the command and returns the exit status. Uses standard input, output and error; blocks.
int run(int argc, const char* const* argv, const char* const* variables);

}  // namespace lode::cli
