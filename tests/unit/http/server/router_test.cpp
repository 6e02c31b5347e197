#include "http/server/router.hpp"

#include "loopback.hpp"

#include <gtest/gtest.h>

namespace lode::http {
namespace {

// Runs a handler to its end; the routes here never wait.
response run(const handler& h, verb method, std::string path) {
  boost::asio::io_context io;
  request req;
  req.method = method;
  req.path = std::move(path);
  response out;
  test::run_to_end(io, h, req, out);
  return out;
}

handler routes() {
  auto r = std::make_shared<router>(test::plain_error);
  const auto named = [](const char* name) { return test::answering([name](request&) { return response{200, name}; }); };
  r->add(verb::get, "/", named("root"));
  r->add(verb::get, "/a", named("get"));
  r->add(verb::post, "/a", named("replaced"));
  r->add(verb::post, "/a", named("post"));
  r->add(verb::get, "/b", named("get b"));
  r->add(verb::head, "/b", named("head b"));
  return router::as_handler(r);
}

TEST(router, finds_by_method_and_path) {
  const handler h = routes();
  EXPECT_EQ(run(h, verb::get, "/").body, "root");
  EXPECT_EQ(run(h, verb::get, "/a").body, "get");
  EXPECT_EQ(run(h, verb::post, "/a").body, "post");
  EXPECT_EQ(run(h, verb::head, "/a").body, "get");
  EXPECT_EQ(run(h, verb::head, "/b").body, "head b");
}

TEST(router, answers_404_and_405_in_the_applications_words) {
  const handler h = routes();
  const response missing = run(h, verb::get, "/A");
  EXPECT_EQ(missing.status, 404U);
  EXPECT_EQ(missing.body, R"({"status":404,"message":"Not Found"})");
  const response wrong = run(h, verb::del, "/a");
  EXPECT_EQ(wrong.status, 405U);
  EXPECT_EQ(wrong.body, R"({"status":405,"message":"Method Not Allowed"})");
  ASSERT_EQ(wrong.headers.size(), 1U);
  EXPECT_EQ(wrong.headers[0].first, "allow");
  EXPECT_EQ(wrong.headers[0].second, "GET, HEAD, POST");
  EXPECT_EQ(run(h, verb::other, "/b").headers[0].second, "GET, HEAD");
}

TEST(router, falls_back_where_one_is_set) {
  auto r = std::make_shared<router>(test::plain_error);
  r->set_fallback(test::answering([](request& q) { return response{501, q.path}; }));
  EXPECT_EQ(run(router::as_handler(r), verb::get, "/x").status, 501U);
}

}  // namespace
}  // namespace lode::http
