// The envelopes byte by byte: clients compare and log them.
#include "messages/envelope.hpp"

#include "messages/json.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace lode {
namespace {

TEST(envelope, is_exact_to_the_byte) {
  EXPECT_EQ(success("done"), R"({"success":true,"message":"done"})");
  EXPECT_EQ(success("do\"ne", "[1]"), R"({"success":true,"message":"do\"ne","data":[1]})");
  EXPECT_EQ(failure("no"), R"({"success":false,"message":"no"})");
  EXPECT_EQ(failure("no", "{}"), R"({"success":false,"message":"no","err_detail":{}})");
  EXPECT_EQ(failure_text("no", "a \"b\""), R"({"success":false,"message":"no","err_detail":"a \"b\""})");
  EXPECT_EQ(failure_text("no", ""), R"({"success":false,"message":"no","err_detail":""})");
  EXPECT_EQ(count_success("n", 7), R"({"success":true,"message":"n","count":7,"data":{"count":7}})");
}

TEST(envelope, lists_all_failing_fields) {
  const std::vector<field_error> e{{"ram", std::nullopt, "Field required"}, {"", 2, "Input should be a valid string"}};
  EXPECT_EQ(validation_failure(e),
            R"({"success":false,"message":"Validation Error, Please check the request body.","err_detail":)"
            R"([{"field":"ram","message":"Field required"},{"field":2,"message":"Input should be a valid string"}]})");
}

