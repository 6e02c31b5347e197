// libsodium is initialised once for the whole program, as a real process does.

#include "crypto/crypto.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace {

class sodium_environment : public ::testing::Environment {
 public:
  void SetUp() override {
    const auto ready = lode::crypto::init();
    ASSERT_TRUE(ready);
  }
};

const auto* const environment = ::testing::AddGlobalTestEnvironment(std::make_unique<sodium_environment>().release());

TEST(crypto, can_be_initialised_again) {
  ASSERT_NE(environment, nullptr);
  EXPECT_TRUE(lode::crypto::init());
}

}  // namespace
