// What was sealed once is written again as it is, and never for another secret or record.
#include "actors/seal_memory.hpp"

#include "crypto/crypto.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <filesystem>
#include <unistd.h>

namespace lode::actors {
namespace {

struct seals : ::testing::Test {
  seals() {
    EXPECT_TRUE(crypto::init());
    record.hotkey = "a";
    record.uuid = "the uuid";
    record.private_key = "the key";
  }
  ~seals() override { std::filesystem::remove(file); }
  std::string text_of(const std::string& encoded, const char* name) const {
    return boost::json::parse(encoded).as_object().at(name).as_string().c_str();
  }
  // Which decodes to what it was made of.
  std::string encoded() {
    auto text = memory.encode(record, sealer);
    const auto back = decode_allocation(text, [&](std::string_view s) { return sealer.open(s, record.hotkey); });
    EXPECT_TRUE(back && *back == record) << (back ? text : back.error().to_string());
    return text;
  }

  std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("lode-seal-test-" + std::to_string(::getpid()) + ".key");
  storage::sealer sealer = storage::load_or_create_master_key(file.string()).value();
  seal_memory memory;
  allocation_record record;
};

TEST_F(seals, what_did_not_change_keeps_its_sealed_text) {
  const auto first = encoded();
  record.state = allocation_state::active;
  record.ssh_password = "the password";
  const auto second = encoded();
  EXPECT_EQ(text_of(first, "uuid"), text_of(second, "uuid"));
  EXPECT_EQ(text_of(first, "private_key"), text_of(second, "private_key"));
  EXPECT_NE(text_of(first, "ssh_password"), text_of(second, "ssh_password"));
  const auto third = encoded();
  EXPECT_EQ(second, third);
  record.ssh_password = "";
  EXPECT_NE(text_of(encoded(), "ssh_password"), text_of(third, "ssh_password"));
  record.ssh_password = "the password";
  EXPECT_NE(text_of(encoded(), "ssh_password"), text_of(third, "ssh_password"));  // what was replaced is not kept
}

TEST_F(seals, records_and_lives_share_nothing) {
  const auto first = encoded();
  record.hotkey = "b";
  EXPECT_NE(text_of(encoded(), "uuid"), text_of(first, "uuid"));
  record.hotkey = "a";
  EXPECT_EQ(text_of(encoded(), "uuid"), text_of(first, "uuid"));
  memory.forget("a");
  EXPECT_NE(text_of(encoded(), "uuid"), text_of(first, "uuid"));
}

}  // namespace
}  // namespace lode::actors
