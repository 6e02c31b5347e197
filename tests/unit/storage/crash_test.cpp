// What survives when the process dies or the disk refuses.

#include "support.hpp"

#include <chrono>
#include <filesystem>
#include <random>
#include <sstream>
#include <sys/stat.h>
#include <thread>

namespace lode::storage::test {
namespace {

/// Every commit up to head() is there whole, and nothing beyond it.
void expect_whole(const store& s) {
  const revision head = s.head();
  const auto allocations = s.scan(column::allocations, "");
  const auto miners = s.scan(column::miners, "");
  const auto events = s.scan(column::events, "");
  ASSERT_TRUE(allocations && miners && events);
  ASSERT_EQ(allocations->size(), head);
  ASSERT_EQ(miners->size(), head);
  ASSERT_EQ(events->size(), head);
  for (const entry& e : *miners) EXPECT_EQ(e.key, "a" + std::to_string(e.mod_revision));
  for (std::size_t i = 0; i < events->size(); ++i) {
    EXPECT_EQ((*events)[i].mod_revision, i + 1);
    EXPECT_EQ((*events)[i].value, "e" + std::to_string(i + 1));
  }
}

std::size_t files_in(const std::string& path) {
  std::size_t count = 0;
  std::error_code gone;  // it may be renamed meanwhile
  for (std::filesystem::directory_iterator at{path, gone}; !gone && at != end(at); at.increment(gone)) ++count;
  return count;
}

TEST(crash, kill_at_any_moment_keeps_every_acknowledged_commit_whole) {
  const temporary_folder folder;
  const std::string path = folder / "store";
  std::mt19937 random{20240917};
  revision acknowledged = 0;
  for (int round = 0; round < 12; ++round) {
    // Big values now and then, so that memtables are flushed and logs are changed over while it dies.
    child_process child{"write", {path, round % 3 == 2 ? "200000" : "600"}};
    ASSERT_EQ(child.read_line(), "open");
    const auto note = [&](const std::string& line) {
      std::istringstream words{line};
      for (revision r = 0; words >> r;) {
        EXPECT_EQ(r, acknowledged + 1);
        acknowledged = r;
      }
    };
    // The moment: after so many acknowledgements, wherever the child then is in its next commits.
    for (unsigned lines = random() % 60; lines > 0; --lines) note(child.read_line());
    child.kill_and_wait();
    for (std::string line = child.read_line(); !line.empty(); line = child.read_line()) note(line);

    const auto s = must_open(path);
    EXPECT_GE(s->head(), acknowledged);
    acknowledged = s->head();  // one group may have become durable without being acknowledged
    expect_whole(*s);
  }
  EXPECT_GT(acknowledged, 100U);
}

TEST(crash, kill_while_creating_can_be_repeated) {
  std::mt19937 random{7};
  int unfinished = 0;
  for (int round = 0; round < 15; ++round) {
    const temporary_folder folder;
    const std::string path = folder / "store";
    {
      child_process child{"hold", {path}};
      // The moment: when so many files of the new database are there.
      const std::size_t enough = random() % 12;
      const auto late = std::chrono::steady_clock::now() + std::chrono::seconds{30};
      while (!std::filesystem::exists(path + "/db") && files_in(path + "/db.creating") < enough) {
        ASSERT_LT(std::chrono::steady_clock::now(), late) << "the child does not create";
        std::this_thread::yield();
      }
      child.kill_and_wait();
    }
    if (std::filesystem::exists(path + "/db.creating")) ++unfinished;
    const auto s = must_open(path);
    EXPECT_EQ(s->head(), 0U);
    EXPECT_EQ(must_put(*s, column::meta, "k", "v"), 1U);
    EXPECT_FALSE(std::filesystem::exists(path + "/db.creating"));
  }
  EXPECT_GT(unfinished, 0) << "no round was killed in the middle of the creation";
}

TEST(crash, a_write_that_the_disk_refuses_stops_the_store_until_it_is_opened_again) {
  const temporary_folder folder;
  const std::string path = folder / "store";
  child_process child{"fill", {path}};
  revision durable = 0;
  std::string line = child.read_line();
  for (; !line.empty() && line != "failed"; line = child.read_line()) durable = std::stoul(line);
  EXPECT_EQ(line, "failed");
  EXPECT_EQ(child.read_line(), "refused");
  EXPECT_EQ(child.wait(), 0);
  EXPECT_GT(durable, 0U);

  const auto s = must_open(path);
  EXPECT_GE(s->head(), durable);
  expect_whole(*s);
  const revision head = s->head();
  EXPECT_EQ(must_put(*s, column::meta, "k", "v"), head + 1);
}

}  // namespace
}  // namespace lode::storage::test
