// The small pure parts: archives, access files, nonces, plans, what engines answer.

#include "crypto/crypto.hpp"
#include "miner/docker_engine.hpp"
#include "miner/docker_json.hpp"
#include "miner/nonce_table.hpp"
#include "miner/slot_store.hpp"
#include "miner/ssh_access.hpp"
#include "miner/tar.hpp"
#include "rig.hpp"

#include <gtest/gtest.h>

#include <crypt.h>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <unistd.h>

namespace {

using namespace lode;
using namespace lode::miner;

TEST(tar, comes_back_as_it_went) {
  tar_entry folder;
  folder.path = "root/.ssh/";
  folder.mode = 0700;
  tar_entry file;
  file.path = "etc/shadow";
  file.mode = 0640;
  file.gid = 42;
  file.content = std::string(513, 'x') + '\0' + "y";
  const auto archive = write_tar({folder, file});
  ASSERT_TRUE(archive);
  EXPECT_EQ(archive->size() % 512, 0U);
  const auto back = read_tar(*archive);
  ASSERT_TRUE(back);
  ASSERT_EQ(back->size(), 2U);
  EXPECT_TRUE((*back)[0].is_folder());
  EXPECT_EQ((*back)[0].mode, 0700U);
  EXPECT_EQ((*back)[1].content, file.content);
  EXPECT_EQ((*back)[1].gid, 42U);
}

TEST(tar, refuses_paths_that_leave_and_archives_that_lie) {
  for (const auto* path : {"", "/etc/passwd", "../x", "a/../b", "a/.."}) {
    tar_entry e;
    e.path = path;
    EXPECT_FALSE(write_tar({e})) << path;
  }
  tar_entry e;
  e.path = "f";
  e.content = "hello";
  auto archive = write_tar({e}).value();
  EXPECT_FALSE(read_tar(archive.substr(0, 600)));
  EXPECT_FALSE(read_tar(archive.substr(0, 100)));
  auto wrong_sum = archive;
  wrong_sum[0] = 'g';
  EXPECT_FALSE(read_tar(wrong_sum));
}

TEST(ssh_access, shadow_gets_a_hash_that_crypt_accepts) {
  const auto out = with_root_password("daemon:*:1:::::\nroot:*:19000:0:99999:7:::\n", "s3cret");
  ASSERT_TRUE(out);
  const auto at = out->find("root:") + 5;
  const auto hash = out->substr(at, out->find(':', at) - at);
  crypt_data data{};
  EXPECT_EQ(hash, crypt_r("s3cret", hash.c_str(), &data));
  EXPECT_NE(out->find(":19000:0:99999:7:::\n"), std::string::npos);
  EXPECT_NE(out->find("daemon:*:1:::::\n"), std::string::npos);
  EXPECT_FALSE(with_root_password("daemon:*:1:::::\n", "x"));
}

TEST(ssh_access, names_an_allocation_by_its_key) {
  EXPECT_EQ(allocation_id("key"), allocation_id(" key\r\n"));
  EXPECT_NE(allocation_id("key"), allocation_id("kez"));
  EXPECT_EQ(authorized_keys("ssh-ed25519 A\n", ""), "ssh-ed25519 A\n\n");
}

TEST(nonce_table, cannot_be_used_to_replay) {
  nonce_limits limits;
  limits.allowed_delta_ns = 4;
  limits.longest_timeout_ns = 100;
  limits.ahead_ns = 50;
  limits.entries = 2;
  nonce_table t{limits, 1000};
  EXPECT_FALSE(t.check("a", 1000, 12, 1001)) << "from before our start";
  EXPECT_TRUE(t.check("a", 1005, 12, 1001));
  EXPECT_FALSE(t.check("a", 1100, 12, 1001)) << "too far ahead";
  ASSERT_TRUE(t.remember("a", 1005, 1001));
  EXPECT_FALSE(t.check("a", 1005, 12, 1001));
  EXPECT_TRUE(t.check("a", 1006, 12, 1001));
  ASSERT_TRUE(t.remember("a", 1030, 1030));
  EXPECT_FALSE(t.check("a", 1031, 1'000'000, 1200)) << "the caller's own time limit does not open the window for good";
  // Full: refused, nothing forgotten that could come again.
  ASSERT_TRUE(t.remember("b", 1031, 1031));
  EXPECT_EQ(t.remember("c", 1032, 1032).error(), errc::overloaded);
  EXPECT_FALSE(t.check("a", 1030, 100, 1032));
  // Out of every window: forgotten, and still refused.
  ASSERT_TRUE(t.remember("c", 2000, 2000));
  EXPECT_EQ(t.size(), 1U);
  EXPECT_FALSE(t.check("a", 1030, 100, 2000));
}

TEST(plan_rental, refuses_what_engines_would_take_silently) {
  const auto rules = lode::miner::testing::rental_rules();
  const auto host = lode::miner::testing::small_host();
  const auto good = lode::miner::testing::small_request();
  const auto id = std::string(64, 'a');
  const auto plan = plan_rental(rules, host, good, id);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->limits.cpuset, "0");
  EXPECT_TRUE(check_spec(rental_spec(rules, *plan, 42000)));
  EXPECT_TRUE(check_spec(build_spec(rules, *plan)));
  EXPECT_FALSE(check_spec(rental_spec(rules, *plan, 0)));
  const auto broken = [&](auto change) {
    auto r = good;
    change(r);
    return !plan_rental(rules, host, r, id);
  };
  EXPECT_TRUE(broken([](auto& r) { r.cpu_count = 3; }));
  EXPECT_TRUE(broken([](auto& r) { r.ram_bytes = 1000; }));
  EXPECT_TRUE(broken([](auto& r) { r.ram_bytes = 1LL << 40U; }));
  EXPECT_TRUE(broken([](auto& r) { r.base_image = "else"; }));
  EXPECT_TRUE(broken([](auto& r) { r.user_key = "ssh-ed25519 'x'; rm -rf /\n"; }));
  EXPECT_TRUE(broken([](auto& r) { r.script = std::string(70000, 'x'); }));
  // A GPU where there is none is left out: existing validators always ask for one.
  EXPECT_FALSE(broken([](auto& r) { r.gpu_count = 1; }));
}

