#include "crypto/crypto.hpp"
#include "fixtures.hpp"

#include <gtest/gtest.h>

#include <string>

namespace lode::crypto {
namespace {

// Made by ssh-keygen; their private halves were thrown away.
constexpr std::string_view ed25519 =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBsnvP/RVBD/3lIjH5vqop5qcPvqmBWcJe2zylzjN30m renter@laptop";
constexpr std::string_view rsa_3072 =
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQDgATRgrJEPCVzxup/eCyJi7gJwthfxCFAVObQUtBW+3djLLtwQ8ODCX3iK"
    "jhicoLECAVHcMPvAQzl/HAzMcFsPC5QFLw9wpksXkv5oXnHpHkkCqJ03mxrKA2+r7HA6ZWEn3UK+/JSdBYgAfNgV8po63bOO"
    "yGgmJlNMQ6noEzrlPF0HEp/fmOeTnoJ0yHHwBbPKDrNpW7LWEm0lb1t0pL5dTT+fTimV3PExuGfYHbT0B6hKGEKVh13yormJ"
    "pnN4SmiSaIMV1WoF/VzlADjLzWyqdsSlxiUSP4kmiBDnZllDKppcIi7xycHnT/15daHEveIDL5pRZFXwGzrEuZSMP7WB1AD9"
    "MbaZsFwVsa7ml0kHy5AjX0X4N4Pw2xcl8lEaGarjtQIUG/9YHkEE9Qx8eIWA9IJEgREuzj7W7tRfJd/ObCLdTILDyE54UOoo"
    "4TQpe4l9G1mCM3v+mQO/KWFgraSzU3ZTUqzzPLNz/OBQqaO9gBwOVcYH3tVESCwtOISx7Tk= renter@laptop";
constexpr std::string_view ecdsa_256 =
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBPwihzS4yrcKM9v8GinWNZbp"
    "e6a9qef+tEfzflu0OH1qYO+yv+d0r4dkV1G45tMOcWBx+NLepA0qMRcZNv1GEIU= renter@laptop";
constexpr std::string_view ecdsa_384 =
    "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBJh7X3SRT1kZPmIhogBDeYA/"
    "kICgNPRO1zxeKIJL5wHPL+D8wSxjn5tVM5G/nmZHhYeBkcvhG/I0m4n9Rh1hZJAcNXnbJ8KafUIV7L9C7HzxEYRKKnXSADyv"
    "7F2tbRhJ/A== renter@laptop";
constexpr std::string_view ecdsa_521 =
    "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAC6eZa7Arp2fQBJlFeDBF0f"
    "CQsz5D4vC2tHeR9gPM3UF4aIrUj/N9PO6ZRMCXVOqm4/3Za8aVKShQgjEsVU7wV77AGZIc8xtBdPA1EyUheHdz3rQJ56QNUZ"
    "N+VQoon5qZKgQ0nuMt6IWb/NYIFSbjhD3Z+19lIKxOzKCyMymOJXJiQbgw== renter@laptop";
constexpr std::string_view rsa_1024 =
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQCvztflEO6dJyDdcWkrWfUpmC7PUE4aMUsyLQf9XilvOnzPLelK2G9BFK0g"
    "p0BJ42CsTKjVaunZW+wOvt2edJt3ABJYbjfmhqmN4GduHHuc/xLbKmmor/qL7XeWh8LjhPc6Zs1Jc+Fdhdghef7ccpSSiemP"
    "H0dvRn42M01bFk5qTQ== renter@laptop";

std::string field(std::string_view bytes) {
  const auto n = bytes.size();
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(n >> shift));
  return out + std::string(bytes);
}

std::string line(const std::string& type, const std::string& blob) { return type + " " + to_base64(blob); }

std::string_view without_comment(std::string_view key) { return key.substr(0, key.rfind(' ')); }

TEST(openssh_public_key, accepts_what_ssh_keygen_writes) {
  for (const auto key : {ed25519, rsa_3072, ecdsa_256, ecdsa_384, ecdsa_521, rsa_1024}) {
    EXPECT_TRUE(is_openssh_public_key(key)) << key;
    EXPECT_TRUE(is_openssh_public_key(without_comment(key))) << key;
    EXPECT_TRUE(is_openssh_public_key(std::string(without_comment(key)) + " ")) << "ssh-keygen -C ''";
  }
  EXPECT_TRUE(is_openssh_public_key(std::string(ed25519) + " (two) words, 100% #1 $HOME;"));
}

TEST(openssh_public_key, accepts_keys_of_security_tokens) {
  const std::string ed_type = "sk-ssh-ed25519@openssh.com";
  const std::string ec_type = "sk-ecdsa-sha2-nistp256@openssh.com";
  const auto ed = field(ed_type) + field(std::string(32, 'k')) + field("ssh:");
  const auto ec = field(ec_type) + field("nistp256") + field("\x04" + std::string(64, 'k')) + field("ssh:");
  EXPECT_TRUE(is_openssh_public_key(line(ed_type, ed)));
  EXPECT_TRUE(is_openssh_public_key(line(ec_type, ec)));
  EXPECT_FALSE(is_openssh_public_key(line(ed_type, field(ed_type) + field(std::string(32, 'k')))));
}

TEST(openssh_public_key, refuses_more_or_less_than_one_line) {
  const std::string key(ed25519);
  auto two_keys = key;
  two_keys.append("\n").append(key);
  for (const auto& text : {std::string(), std::string(" "), std::string("ssh-ed25519"), std::string("ssh-ed25519 "),
                           key + "\n", two_keys, key + "\r", "\n" + key, " " + key, key + '\0',
                           "ssh-ed25519\t" + key.substr(12), "ssh-ed25519  " + key.substr(12)})
    EXPECT_FALSE(is_openssh_public_key(text)) << text;
  EXPECT_FALSE(is_openssh_public_key(key + std::string(17000, ' '))) << "too long";
}

TEST(openssh_public_key, refuses_options_and_private_keys) {
  const std::string key(ed25519);
  EXPECT_FALSE(is_openssh_public_key("command=\"id\" " + key));
  EXPECT_FALSE(is_openssh_public_key("no-pty " + key));
  EXPECT_FALSE(is_openssh_public_key("-----BEGIN OPENSSH PRIVATE KEY-----"));
}

// The line goes into single quotes of a shell's echo in a Dockerfile on existing miners.
TEST(openssh_public_key, refuses_a_comment_that_could_leave_its_quotes) {
  const auto key = std::string(without_comment(ed25519));
  for (const auto* comment :
       {" it's", " \"x\"", " `id`", " a\\nssh-rsa", " \x01", " \x7f", " caf\xc3\xa9", " tab\there"})
    EXPECT_FALSE(is_openssh_public_key(key + comment)) << comment;
}

TEST(openssh_public_key, refuses_a_blob_of_another_type_or_shape) {
  EXPECT_FALSE(is_openssh_public_key("ssh-rsa" + std::string(ed25519.substr(11))));
  EXPECT_FALSE(is_openssh_public_key("ecdsa-sha2-nistp384" + std::string(ecdsa_256.substr(19))));
  EXPECT_FALSE(is_openssh_public_key(line("ssh-dss", field("ssh-dss") + field("p") + field("q"))));
  EXPECT_FALSE(is_openssh_public_key(line("ssh-ed25519", field("ssh-ed25519") + field(std::string(31, 'k')))));
  EXPECT_FALSE(is_openssh_public_key(line("ssh-ed25519", field("ssh-ed25519") + field(std::string(32, 'k')) + "x")));
  EXPECT_FALSE(is_openssh_public_key(line("ssh-ed25519", field("ssh-ed25519"))));
  EXPECT_FALSE(is_openssh_public_key(line("ssh-ed25519", "\xff\xff\xff\xff")));
  EXPECT_FALSE(is_openssh_public_key(line("ssh-rsa", field("ssh-rsa") + field("\x03") + field(std::string(64, 'n')))));
  const std::string blob = "ssh-ed25519 " + std::string(without_comment(ed25519).substr(12));
  for (std::size_t n = 0; n < blob.size(); ++n) EXPECT_FALSE(is_openssh_public_key(blob.substr(0, n))) << n;
}

}  // namespace
}  // namespace lode::crypto
