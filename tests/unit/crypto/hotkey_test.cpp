#include "crypto/hotkey.hpp"

#include "fixtures.hpp"

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

namespace lode::crypto {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string seed = "0x" + std::string(test::alice_mini);
const std::string pub = "0x" + std::string(test::alice_public);
const std::string address(test::alice_address);

using fields = std::initializer_list<std::pair<std::string_view, std::optional<std::string_view>>>;

/// A file of these fields; one without a value is null, as bittensor writes what it does not have.
json::object file_with(fields of) {
  json::object file;
  for (const auto& [name, value] : of) file[name] = value ? json::value(json::string(*value)) : json::value(nullptr);
  return file;
}

result<hotkey> parse(const json::object& file) { return parse_hotkey(json::serialize(file), "wallet/hk"); }

void expect_alice(const json::object& file) {
  const auto loaded = parse(file);
  ASSERT_TRUE(loaded) << loaded.error().to_string();
  EXPECT_EQ(loaded->address, address);
  EXPECT_EQ(to_hex(loaded->key.pub()), test::alice_public);
  EXPECT_TRUE(sr25519_verify(loaded->key.pub(), "m", loaded->key.sign("m")));
}

/// The file is refused for `why`, and the message names the file but holds nothing of the secret.
void expect_refused(std::string_view text, const std::string& why) {
  const auto loaded = parse_hotkey(text, "wallet/hk");
  ASSERT_FALSE(loaded) << text;
  EXPECT_EQ(loaded.error().code, errc::key_invalid);
  EXPECT_THAT(loaded.error().detail, HasSubstr(why));
  EXPECT_THAT(loaded.error().detail, HasSubstr("wallet/hk"));
  for (const auto secret : {test::alice_mini, test::alice_scalar, test::alice_scalar_times_8, test::alice_nonce})
    EXPECT_THAT(loaded.error().detail, Not(HasSubstr(std::string(secret.substr(0, 8)))));
}
void expect_refused(const json::object& file, const std::string& why) { expect_refused(json::serialize(file), why); }

TEST(hotkey_file, reads_every_form) {
  const auto canonical = "0x" + std::string(test::alice_scalar) + std::string(test::alice_nonce);
  const auto times_8 = "0x" + std::string(test::alice_scalar_times_8) + std::string(test::alice_nonce);
  expect_alice(file_with({{"accountId", pub},
                          {"publicKey", pub},
                          {"privateKey", canonical},
                          {"secretPhrase", "bottom drive obey"},
                          {"secretSeed", seed},
                          {"ss58Address", address}}));
  expect_alice(file_with({{"secretSeed", seed}, {"ss58Address", address}}));
  expect_alice(file_with({{"secretSeed", seed.substr(2)}, {"publicKey", pub.substr(2)}}));
  expect_alice(file_with({{"secretSeed", seed}, {"accountId", pub}, {"secretPhrase", std::nullopt}, {"extra", "1"}}));
  expect_alice(file_with({{"privateKey", canonical}, {"ss58Address", address}}));
  expect_alice(file_with({{"privateKey", canonical}, {"secretSeed", std::nullopt}, {"ss58Address", address}}));
  expect_alice(file_with({{"privateKey", times_8}, {"ss58Address", address}}));
  expect_alice(file_with({{"privateKey", seed}, {"ss58Address", address}}));
  // Not a mini secret: the seed is passed over, as bittensor's other writings of it are.
  expect_alice(file_with({{"secretSeed", canonical}, {"privateKey", canonical}, {"ss58Address", address}}));
}

TEST(hotkey_file, refuses_a_secret_that_belongs_to_another_key) {
  const auto bob = "0x" + std::string(test::bob_public);
  expect_refused(file_with({{"secretSeed", seed}, {"ss58Address", test::bob_address}}), "belongs to another key");
  expect_refused(file_with({{"secretSeed", seed}, {"publicKey", bob}}), "belongs to another key");
  const auto secret = std::string(test::alice_scalar) + std::string(test::alice_nonce);
  expect_refused(file_with({{"privateKey", secret}, {"ss58Address", test::bob_address}}), "belongs to another key");
  expect_refused(file_with({{"secretSeed", seed}, {"publicKey", bob}, {"ss58Address", address}}),
                 "publicKey names another key");
  expect_refused(file_with({{"secretSeed", seed}, {"accountId", bob}, {"ss58Address", address}}),
                 "accountId names another key");
}

TEST(hotkey_file, refuses_encrypted_files_and_says_so) {
  expect_refused("$NACL" + std::string(60, '\x01'), "encrypted (NaCl)");
  expect_refused("$ANSIBLE_VAULT;1.1;AES256\n3136", "encrypted (an Ansible vault)");
  expect_refused("gAAAAABh" + std::string(100, 'x'), "encrypted (Fernet)");
  expect_refused("$NACL" + std::string(60000, '\x01'), "without one");
}

TEST(hotkey_file, refuses_files_without_a_usable_secret) {
  expect_refused(file_with({{"ss58Address", address}}), "no secret");
  expect_refused(file_with({{"secretSeed", std::nullopt}, {"ss58Address", address}}), "no secret");
  expect_refused(file_with({{"secretPhrase", "bottom drive obey"}, {"ss58Address", address}}), "secretPhrase");
  expect_refused(file_with({{"secretSeed", seed}}), "names no public key");
  expect_refused(file_with({{"secretSeed", "0xzz"}, {"ss58Address", address}}), "not hexadecimal");
  expect_refused(file_with({{"privateKey", "0x1234"}, {"ss58Address", address}}), "neither 32 nor 64");
  expect_refused(file_with({{"secretSeed", seed}, {"ss58Address", address + "x"}}), "ss58Address is malformed");
  expect_refused(file_with({{"secretSeed", seed}, {"publicKey", "0x12"}, {"ss58Address", address}}), "malformed");
}

TEST(hotkey_file, refuses_what_is_no_hotkey_file) {
  expect_refused("", "not JSON");
  expect_refused("{", "not JSON");
  expect_refused("[]", "not a JSON object");
  expect_refused("{} x", "not JSON");
  expect_refused("{}", "names no public key");
  expect_refused(std::string(10000, '['), "not JSON");
  expect_refused(std::string(20000, ' '), "too large");
  // A broken file that holds the secret: the parser's words must not quote it.
  expect_refused("{\"secretSeed\": \"" + seed + "\"", "not JSON");
}

class hotkey_on_disk : public ::testing::Test {
 protected:
  hotkey_on_disk() : folder(fs::temp_directory_path() / ("lode-hotkey-" + uuid_v4())) { fs::create_directory(folder); }
  ~hotkey_on_disk() override { fs::remove_all(folder); }
  [[nodiscard]] std::string path(const char* name) const { return (folder / name).string(); }
  [[nodiscard]] std::ptrdiff_t files_in(const fs::path& where) const {
    return std::distance(fs::directory_iterator(where), fs::directory_iterator());
  }
  fs::path folder;
};

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST_F(hotkey_on_disk, is_created_as_bittensor_would_and_read_back) {
  const auto old_mask = ::umask(0);
  const auto made = create_hotkey(path("wallets/default/hotkeys/hk"));
  ::umask(old_mask);
  ASSERT_TRUE(made) << made.error().to_string();

  struct stat info {};
  ASSERT_EQ(::stat(path("wallets/default/hotkeys/hk").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  ASSERT_EQ(::stat(path("wallets").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700U);
  EXPECT_EQ(files_in(folder / "wallets/default/hotkeys"), 1) << "a draft was left behind";

  const auto loaded = load_hotkey(path("wallets/default/hotkeys/hk"));
  ASSERT_TRUE(loaded) << loaded.error().to_string();
  EXPECT_EQ(loaded->address, made->address);
  EXPECT_TRUE(sr25519_verify(made->key.pub(), "m", loaded->key.sign("m")));

  const auto file = json::parse(read_file(path("wallets/default/hotkeys/hk"))).as_object();
  EXPECT_EQ(file.at("ss58Address").as_string(), made->address);
  EXPECT_EQ(file.at("publicKey").as_string(), "0x" + to_hex(made->key.pub()));
  EXPECT_EQ(file.at("accountId"), file.at("publicKey"));
  EXPECT_EQ(file.at("secretSeed").as_string().size(), 66U);
  EXPECT_TRUE(file.at("secretPhrase").is_null());
}

TEST_F(hotkey_on_disk, is_never_overwritten) {
  const auto first = create_hotkey(path("hk"));
  ASSERT_TRUE(first);
  const auto before = read_file(path("hk"));
  const auto second = create_hotkey(path("hk"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::conflict);
  EXPECT_THAT(second.error().detail, HasSubstr("exists"));
  EXPECT_EQ(read_file(path("hk")), before);
  EXPECT_EQ(files_in(folder), 1);
}

TEST_F(hotkey_on_disk, is_not_written_through_a_dangling_link) {
  fs::create_symlink(folder / "elsewhere", folder / "hk");
  EXPECT_FALSE(create_hotkey(path("hk")));
  EXPECT_FALSE(fs::exists(folder / "elsewhere"));
}

TEST_F(hotkey_on_disk, reports_what_the_system_says) {
  std::ofstream(path("file")) << "x";
  const auto made = create_hotkey(path("file/hk"));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::key_invalid);
  EXPECT_THAT(made.error().detail, HasSubstr("Not a directory"));
  const auto missing = load_hotkey(path("missing"));
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().detail, HasSubstr("cannot be opened"));
  EXPECT_FALSE(load_hotkey(folder.string())) << "a folder is no file";
}

TEST_F(hotkey_on_disk, errors_of_a_loaded_file_name_it) {
  std::ofstream(path("hk")) << "$NACLxxxxxxxx";
  const auto loaded = load_hotkey(path("hk"));
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().detail, HasSubstr(path("hk")));
  EXPECT_THAT(loaded.error().detail, HasSubstr("encrypted"));
}

}  // namespace
}  // namespace lode::crypto