TEST(docker_json, reads_both_dialects) {
  unix_reply podman;
  podman.status = 500;
  podman.body = R"({"cause":"that name is already in use","message":"creating container storage","response":500})";
  EXPECT_EQ(engine_error(podman, "create"), errc::conflict);
  podman.body = R"({"cause":"x","message":"listen tcp4 127.0.0.1:1: bind: address already in use","response":500})";
  EXPECT_EQ(engine_error(podman, "start"), errc::busy);
  unix_reply docker;
  docker.status = 500;
  docker.body = R"({"message":"driver failed: port is already allocated"})";
  EXPECT_EQ(engine_error(docker, "start"), errc::busy);
  docker.status = 404;
  docker.body = "";
  EXPECT_EQ(engine_error(docker, "stats"), errc::not_found);
  EXPECT_EQ(parse_inspect(R"({"Id":"a","Name":"/n","State":{"Status":"running","Paused":true}})")->status,
            container_status::paused);
  EXPECT_FALSE(parse_inspect("{"));
  EXPECT_FALSE(parse_inspect("{}"));
  EXPECT_TRUE(parse_container_list("null")->empty());

  container_spec gpu;
  gpu.gpu_count = 1;
  gpu.gpu_devices = {"/dev/nvidia0"};
  EXPECT_NE(create_body(gpu, engine_dialect::podman).find("/dev/nvidia0"), std::string::npos);
  EXPECT_EQ(create_body(gpu, engine_dialect::podman).find("DeviceRequests"), std::string::npos);
  EXPECT_NE(create_body(gpu, engine_dialect::docker).find("DeviceRequests"), std::string::npos);
}

TEST(slot_store, keeps_every_member_and_reads_a_record_without_the_newest) {
  const auto folder = std::filesystem::temp_directory_path() / ("lode-slot-" + std::to_string(::getpid()));
  slot_record r;
  r.phase = slot_phase::occupied;
  r.public_key = "pem";
  r.allocation = "allocation";
  r.validator = "5Validator";
  r.container_id = "id";
  r.password = "password";
  r.port = 42000;
  r.user_key = "ssh-ed25519 user";
  r.terminal_key = "ssh-ed25519 terminal";
  r.host_key = "ssh-ed25519 host\n";
  r.created_at = 1;
  r.expires_at = 2;
  r.paused = true;
  {
    auto store = open_slot_store(folder.string()).value();
    ASSERT_TRUE(store->save(r));
    EXPECT_EQ(store->load().value(), r);
  }
  const auto file = folder / "slot.json";
  std::stringstream text;
  text << std::ifstream{file}.rdbuf();
  const auto older = std::regex_replace(text.str(), std::regex{R"("host_key":"[^"]*",)"}, "");
  ASSERT_NE(older, text.str());
  std::ofstream{file} << older;
  r.host_key.clear();
  EXPECT_EQ(open_slot_store(folder.string()).value()->load().value(), r);
  std::filesystem::remove_all(folder);
}

}  // namespace
