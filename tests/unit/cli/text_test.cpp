#include "cli/api.hpp"
#include "cli/completion.hpp"
#include "cli/doctor_checks.hpp"
#include "cli/terminal.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace lode::cli {
namespace {

table small() {
  table t;
  t.columns = {{"HOTKEY", false, true}, {"N", true}, {"STATE"}};
  t.rows = {{"5Gme", "1", {"active", tone::good}}, {"5F", "12", "paused"}};
  return t;
}

TEST(table, is_aligned_on_a_terminal) {
  terminal term;
  term.out = true;
  EXPECT_EQ(text_of(small(), term, true),
            "HOTKEY   N  STATE\n"
            "5Gme     1  active\n"
            "5F      12  paused\n");
}

TEST(table, is_cut_to_the_terminals_width_and_only_where_it_may_be) {
  auto t = small();
  t.rows[0][0] = cell{std::string(48, 'x')};
  terminal term;
  term.out = true;
  term.width = 30;
  EXPECT_EQ(text_of(t, term, true), "HOTKEY               N  STATE\n" + std::string(17, 'x') + "…   1  active\n" +
                                        "5F                  12  paused\n");
  term.width = 5;  // nothing may go below eight
  EXPECT_EQ(text_of(t, term, false).substr(0, 7), "xxxxxxx");
}

TEST(table, has_tabs_and_whole_cells_without_a_terminal) {
  auto t = small();
  t.rows[0][0] = cell{std::string(300, 'x') + "\ty\nz"};
  const terminal term;
  EXPECT_EQ(text_of(t, term, true), "HOTKEY\tN\tSTATE\n" + std::string(300, 'x') + " y z\t1\tactive\n5F\t12\tpaused\n");
  EXPECT_EQ(text_of(small(), term, false), "5Gme\t1\tactive\n5F\t12\tpaused\n");
}

TEST(table, colours_are_outside_of_the_alignment) {
  terminal term;
  term.out = term.colours = true;
  EXPECT_EQ(text_of(small(), term, false), "5Gme   1  \x1b[32mactive\x1b[0m\n5F    12  paused\n");
}

TEST(text, from_outside_cannot_move_the_cursor) {
  EXPECT_EQ(harmless("a\x1b[2Jb\rc\x7f\xC2\x9B"), "a?[2Jb?c???");
  EXPECT_EQ(harmless("größe"), "größe");
}

TEST(text, is_cut_by_characters) {
  EXPECT_EQ(cut("größe", 5), "größe");
  EXPECT_EQ(cut("größer", 4), "grö…");
  EXPECT_EQ(cut("größer", 0), "");
  EXPECT_EQ(width_of("größer…"), 7U);
}

TEST(text, times) {
  EXPECT_EQ(seconds_of("1970-01-02T00:00:05Z"), 86'405);
  EXPECT_EQ(seconds_of("1970-01-01T00:00:05.123456Z"), 5);
  EXPECT_EQ(seconds_of("yesterday"), 0);
  EXPECT_EQ(relative("1970-01-04T04:00:00Z", 100), "in 3 d 3 h");
  EXPECT_EQ(relative("1970-01-01T00:01:00Z", 125), "1 min 5 s ago");
  EXPECT_EQ(relative("", 5), "");
  EXPECT_EQ(span_text(std::chrono::seconds{0}), "0 s");
  EXPECT_EQ(span_text(std::chrono::seconds{7200}), "2 h");
}

TEST(reply, elements_of_a_list_are_handed_on_as_they_stand) {
  const std::string list = R"( [ {"ram":433.590, "s":"],[\"" } ,[1, 2], "x,y" ,null ] )";
  const std::vector<std::string_view> whole{R"({"ram":433.590, "s":"],[\"" })", "[1, 2]", R"("x,y")", "null"};
  EXPECT_EQ(raw_elements(list), whole);
  EXPECT_EQ(raw_array({whole[0], whole[3]}), R"([{"ram":433.590, "s":"],[\"" },null])");
  EXPECT_EQ(raw_array({}), "[]");
  for (const auto* none : {"", "[]", " [ ] ", "{}", "[", "[,]"}) EXPECT_TRUE(raw_elements(none).empty()) << none;
}

TEST(reply, data_is_handed_on_as_it_stands) {
  const std::string body =
      R"({"success":true, "message":"a \"data\": {}", "data" : {"ram":433.59, "s":"}],\"" , "x":[1,2]} })";
  EXPECT_EQ(raw_member(body, "data"), R"({"ram":433.59, "s":"}],\"" , "x":[1,2]})");
  EXPECT_EQ(raw_member(body, "success"), "true");
  EXPECT_EQ(raw_member(body, "none"), "");
  EXPECT_EQ(raw_member("[1]", "data"), "");
  EXPECT_EQ(raw_member("{\"data\":", "data"), "");
}

