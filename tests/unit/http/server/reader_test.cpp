#include "http/server/reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lode::http {
namespace {

using progress = request_reader::progress;
using ::testing::ElementsAre;
using ::testing::Pair;

// Feeds `bytes` in pieces of `step`, the way a socket would, and returns how many bytes were taken.
std::size_t feed_in_steps(request_reader& r, std::string_view bytes, std::size_t step) {
  std::string waiting;
  std::size_t taken = 0;
  while (r.state() == progress::need_more && !bytes.empty()) {
    waiting.append(bytes.substr(0, step));
    bytes.remove_prefix(std::min(step, bytes.size()));
    const std::size_t n = r.feed(waiting);
    waiting.erase(0, n);
    taken += n;
  }
  return taken;
}

constexpr std::string_view post =
    "POST /a/?q=1+2 HTTP/1.1\r\nHost: h\r\nX-Twice: 1\r\nx-twice: 2\r\nContent-Length: 5\r\n\r\nhello";
constexpr std::string_view chunked =
    "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    "3;ext=1\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: x\r\n\r\n";

class in_steps : public ::testing::TestWithParam<std::size_t> {};

TEST_P(in_steps, a_request_is_the_same_however_it_arrives) {
  request_reader r{1024, 1024};
  EXPECT_EQ(feed_in_steps(r, post, GetParam()), post.size());
  ASSERT_EQ(r.state(), progress::complete) << r.failure_text();
  const request& m = r.message();
  EXPECT_EQ(m.method, verb::post);
  EXPECT_EQ(m.method_text, "POST");
  EXPECT_EQ(m.path, "/a");
  EXPECT_EQ(m.target, "/a/?q=1+2");
  EXPECT_EQ(m.query_value("q"), "1 2");
  EXPECT_EQ(m.body, "hello");
  EXPECT_THAT(m.headers, ElementsAre(Pair("host", "h"), Pair("x-twice", "1, 2"), Pair("content-length", "5")));
  EXPECT_EQ(m.header("x-twice"), "1, 2");
  EXPECT_EQ(m.header("absent"), std::nullopt);
  EXPECT_TRUE(r.keep_alive());
  EXPECT_FALSE(m.request_id.empty());
}

TEST_P(in_steps, chunks_are_joined_and_trailers_are_not_headers) {
  request_reader r{1024, 1024};
  EXPECT_EQ(feed_in_steps(r, chunked, GetParam()), chunked.size());
  ASSERT_EQ(r.state(), progress::complete) << r.failure_text();
  EXPECT_EQ(r.message().body, "hello");
  EXPECT_EQ(r.message().header("trailer"), std::nullopt);
}

TEST_P(in_steps, limits_hold) {
  const std::string long_line = "GET /" + std::string(2000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n";
  std::string many = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 200; ++i) many += "h" + std::to_string(i) + ": value\r\n";
  many += "\r\n";
  for (const std::string& text :
       {long_line, many, std::string(4000, 'G'), std::string{"GET / HTTP/1.1\r\nX: "} + std::string(4000, 'v')}) {
    request_reader r{1024, 1024};
    feed_in_steps(r, text, GetParam());
    ASSERT_EQ(r.state(), progress::failed) << text.substr(0, 30);
    EXPECT_TRUE(r.failure_status() == 431 || (r.failure_status() == 400 && text[1] == 'G')) << r.failure_status();
  }
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\n";
  request_reader declared{1024, 100};
  feed_in_steps(declared, head + "Content-Length: 101\r\n\r\n", GetParam());
  EXPECT_EQ(declared.failure_status(), 413U);
  request_reader in_chunks{1024, 100};
  std::string body = head + "Transfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 11; ++i) body += "a\r\n0123456789\r\n";
  feed_in_steps(in_chunks, body + "0\r\n\r\n", GetParam());
  EXPECT_EQ(in_chunks.failure_status(), 413U);
  request_reader extension{1024, 100};
  feed_in_steps(extension, head + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(5000, 'x'), GetParam());
  EXPECT_EQ(extension.state(), progress::failed);
}

INSTANTIATE_TEST_SUITE_P(steps, in_steps, ::testing::Values(1, 2, 3, 7, 64, 100000));

struct bad_case {
  const char* bytes;
  unsigned status;
};

TEST(request_reader, refuses_malformed_and_ambiguous_requests) {
  const std::vector<bad_case> cases{
      {"garbage\r\n\r\n", 400},
      {"\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
      {"GET /\r\n\r\n", 400},
      {"GET a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n", 501},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400},
  };
  for (const auto& [bytes, status] : cases) {
    request_reader r{1024, 1024};
    r.feed(bytes);
    EXPECT_EQ(r.state(), progress::failed) << bytes;
    EXPECT_EQ(r.failure_status(), status) << bytes << r.failure_text();
    EXPECT_FALSE(r.failure_text().empty());
    EXPECT_FALSE(r.keep_alive());
    EXPECT_FALSE(r.message().request_id.empty());
    EXPECT_EQ(r.feed("GET / HTTP/1.1\r\n\r\n"), 0U) << "takes nothing more";
  }
}

TEST(request_reader, keep_alive_follows_version_and_connection_header) {
  const auto kept = [](std::string_view text) {
    request_reader r{1024, 1024};
    r.feed(text);
    EXPECT_EQ(r.state(), progress::complete) << text;
    return r.keep_alive();
  };
  EXPECT_TRUE(kept("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_FALSE(kept("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  EXPECT_FALSE(kept("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(kept("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

TEST(request_reader, takes_one_request_and_leaves_the_next) {
  request_reader r{1024, 1024};
  const std::string two = "\r\n\r\n" + std::string{post} + std::string{chunked};
  EXPECT_EQ(r.feed(two), 4 + post.size());
  EXPECT_EQ(r.message().path, "/a");
  r.reset();
  EXPECT_FALSE(r.started());
  EXPECT_EQ(r.feed(chunked), chunked.size());
  EXPECT_EQ(r.message().path, "/c");
  EXPECT_TRUE(r.message().query.empty());
}

TEST(request_reader, asks_for_continue_only_while_the_body_is_missing) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n";
  request_reader r{1024, 1024};
  r.feed(head);
  EXPECT_TRUE(r.wants_continue());
  r.feed("ab");
  EXPECT_FALSE(r.wants_continue());
  request_reader old{1024, 1024};
  old.feed("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_FALSE(old.wants_continue());
  EXPECT_TRUE(old.http10());
}

}  // namespace
}  // namespace lode::http
