#include "storage/sealing.hpp"

#include "storage/memory_store.hpp"
#include "support.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <thread>

namespace lode::storage::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class sealing_test : public testing::Test {
 protected:
  sealer make(const std::string& name) {
    auto made = load_or_create_master_key(folder_ / name);
    if (!made) throw std::runtime_error(made.error().to_string());
    return *std::move(made);
  }
  static std::string content(const std::string& path) {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, {}};
  }

  temporary_folder folder_;
};

TEST_F(sealing_test, what_is_sealed_opens_and_shows_nothing) {
  const sealer s = make("key");
  for (const std::string& plain : {std::string{}, std::string{"hunter2-password"}, std::string(5000, '\0')}) {
    const std::string sealed = s.seal(plain);
    EXPECT_TRUE(sealer::is_sealed(sealed));
    EXPECT_THAT(sealed, testing::StartsWith("sealed:v1:"));
    EXPECT_THAT(sealed, Not(HasSubstr("hunter2")));
    EXPECT_NE(sealed, s.seal(plain));
    EXPECT_EQ(s.open(sealed).value(), plain);
  }
  EXPECT_FALSE(sealer::is_sealed("plain"));
}

TEST_F(sealing_test, every_changed_character_is_noticed) {
  const sealer s = make("key");
  const std::string sealed = s.seal("hunter2");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    const auto opened = s.open(changed);
    ASSERT_FALSE(opened) << i;
    EXPECT_EQ(opened.error().code, errc::key_invalid);
    EXPECT_THAT(opened.error().detail, Not(HasSubstr("hunter2")));
    EXPECT_THAT(opened.error().detail, Not(HasSubstr(changed.substr(10))));
  }
  for (std::size_t length = 0; length < sealed.size(); ++length)
    EXPECT_FALSE(s.open(std::string_view{sealed}.substr(0, length))) << length;
}

TEST_F(sealing_test, another_key_or_context_does_not_open) {
  const sealer s = make("key");
  const std::string sealed = s.seal("secret", "allocations/a");
  EXPECT_EQ(s.open(sealed, "allocations/a").value(), "secret");
  EXPECT_EQ(s.open(sealed, "allocations/b").error().code, errc::key_invalid);
  EXPECT_EQ(s.open(sealed).error().code, errc::key_invalid);
  EXPECT_EQ(make("other").open(sealed, "allocations/a").error().code, errc::key_invalid);
}

TEST_F(sealing_test, the_key_file_is_made_once_private_and_complete) {
  const std::string path = folder_ / "etc/master.key";
  const std::string sealed = make("etc/master.key").seal("x");
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  const std::string line = content(path);
  EXPECT_EQ(line.size(), 45U);
  EXPECT_EQ(make("etc/master.key").open(sealed).value(), "x");
  EXPECT_EQ(content(path), line);
  EXPECT_EQ(std::distance(fs::directory_iterator{folder_ / "etc"}, {}), 1) << "a temporary file is left";
}

TEST_F(sealing_test, two_that_make_it_at_once_get_the_same_key) {
  std::vector<std::optional<sealer>> made(8);
  {
    std::vector<std::jthread> threads;
    threads.reserve(made.size());
    for (auto& each : made) threads.emplace_back([&] { each = make("key"); });
  }
  const std::string sealed = made[0]->seal("x");
  for (const auto& each : made) EXPECT_EQ(each->open(sealed).value(), "x");
}

TEST_F(sealing_test, a_key_file_that_others_can_reach_is_refused) {
  make("key");
  const std::string path = folder_ / "key";
  for (const unsigned mode : {0640U, 0604U, 0620U, 0601U}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    const auto loaded = load_or_create_master_key(path);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, errc::key_invalid);
    EXPECT_THAT(loaded.error().detail, HasSubstr(path));
  }
  ASSERT_EQ(::chmod(path.c_str(), 0400), 0);
  EXPECT_TRUE(load_master_key(path));
}

TEST_F(sealing_test, what_is_no_key_file_is_refused_without_its_content) {
  const std::string path = folder_ / "key";
  EXPECT_EQ(load_master_key(path).error().code, errc::not_found);
  for (const std::string& text : {std::string{}, std::string{"not base64!"}, std::string{"c2hvcnQ=\n"},
                                  std::string(44, 'A'), std::string(60, 'A')}) {
    std::ofstream{path} << text;
    ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
    const auto loaded = load_or_create_master_key(path);
    ASSERT_FALSE(loaded) << text;
    EXPECT_EQ(loaded.error().code, errc::key_invalid);
    if (!text.empty()) {
      EXPECT_THAT(loaded.error().detail, Not(HasSubstr(text)));
    }
    EXPECT_EQ(content(path), text);
  }
  fs::remove(path);
  fs::create_directory(path);
  EXPECT_EQ(load_or_create_master_key(path).error().code, errc::key_invalid);
}

TEST_F(sealing_test, a_store_remembers_its_key) {
  const auto s = make_memory_store();
  const auto first = open_sealer(folder_ / "key", *s);
  ASSERT_TRUE(first);
  EXPECT_EQ(s->head(), 1U);
  ASSERT_TRUE(open_sealer(folder_ / "key", *s));
  EXPECT_EQ(s->head(), 1U) << "the check value was written again";

  make("other");
  EXPECT_EQ(open_sealer(folder_ / "other", *s).error().code, errc::key_invalid);
  fs::remove(folder_ / "key");
  const auto missing = open_sealer(folder_ / "key", *s);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, errc::key_invalid);
  EXPECT_FALSE(fs::exists(folder_ / "key")) << "a new key hides that the old one is missing";
}

}  // namespace
}  // namespace lode::storage::test