failure refused(unsigned status, const std::string& body) {
  http_reply r;
  r.status = status;
  r.body = body;
  const auto a = open_reply(r, "release");
  return a ? failure{ending::ok, "a success", {}} : a.error();
}

TEST(reply, errors_become_exit_codes_and_advice) {
  const auto code = [](unsigned status, const std::string& message, const std::string& detail = "null") {
    return static_cast<int>(
        refused(status, R"({"success":false,"message":")" + message + R"(","err_detail":)" + detail + "}").code);
  };
  EXPECT_EQ(code(404, "No allocation details found for the provided hotkey."), 3);
  EXPECT_EQ(code(404, "Fail to allocate resource", "\"Requested resource is not available.\""), 3);
  EXPECT_EQ(code(404, "Not Found"), 1);
  EXPECT_EQ(code(400, "Deallocation not successfully, please try again.", "\"Invalid UUID key\""), 4);
  EXPECT_EQ(code(401, "Unauthorized"), 4);
  EXPECT_EQ(code(403, "Forbidden: this needs the role admin"), 4);
  EXPECT_EQ(code(403, "An error occurred during pause operation."), 1);
  EXPECT_EQ(code(422, "x"), 2);
  EXPECT_EQ(code(503, "x"), 5);
  EXPECT_EQ(code(500, "x"), 1);
  EXPECT_EQ(code(501, "x"), 1);
  const auto invalid = refused(422, R"({"success":false,"message":"Validation Error, Please check the request body.",
      "err_detail":[{"field":"days","message":"Field required"},{"field":3,"message":"bad"}]})");
  EXPECT_EQ(invalid.what, "release: days: Field required; 3: bad");
  EXPECT_EQ(refused(200, "<html>").code, ending::failed);
  EXPECT_EQ(refused(200, R"({"ok":1})").code, ending::failed);
}

TEST(reply, retry_after_is_followed_within_reason) {
  EXPECT_EQ(pause_before_retry("2", milliseconds{7}), milliseconds{2000});
  EXPECT_EQ(pause_before_retry("9999", milliseconds{7}), milliseconds{30'000});
  EXPECT_EQ(pause_before_retry("0", milliseconds{7}), milliseconds{1000});
  EXPECT_EQ(pause_before_retry("", milliseconds{7}), milliseconds{7});
  EXPECT_EQ(pause_before_retry("-5", milliseconds{7}), milliseconds{7});
}

TEST(doctor, grades_certificates_and_clocks) {
  const std::int64_t now = seconds_of("2026-11-25T00:00:00Z");
  EXPECT_EQ(grade_certificate("c", "2026-11-24T00:00:00Z", now).verdict, grade::fail);
  EXPECT_EQ(grade_certificate("c", "2026-12-01T00:00:00Z", now).verdict, grade::warn);
  EXPECT_EQ(grade_certificate("c", "2027-12-01T00:00:00Z", now).verdict, grade::ok);
  EXPECT_EQ(grade_clock("Wed, 25 Nov 2026 00:00:01 GMT", now).verdict, grade::ok);
  EXPECT_EQ(grade_clock("Wed, 25 Nov 2026 00:00:10 GMT", now).verdict, grade::warn);
  EXPECT_EQ(grade_clock("Wed, 25 Nov 2026 01:00:00 GMT", now).verdict, grade::fail);
  EXPECT_EQ(grade_clock("", now).verdict, grade::warn);
}

TEST(completion, knows_the_tree_of_commands) {
  CLI::App app{"x", "lode"};
  std::string text;
  app.add_option("--server", text);
  auto* miners = app.add_subcommand("miners", "");
  miners->add_subcommand("cordon", "")->add_option("--reason", text);
  app.add_subcommand("release", "");
  app.add_subcommand("__names", "")->group("");
  const auto script = bash_completion(app);
  EXPECT_NE(script.find(R"("") choices="miners release " flags="--help --server")"), std::string::npos) << script;
  EXPECT_NE(script.find(R"("miners cordon") choices="" flags="--help --reason --help --server")"), std::string::npos)
      << script;
  EXPECT_NE(script.find(R"("release") choices="" flags="--help --help --server" names=allocations)"), std::string::npos)
      << script;
  EXPECT_EQ(script.find("\"__names\")"), std::string::npos);
}

}  // namespace
}  // namespace lode::cli
