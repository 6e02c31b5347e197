// lode: the command line for users and operators of a loded, over its REST API.

#include "cli/program.hpp"

#include <csignal>
#include <unistd.h>

int main(int argc, char** argv) {
  // A reader that goes away (`lode ls | head -1`) is seen as an error of writing, not as our death.
  std::signal(SIGPIPE, SIG_IGN);
  return lode::cli::run(argc, argv, environ);
}
