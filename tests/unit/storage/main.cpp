// The test program, and the roles that it plays as a child of its own tests (support.hpp: child_process).

#include "support.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

int main(int argc, char** argv) {
  constexpr std::string_view flag = "--role=";
  if (argc > 1 && std::string_view{argv[1]}.starts_with(flag))
    return lode::storage::test::run_role(std::string{argv[1]}.substr(flag.size()), {argv + 2, argv + argc});
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
