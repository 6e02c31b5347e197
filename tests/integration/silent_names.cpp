// Preloaded into `lode`: a system whose name servers never answer. Says on standard error what it was asked for.
#include <cstdio>
#include <netdb.h>
#include <unistd.h>

extern "C" int getaddrinfo(const char* name, const char* /*service*/, const addrinfo* /*hints*/,
                           addrinfo** /*result*/) {
  ::dprintf(STDERR_FILENO, "asked for %s\n", name);
  while (true) ::pause();
}
