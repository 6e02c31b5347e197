#include "http/server/writer.hpp"

#include <gtest/gtest.h>

namespace lode::http {
namespace {

std::string written(const response& r, bool keep_alive = true, bool http10 = false, bool head_only = false) {
  std::string out;
  const response_frame frame{"id-1", "Thu, 01 Jan 1970 00:00:00 GMT", keep_alive, http10, head_only};
  append_response(out, r, frame);
  return out;
}

constexpr const char* start = "HTTP/1.1 200 OK\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\nx-request-id: id-1\r\n";

TEST(append_response, is_byte_exact) {
  response r{200, "{}"};
  r.headers = {{"retry-after", "1"}};
  EXPECT_EQ(written(r),
            std::string{start} + "content-type: application/json\r\ncontent-length: 2\r\nretry-after: 1\r\n\r\n{}");
  r.headers.clear();
  const std::string framed = std::string{start} + "content-type: application/json\r\ncontent-length: 2\r\n";
  EXPECT_EQ(written(r, false), framed + "connection: close\r\n\r\n{}");
  EXPECT_EQ(written(r, true, true), framed + "connection: keep-alive\r\n\r\n{}");
  EXPECT_EQ(written(r, true, false, true), framed + "\r\n") << "HEAD";
}

TEST(append_response, lets_no_header_break_the_message) {
  response r{200, ""};
  r.content_type = "text/plain\r\nx: 1";
  r.headers = {{"a", "b\r\n\r\nHTTP/1.1 200 OK"}, {"bad name", "1"},       {"x\r\ny", "1"},
               {"Content-Length", "9"},           {"connection", "close"}, {"", "1"}};
  EXPECT_EQ(written(r),
            std::string{start} + "content-type: text/plainx: 1\r\ncontent-length: 0\r\na: bHTTP/1.1 200 OK\r\n\r\n");
}

TEST(append_response, knows_statuses_without_a_body_and_unknown_ones) {
  EXPECT_EQ(written(response{204, "x"}).find("content-length"), std::string::npos);
  EXPECT_TRUE(written(response{204, "x"}).ends_with("\r\n\r\n"));
  EXPECT_TRUE(written(response{404, ""}).starts_with("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_TRUE(written(response{577, ""}).starts_with("HTTP/1.1 577 Unknown\r\n"));
}

TEST(date_line, formats_and_follows_the_clock) {
  date_line d;
  EXPECT_EQ(d.at(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(d.at(1764039601), "Tue, 25 Nov 2025 03:00:01 GMT");
  EXPECT_FALSE(d.now().empty());
}

}  // namespace
}  // namespace lode::http
