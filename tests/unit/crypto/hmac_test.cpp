#include "crypto/hmac.hpp"

#include "crypto/crypto.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace lode::crypto {
namespace {

TEST(hmac_test, agrees_with_rfc_4231) {
  ASSERT_TRUE(init());
  EXPECT_EQ(hmac_sha256_hex("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hmac_sha256_hex(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

class secret_file_test : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path); }
  void write(const std::string& text, std::filesystem::perms mode = std::filesystem::perms::owner_read) {
    std::filesystem::remove(path);
    std::ofstream{path} << text;
    std::filesystem::permissions(path, mode);
  }
  std::string path = std::filesystem::temp_directory_path() / ("lode-secret-test-" + std::to_string(::getpid()));
};

TEST_F(secret_file_test, reads_a_secret_without_its_newline) {
  write("top secret\n");
  EXPECT_EQ(read_secret_file(path).value(), "top secret");
}

TEST_F(secret_file_test, refuses_what_is_no_secret_and_does_not_show_it) {
  const auto refused = [&] {
    const auto got = read_secret_file(path);
    return !got && got.error() == errc::config_invalid && got.error().detail.find("hidden") == std::string::npos;
  };
  EXPECT_TRUE(refused());
  write("hidden", std::filesystem::perms::owner_read | std::filesystem::perms::group_read);
  EXPECT_TRUE(refused());
  write("\n");
  EXPECT_TRUE(refused());
  write(std::string(5000, 'x'));
  EXPECT_TRUE(refused());
  EXPECT_FALSE(read_secret_file(std::filesystem::temp_directory_path()).has_value());
}

}  // namespace
}  // namespace lode::crypto
