#include "config/logging.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace lode::config {
namespace {

TEST(logging_test, a_line_is_one_json_object) {
  const auto line = json_line(1'795'572'000'123, "info", "a \"b\"\n\x01 \xff");
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto v = boost::json::parse(line).as_object();
  EXPECT_EQ(v.at("time"), "2026-11-25T02:00:00.123Z");
  EXPECT_EQ(v.at("level"), "info");
  EXPECT_EQ(v.at("msg"), "a \"b\"\n\x01 \xEF\xBF\xBD");
  EXPECT_FALSE(v.contains("request_id"));
}

TEST(logging_test, the_request_id_is_a_field) {
  const auto v = boost::json::parse(json_line(0, "warn", with_request("r-1", "placed"))).as_object();
  EXPECT_EQ(v.at("request_id"), "r-1");
  EXPECT_EQ(v.at("msg"), "placed");
}

TEST(logging_test, other_brackets_are_text) {
  for (const char* text : {"[] x", "[::1] x", "[a b] x", "[r-1]x", "[r-1", "x [r-1] y"}) {
    const auto v = boost::json::parse(json_line(0, "info", text)).as_object();
    EXPECT_FALSE(v.contains("request_id")) << text;
    EXPECT_EQ(v.at("msg"), text);
  }
}

TEST(logging_test, lines_go_to_standard_error_at_their_level) {
  const auto before = spdlog::default_logger();
  testing::internal::CaptureStderr();
  start_logging("warn", "json");
  spdlog::info("not shown");
  log_for("r-2", spdlog::level::err, "lost {}", 3);
  spdlog::default_logger()->flush();
  std::string text = testing::internal::GetCapturedStderr();
  spdlog::set_default_logger(before);
  ASSERT_FALSE(text.empty());
  EXPECT_EQ(text.find("not shown"), std::string::npos);
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  const auto v = boost::json::parse(text.substr(0, text.size() - 1)).as_object();
  EXPECT_EQ(v.at("request_id"), "r-2");
  EXPECT_EQ(v.at("msg"), "lost 3");
}

TEST(logging_test, people_see_the_id_in_brackets_and_one_line_a_message) {
  const auto before = spdlog::default_logger();
  testing::internal::CaptureStderr();
  start_logging("info", "human");
  log_for("r-3", spdlog::level::info, "{}", "first\nforged");
  spdlog::default_logger()->flush();
  const std::string text = testing::internal::GetCapturedStderr();
  spdlog::set_default_logger(before);
  EXPECT_NE(text.find("[r-3] first forged\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace lode::config
