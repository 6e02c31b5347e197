#include "cli/state.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace lode::cli {
namespace {

class folder {
 public:
  folder() {
    std::string name = "/tmp/lode-cli-test.XXXXXX";
    path = ::mkdtemp(name.data());
  }
  ~folder() { std::filesystem::remove_all(path); }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  std::string path;
};

remembered one(const std::string& hotkey, const std::string& server = "http://a") {
  remembered r;
  r.hotkey = hotkey;
  r.uuid = "uuid-of-" + hotkey;
  r.server = server;
  r.ssh_port = 4444;
  r.created_at = "2026-11-25T00:00:00Z";
  return r;
}

TEST(state, is_read_as_it_was_written) {
  local_state s;
  s.allocations = {one("5A"), one("5B")};
  s.allocations[1].gone = true;
  s.allocations[1].identity = "/a \"b\"";
  s.pending = {{"key", "POST \"x\"", 5, 6, 7}};
  const auto back = parse_state(text_of(s), "f");
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, s);
}

TEST(state, what_is_no_state_is_an_error_and_not_an_empty_state) {
  for (const auto* text : {"", "{}", "[]", "{\"version\":2}", "{\"version\":1"})
    EXPECT_FALSE(parse_state(text, "f")) << text;
}

TEST(state, the_file_is_private_and_whole_under_many_writers) {
  const folder f;
  const state_file file{f.path + "/deep/er/x.json"};
  constexpr int writers = 4;
  constexpr int each = 25;
  std::vector<std::thread> threads;
  for (int w = 0; w < writers; ++w)
    threads.emplace_back([&, w] {
      for (int i = 0; i < each; ++i)
        EXPECT_TRUE(
            file.change([&](local_state& s) { remember(s, one(std::to_string(w) + "-" + std::to_string(i))); }));
    });
  for (auto& t : threads) t.join();
  const auto s = file.read();
  ASSERT_TRUE(s);
  EXPECT_EQ(s->allocations.size(), std::size_t{writers * each});
  struct stat info {};
  ASSERT_EQ(::stat(file.path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  ASSERT_EQ(::stat((f.path + "/deep").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST(state, a_damaged_file_is_never_overwritten) {
  const folder f;
  const state_file file{f.path + "/x.json"};
  ASSERT_TRUE(write_private_file(file.path(), "damaged"));
  EXPECT_FALSE(file.change([](local_state& s) { remember(s, one("5A")); }));
  EXPECT_EQ(*read_file(file.path()), "damaged");
}

TEST(state, remembers_the_newest_of_a_hotkey_and_a_thousand_at_most) {
  local_state s;
  remember(s, one("5A"));
  remember(s, one("5A", "http://b"));
  auto again = one("5A");
  again.uuid = "new";
  remember(s, again);
  ASSERT_EQ(s.allocations.size(), 2U);
  EXPECT_EQ(s.allocations.back().uuid, "new");
  s.allocations[0].gone = true;
  for (int i = 0; i < 999; ++i) remember(s, one(std::to_string(i)));
  EXPECT_EQ(s.allocations.size(), 1000U);
  EXPECT_EQ(s.allocations[0].uuid, "new") << "the one that is gone goes first";
}

TEST(state, names_find_ours_alone) {
  local_state s;
  s.allocations = {one("5Gaa"), one("5Gab"), one("5Hxx"), one("5Zzz", "http://b")};
  const auto name_of = [&](const std::string& name) {
    const auto r = find_ours(s, "http://a", name);
    return r ? r->hotkey : "status " + std::to_string(static_cast<int>(r.error().code));
  };
  EXPECT_EQ(name_of("last"), "5Hxx");
  EXPECT_EQ(name_of("5H"), "5Hxx");
  EXPECT_EQ(name_of("5Gab"), "5Gab");
  EXPECT_EQ(name_of("5G"), "status 2");
  EXPECT_EQ(name_of("5Z"), "status 3") << "another server's";
  EXPECT_EQ(name_of(""), "status 3");
  s.allocations[2].gone = true;
  EXPECT_EQ(name_of("last"), "5Gab");
  EXPECT_EQ(name_of("5H"), "status 3");
}

TEST(state, the_same_request_goes_on_with_a_call_that_was_left) {
  local_state s;
  std::int64_t alive = 10;
  const auto start_of = [&](std::int64_t pid) { return pid == alive || pid >= 100 ? pid * 7 : 0; };
  const auto first = claim_call(s, "a", 1000, 10, start_of, "k1");
  EXPECT_EQ(first.idempotency_key, "k1");
  EXPECT_FALSE(first.resumed);
  EXPECT_EQ(claim_call(s, "a", 1001, 100, start_of, "k2").idempotency_key, "k2") << "the first is still at work";
  alive = 0;
  EXPECT_EQ(claim_call(s, "b", 1002, 101, start_of, "k3").idempotency_key, "k3") << "another request";
  const auto resumed = claim_call(s, "a", 1003, 102, start_of, "k4");
  EXPECT_EQ(resumed.idempotency_key, "k1");
  EXPECT_TRUE(resumed.resumed);
  EXPECT_EQ(claim_call(s, "a", 1004, 103, start_of, "k5").idempotency_key, "k5") << "it has a new owner";
  settle_call(s, "k1");
  EXPECT_EQ(s.pending.size(), 3U);
  alive = -1;
  const auto later = claim_call(
      s, "a", 1000 + 3 * 86'400, 104, [](std::int64_t) { return 0; }, "k6");
  EXPECT_EQ(later.idempotency_key, "k6") << "an idempotency key is good for a day";
  EXPECT_EQ(s.pending.size(), 1U);
}

TEST(state, a_process_that_lives_has_a_start) {
  EXPECT_GT(start_of_process(::getpid()), 0);
  EXPECT_EQ(start_of_process(0), 0);
}

TEST(files, a_command_gives_its_first_line_and_has_a_deadline) {
  using std::chrono::milliseconds;
  EXPECT_EQ(*line_of_command("printf 'one\\ntwo\\n'", milliseconds{5000}), "one");
  EXPECT_FALSE(line_of_command("echo x; exit 3", milliseconds{5000}));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(line_of_command("exec sleep 30", milliseconds{200}));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{10});
}

}  // namespace
}  // namespace lode::cli
