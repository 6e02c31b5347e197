#include "links/webhook_url.hpp"

#include <gtest/gtest.h>

namespace lode::links {
namespace {

TEST(webhook_url_test, takes_a_url_apart) {
  const auto u = parse_webhook_url("https://User:p%40ss@Hooks.Example.org:8443/a%20b?token=1&x=%2F").value();
  EXPECT_TRUE(u.tls);
  EXPECT_EQ(u.host, "hooks.example.org");
  EXPECT_EQ(u.port, 8443);
  EXPECT_EQ(u.host_field, "Hooks.Example.org:8443");
  EXPECT_EQ(u.target, "/a%20b?token=1&x=%2F");
  EXPECT_EQ(u.authorization, "Basic VXNlcjpwQHNz");  // User:p@ss
}

TEST(webhook_url_test, has_the_defaults_of_its_scheme) {
  const auto plain = parse_webhook_url("http://example.org").value();
  EXPECT_FALSE(plain.tls);
  EXPECT_EQ(plain.port, 80);
  EXPECT_EQ(plain.target, "/");
  EXPECT_EQ(plain.host_field, "example.org");
  EXPECT_TRUE(plain.authorization.empty());
  EXPECT_EQ(parse_webhook_url("HTTPS://example.org?a=b").value().port, 443);
  EXPECT_EQ(parse_webhook_url("https://example.org?a=b").value().target, "/?a=b");
  EXPECT_EQ(parse_webhook_url("http://example.org/x#y").value().target, "/x");
}

TEST(webhook_url_test, knows_literal_addresses) {
  const auto six = parse_webhook_url("http://[::1]:81/").value();
  EXPECT_EQ(six.host, "::1");
  EXPECT_EQ(six.host_field, "[::1]:81");
  EXPECT_EQ(parse_webhook_url("http://127.0.0.1/").value().host, "127.0.0.1");
}

TEST(webhook_url_test, refuses_what_is_none_and_never_repeats_it) {
  for (const std::string secret :
       {"", "x", "ftp://secret/", "http:///secret", "http://h:99999/secret", "http://h:0/secret", "http://a b/secret",
        "https://h/secret\r\nx: y", "//secret/x"}) {
    const auto u = parse_webhook_url(secret);
    ASSERT_FALSE(u.has_value()) << secret;
    EXPECT_EQ(u.error().code, errc::config_invalid);
    EXPECT_EQ(u.error().detail.find("secret"), std::string::npos);
  }
}

TEST(webhook_url_test, tells_whether_two_reach_one_server) {
  const auto u = [](const char* text) { return parse_webhook_url(text).value(); };
  EXPECT_TRUE(u("https://h/a").same_server(u("https://H:443/b")));
  EXPECT_FALSE(u("https://h/a").same_server(u("https://h:444/a")));
  EXPECT_FALSE(u("https://h:80/a").same_server(u("http://h:80/a")));
  EXPECT_FALSE(u("http://h/a").same_server(u("http://i/a")));
}

}  // namespace
}  // namespace lode::links