struct page_case {
  std::size_t shown, total;
  std::optional<std::int64_t> number, size;
  const char* rest;
};
TEST(page, follows_the_rules_of_the_contract) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  const std::vector<page_case> cases{
      {3, 3, {}, {}, R"("page_number":1,"page_size":3,"next_page_number":null})"},
      {3, 3, {}, 2, R"("page_number":1,"page_size":3,"next_page_number":null})"},
      {3, 3, 0, 2, R"("page_number":1,"page_size":3,"next_page_number":null})"},
      {0, 0, {}, {}, R"("page_number":1,"page_size":0,"next_page_number":null})"},
      {50, 120, 1, {}, R"("page_number":1,"page_size":50,"next_page_number":2})"},
      {50, 120, 1, 0, R"("page_number":1,"page_size":50,"next_page_number":2})"},
      {20, 120, 3, {}, R"("page_number":3,"page_size":50,"next_page_number":null})"},
      {50, 100, 2, 50, R"("page_number":2,"page_size":50,"next_page_number":null})"},
      {0, 120, 4, {}, R"("page_number":4,"page_size":50,"next_page_number":null})"},
      {0, 0, 1, 10, R"("page_number":1,"page_size":10,"next_page_number":null})"},
      {0, 5, most, most,
       R"("page_number":9223372036854775807,"page_size":9223372036854775807,"next_page_number":null})"},
      {0, 5, most, 1, R"("page_number":9223372036854775807,"page_size":1,"next_page_number":null})"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(page("[0]", c.shown, c.total, c.number, c.size), std::string{R"({"page_items":[0],)"} + c.rest);
}

std::string written(std::string_view text) {
  std::string out;
  write_json_string(out, text);
  return out;
}
TEST(write_json_string, escapes_and_repairs) {
  EXPECT_EQ(written("a/b\n\t\r\x01\x1f\x7f\\"), "\"a/b\\n\\t\\r\\u0001\\u001f\x7f\\\\\"");
  EXPECT_EQ(written("äß€😀"), "\"äß€😀\"");
  EXPECT_EQ(written("\xff"), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(written("\xc0\xaf"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");          // overlong
  EXPECT_EQ(written("\xed\xa0\x80").find('\xed'), std::string::npos);      // surrogate
  EXPECT_EQ(written("a\xe2\x82"), "\"a\xEF\xBF\xBD\xEF\xBF\xBD\"");        // cut short
  EXPECT_EQ(written("\xf4\x90\x80\x80").find('\xf4'), std::string::npos);  // beyond U+10FFFF
  EXPECT_EQ(written(std::string_view{"\0", 1}), "\"\\u0000\"");
}

TEST(write_json_string, looks_at_every_byte_wherever_it_stands) {
  // Longer than what is looked at together, so that each byte has each place in it.
  constexpr std::size_t length = 19;
  for (int byte = 0; byte < 0x100; ++byte)
    for (std::size_t at = 0; at < length; ++at) {
      std::string text(length, 'x');
      text[at] = static_cast<char>(byte);
      const auto alone = written(std::string_view{text}.substr(at, 1));
      EXPECT_EQ(written(text), '"' + std::string(at, 'x') + alone.substr(1, alone.size() - 2) +
                                   std::string(length - at - 1, 'x') + '"')
          << byte << " at " << at;
    }
}

std::string capacity(double value) {
  resource r;
  r.gpu_capacity = value;
  std::string out;
  write_json(out, r);
  constexpr std::string_view key = "\"gpu_capacity\":";
  const auto at = out.find(key) + key.size();
  return out.substr(at, out.find(',', at) - at);
}
TEST(write_json, writes_doubles_as_pythons_json_does) {
  EXPECT_EQ(capacity(24), "24.0");
  EXPECT_EQ(capacity(0), "0.0");
  EXPECT_EQ(capacity(23.99), "23.99");
  EXPECT_EQ(capacity(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(capacity(100000), "100000.0");
  EXPECT_EQ(capacity(1e15), "1000000000000000.0");
  EXPECT_EQ(capacity(1e16), "1e+16");
  EXPECT_EQ(capacity(1e-5), "1e-05");
  EXPECT_EQ(capacity(std::numeric_limits<double>::quiet_NaN()), "null");
}

TEST(write_json, keeps_the_order_of_the_table) {
  std::string out = "[";
  write_json(out, docker_requirement{});
  EXPECT_EQ(out, R"([{"base_image":"ubuntu","ssh_key":"","volume_path":"/tmp","dockerfile":""})");
  out.clear();
  write_json(out, device_requirement{});
  EXPECT_EQ(out, R"({"cpu_count":1,"gpu_type":"gpu","gpu_size":3,"gpu_count":1,"ram":1,"hard_disk":1,"timeline":90})");
  allocation_record r;
  r.resource = "rtx";
  r.hotkey = "5H";
  r.ssh_ip = "1.2.3.4";
  r.ssh_port = 4444;
  r.ssh_username = "root";
  r.ssh_password = "p";
  r.uuid = "u";
  r.state = allocation_state::active;
  r.expires_at = 1'795'572'000'999;
  out.clear();
  write_json(out, view_of(r));
  EXPECT_EQ(out,
            R"({"resource":"rtx","hotkey":"5H","regkey":"","ssh_ip":"1.2.3.4","ssh_port":4444,"ssh_username":"root",)"
            R"("ssh_password":"p","ssh_command":"ssh root@1.2.3.4 -p 4444","ssh_key":"","uuid_key":"u",)"
            R"("miner_version":0,"state":"active","created_at":"1970-01-01T00:00:00Z",)"
            R"("expires_at":"2026-11-25T02:00:00Z"})");
}

TEST(rfc3339, survives_any_number) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(rfc3339(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(rfc3339(1'709'210'096'789), "2024-02-29T12:34:56Z");
  EXPECT_EQ(rfc3339(std::numeric_limits<unix_ms>::max()), "9999-12-31T23:59:59Z");
  EXPECT_EQ(rfc3339(std::numeric_limits<unix_ms>::min()).size(), 20U);
}

TEST(names, go_both_ways) {
  for (const auto s :
       {allocation_state::reserving, allocation_state::active, allocation_state::paused, allocation_state::releasing})
    EXPECT_EQ(allocation_state_from(to_string(s)), s);
  for (const auto a : {pending_action::none, pending_action::restart, pending_action::pause, pending_action::unpause,
                       pending_action::exchange_key})
    EXPECT_EQ(pending_action_from(to_string(a)), a);
  EXPECT_EQ(key_kind_from("rsa2048"), key_kind::rsa2048);
  EXPECT_EQ(key_kind_from("x25519"), key_kind::x25519);
  EXPECT_EQ(allocation_state_from("Active"), std::nullopt);
  EXPECT_EQ(pending_action_from(""), std::nullopt);
}

}  // namespace
}  // namespace lode
