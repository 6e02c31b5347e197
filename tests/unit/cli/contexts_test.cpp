#include "cli/contexts.hpp"

#include <gtest/gtest.h>

namespace lode::cli {
namespace {

using variables = std::map<std::string, std::string, std::less<>>;

context_file two() {
  context_file f;
  f.current = "lab";
  f.contexts.resize(2);
  f.contexts[0].name = "lab";
  f.contexts[0].server = "http://127.0.0.1:8903";
  f.contexts[0].key = "lode_lab";
  f.contexts[1].name = "prod";
  f.contexts[1].server = "https://lode.example.com";
  f.contexts[1].key_command = "echo lode_prod";
  f.contexts[1].ca = "/ca.pem";
  return f;
}

std::string server_of(const server_flags& flags, const variables& env, const context_file& f) {
  const auto d = resolve_destination(flags, environment{env}, f);
  return d ? d->to.url.text() + " " + d->to.api_key + " " + d->context : "error: " + d.error().what;
}

TEST(contexts, are_read_as_they_were_written) {
  auto f = two();
  f.contexts[1].insecure = true;
  f.contexts[0].cert = "with \"quotes\" and \\";
  const auto back = parse_contexts(text_of(f), "f");
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(*back, f);
}

TEST(contexts, what_is_wrong_is_named_with_its_line) {
  const auto wrong = [](const std::string& text) {
    const auto f = parse_contexts(text, "c.toml");
    return f ? std::string{"fine"} : f.error().what;
  };
  EXPECT_EQ(wrong("curent = \"a\""), "c.toml:1: unknown setting curent");
  EXPECT_EQ(wrong("[contexts.a]\nserver = \"http://a\"\nkeyfile = \"x\""),
            "c.toml:3: unknown setting keyfile of a context");
  EXPECT_EQ(wrong("[contexts.a]\nserver = 1"), "c.toml:2: server: expected a quoted text");
  EXPECT_TRUE(wrong("[contexts.a]\n").starts_with("c.toml:1: a context needs")) << wrong("[contexts.a]\n");
  EXPECT_TRUE(wrong("[contexts.a").starts_with("c.toml:1: not TOML"));
  EXPECT_NE(wrong("[contexts.\"../x\"]\nserver=\"http://a\""), "fine");
}

TEST(contexts, the_nearest_word_about_the_server_wins) {
  const auto f = two();
  EXPECT_EQ(server_of({}, {}, {}), "http://127.0.0.1:8903  ");
  EXPECT_EQ(server_of({}, {}, f), "http://127.0.0.1:8903 lode_lab lab");
  EXPECT_EQ(server_of({}, {{"LODE_CONTEXT", "prod"}}, f), "https://lode.example.com lode_prod prod");
  EXPECT_EQ(server_of({}, {{"LODE_SERVER", "http://127.0.0.1:1"}}, f), "http://127.0.0.1:1  ");
  server_flags by_context;
  by_context.context = "prod";
  EXPECT_EQ(server_of(by_context, {{"LODE_SERVER", "http://127.0.0.1:1"}, {"LODE_KEY", "k"}}, f),
            "https://lode.example.com lode_prod prod");
  server_flags by_server;
  by_server.server = "http://127.0.0.1:2";
  EXPECT_EQ(server_of(by_server, {{"LODE_SERVER", "http://127.0.0.1:1"}}, f), "http://127.0.0.1:2  ");
  EXPECT_EQ(server_of({}, {{"LODE_KEY", "k"}}, f), "http://127.0.0.1:8903 k lab");
  by_context.context = "none";
  EXPECT_EQ(server_of(by_context, {}, f), "error: there is no context none");
}

TEST(contexts, a_key_of_a_context_goes_to_its_own_server_only) {
  const auto f = two();
  server_flags other;
  other.server = "https://elsewhere.example.com";
  other.context = "prod";
  EXPECT_EQ(server_of(other, {}, f), "https://elsewhere.example.com  ");
  other.server = "https://lode.example.com:443/";
  EXPECT_EQ(server_of(other, {}, f), "https://lode.example.com lode_prod prod");
}

TEST(contexts, a_key_does_not_cross_the_network_in_the_clear) {
  server_flags flags;
  flags.server = "http://10.0.0.1:8903";
  EXPECT_TRUE(server_of(flags, {{"LODE_KEY", "k"}}, {}).starts_with("error: an API key must not"));
  EXPECT_EQ(server_of(flags, {}, {}), "http://10.0.0.1:8903  ");
  flags.insecure = true;
  EXPECT_EQ(server_of(flags, {{"LODE_KEY", "k"}}, {}), "http://10.0.0.1:8903 k ");
  EXPECT_TRUE(server_of(flags, {{"LODE_KEY", "k\r\nx: y"}}, {}).starts_with("error: the API key holds"));
}

TEST(url, is_taken_apart_and_put_together) {
  const auto text = [](const char* t) {
    const auto u = parse_server_url(t);
    return u ? u->text() : "wrong";
  };
  EXPECT_EQ(text("HTTP://Host:80/"), "http://host");
  EXPECT_EQ(text("https://h:8443/api//"), "https://h:8443/api");
  EXPECT_EQ(text("http://[::1]:8903"), "http://[::1]:8903");
  EXPECT_EQ(text("127.0.0.1:8903"), "http://127.0.0.1:8903");
  EXPECT_EQ(text("lode.example.com"), "https://lode.example.com");
  for (const auto* bad : {"", "ftp://x", "http://", "http://a:0", "http://a:70000", "http://a:x", "http://[::1",
                          "http://a b", "http://a/?q", "http://a\r\n", "http://::1:80"})
    EXPECT_EQ(text(bad), "wrong") << bad;
}

TEST(url, a_query_is_escaped) {
  EXPECT_EQ(target_of("/x", {{"a b", "c&d=e/ü"}, {"k", ""}}), "/x?a%20b=c%26d%3De%2F%C3%BC&k=");
  EXPECT_EQ(target_of("/x", {}), "/x");
}

}  // namespace
}  // namespace lode::cli
