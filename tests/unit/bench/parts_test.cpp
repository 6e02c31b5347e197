// The generator's parts on their own: times in buckets, heads of replies, who holds what, bodies and addresses.

#include "bench/load/connection.hpp"
#include "bench/load/histogram.hpp"
#include "bench/load/rest.hpp"
#include "bench/load/scenario.hpp"
#include "bench/load/target.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace lode::bench {
namespace {

using std::chrono::nanoseconds;
using testing::HasSubstr;

TEST(histogram, is_empty_at_first) {
  const histogram h;
  EXPECT_EQ(h.count(), 0U);
  EXPECT_EQ(h.percentile(0.99), nanoseconds{0});
}

TEST(histogram, is_exact_for_short_times_and_at_the_ends) {
  histogram h;
  for (int ns = 1; ns <= 100; ++ns) h.add(nanoseconds{ns});
  EXPECT_EQ(h.percentile(0), nanoseconds{1});
  EXPECT_EQ(h.percentile(0.5), nanoseconds{50});
  EXPECT_EQ(h.percentile(0.99), nanoseconds{99});
  EXPECT_EQ(h.percentile(1), nanoseconds{100});
  h.add(nanoseconds{-5});
  EXPECT_EQ(h.percentile(0), nanoseconds{0});
  h.add(nanoseconds::max());
  EXPECT_EQ(h.percentile(1), nanoseconds::max());
  EXPECT_EQ(h.max(), nanoseconds::max());
}

TEST(histogram, errs_by_less_than_two_percent_upwards) {
  std::mt19937_64 dice{7};
  std::lognormal_distribution<double> times{std::log(2e6), 2};
  histogram h;
  std::vector<nanoseconds> all;
  for (int i = 0; i < 20'000; ++i) {
    all.emplace_back(static_cast<nanoseconds::rep>(times(dice)));
    h.add(all.back());
  }
  std::ranges::sort(all);
  for (const double p : {0.01, 0.5, 0.95, 0.99, 0.999}) {
    const auto wanted = static_cast<double>(all[static_cast<std::size_t>(std::ceil(p * 20'000)) - 1].count());
    const auto got = static_cast<double>(h.percentile(p).count());
    EXPECT_GE(got, wanted) << p;
    EXPECT_LE(got, wanted * 1.017 + 1) << p;
  }
}

TEST(histogram, merges) {
  histogram a;
  histogram b;
  a.add(nanoseconds{10});
  b.add(nanoseconds{20});
  b.add(nanoseconds{3'000'000});
  a.merge(b);
  EXPECT_EQ(a.count(), 3U);
  EXPECT_EQ(a.percentile(0.5), nanoseconds{20});
  EXPECT_EQ(a.max(), nanoseconds{3'000'000});
}

TEST(histogram, comes_back_from_its_buckets) {
  histogram a;
  for (int i = 0; i < 1000; ++i) a.add(nanoseconds{i * i * 1001});
  histogram b;
  b.merge(a.filled(), a.max());
  EXPECT_EQ(b.count(), a.count());
  EXPECT_EQ(b.max(), a.max());
  for (const double p : {0.0, 0.3, 0.5, 0.99, 1.0}) EXPECT_EQ(b.percentile(p), a.percentile(p)) << p;
}

TEST(reply_head, is_read_once_it_is_whole) {
  const std::string text = "HTTP/1.1 200 OK\r\nServer: x\r\nContent-LENGTH:  12 \r\nconnection: keep-alive\r\n\r\nrest";
  for (std::size_t n = 0; n < text.size() - 4; ++n) {
    const auto part = parse_reply_head(std::string_view{text}.substr(0, n));
    ASSERT_TRUE(part) << n;
    EXPECT_FALSE(part->has_value()) << n;
  }
  const auto head = parse_reply_head(text);
  ASSERT_TRUE(head && *head);
  EXPECT_EQ((*head)->status, 200U);
  EXPECT_EQ((*head)->head_bytes, text.size() - 4);
  EXPECT_EQ((*head)->body_bytes, 12U);
  EXPECT_TRUE((*head)->keep_alive);
  const auto last = parse_reply_head("HTTP/1.1 503 Busy\r\nConnection: Close\r\ncontent-length: 0\r\n\r\n");
  ASSERT_TRUE(last && *last);
  EXPECT_FALSE((*last)->keep_alive);
  for (const std::string unsized : {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"})
    EXPECT_FALSE((*parse_reply_head(unsized))->sized) << unsized;
}

TEST(reply_head, refuses_what_it_cannot_read) {
  for (const std::string text :
       {"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "hello\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n", "HTTP/1.1 200 OK\r\nx\r\n\r\n",
        "HTTP/1.1 100 Continue\r\ncontent-length: 0\r\n\r\n"}) {
    const auto head = parse_reply_head(text);
    ASSERT_FALSE(head) << text;
    EXPECT_EQ(head.error(), exchange_error::nonsense);
  }
  EXPECT_FALSE(parse_reply_head(std::string(100'000, 'x')));
}

std::string allocation(std::string_view success, std::string_view hotkey, std::string_view uuid,
                       std::string_view port) {
  std::string s = R"({"success":)";
  s.append(success).append(R"(,"message":"m","data":{"hotkey":")").append(hotkey).append(R"(","uuid_key":")");
  return s.append(uuid).append(R"(","ssh_ip":"203.0.113.1","ssh_port":)").append(port).append("}}");
}

constexpr std::string_view hotkey = "5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX";
constexpr std::string_view uuid = "6d1e2f0a-3b4c-4d5e-8f60-718293a4b5c6";

TEST(rest, reads_an_allocation) {
  const auto read = read_allocation(allocation("true", hotkey, uuid, "4444"));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->hotkey, hotkey);
  EXPECT_EQ(read->uuid, uuid);
}

TEST(rest, names_what_is_wrong_with_an_allocation) {
  const auto wrong = [](const std::string& body) {
    const auto read = read_allocation(body);
    return read ? std::string{"accepted"} : read.error().detail;
  };
  EXPECT_THAT(wrong("<html>"), HasSubstr("JSON"));
  EXPECT_THAT(wrong("[]"), HasSubstr("JSON object"));
  EXPECT_THAT(wrong(R"({"success":true})"), HasSubstr("data"));
  EXPECT_THAT(wrong(allocation("false", hotkey, uuid, "1")), HasSubstr("success"));
  EXPECT_THAT(wrong(allocation("1", hotkey, uuid, "1")), HasSubstr("success"));
  EXPECT_THAT(wrong(allocation("true", "5F3sa2", uuid, "1")), HasSubstr("hotkey"));
  EXPECT_THAT(wrong(allocation("true", hotkey, "6d1e2f0a", "1")), HasSubstr("uuid_key"));
  EXPECT_THAT(wrong(allocation("true", hotkey, uuid, "0")), HasSubstr("ssh_port"));
  EXPECT_THAT(wrong(allocation("true", hotkey, uuid, "\"22\"")), HasSubstr("ssh_port"));
  EXPECT_EQ(read_success(R"({"success":true,"message":""})"), "");
  EXPECT_NE(read_success(R"({"success":false,"message":""})"), "");
  EXPECT_NE(read_success(""), "");
}

TEST(rest, takes_urls_apart) {
  const auto plain = parse_base_url("http://127.0.0.1:8903");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->host, "127.0.0.1");
  EXPECT_EQ(plain->port, "8903");
  EXPECT_EQ(plain->authority, "127.0.0.1:8903");
  const auto short_form = parse_base_url("http://localhost/");
  ASSERT_TRUE(short_form);
  EXPECT_EQ(short_form->port, "80");
  EXPECT_EQ(short_form->authority, "localhost");
  const auto six = parse_base_url("http://[::1]:81");
  ASSERT_TRUE(six);
  EXPECT_EQ(six->host, "::1");
  EXPECT_EQ(six->port, "81");
  const auto secure = parse_base_url("https://x");
  ASSERT_TRUE(secure);
  EXPECT_TRUE(secure->tls);
  EXPECT_EQ(secure->port, "443");
  for (const std::string_view bad :
       {"", "127.0.0.1:80", "ftp://x", "http://", "http://x:0", "http://x:70000", "http://x:80/path", "http://x/y",
        "http://[::1", "http://[::1]x", "http://u@x", "http://x:"})
    EXPECT_FALSE(parse_base_url(bad)) << bad;
}

TEST(scenario, every_built_in_one_can_be_read) {
  for (const auto& [name, text] : built_in_scenarios()) {
    const auto s = parse_scenario(text, std::string{name} + ".toml");
    ASSERT_TRUE(s) << s.error().detail;
    EXPECT_EQ(s->name, name);
    EXPECT_FALSE(s->summary.empty()) << name;
  }
  EXPECT_THAT(find_scenario("nothing").error().detail, AllOf(HasSubstr("nothing"), HasSubstr("pairs")));
  EXPECT_THAT(find_scenario("/nowhere/x.toml").error().detail, HasSubstr("cannot be read"));
}

TEST(scenario, is_read_with_all_it_may_have) {
  const auto s = parse_scenario(R"(
summary = "all"
seed = 7
allow = ["503", "unsent"]
check-listing = false
[load]
mode = "open"
arrivals = "constant"
warmup = 2.5
connections = 100
connect = "at-start"
deadline = 1.5
drain = 0.5
backlog = 10
[[phase]]
kind = "ramp"
from = 1
to = 10
seconds = 5
[[phase]]
kind = "spike"
base = 1
peak = 100
seconds = 9
peak-seconds = 2
[[phase]]
kind = "pause"
seconds = 1
[[mix]]
op = "pairs"
weight = 3
hold = [0.5, 2]
requirements = { gpu_type = "4090", ram = 8 }
[[mix]]
op = "list"
name = "page"
path = "/list/resources_sql"
page-size = 50
pages = 4
filter = { gpu_name = "a100" }
[target]
url = "https://[::1]:1"
ca = "a"
[server]
miners.simulated = 64
miners.simulated-failure-rate = 0.5
)",
                                "dir/all.toml");
  ASSERT_TRUE(s) << s.error().detail;
  EXPECT_EQ(s->name, "all");
  EXPECT_EQ(s->mode, loop::open);
  EXPECT_EQ(s->process, arrival_process::constant);
  EXPECT_TRUE(s->open_at_start);
  EXPECT_EQ(s->deadline, std::chrono::milliseconds{1500});
  ASSERT_EQ(s->phases.size(), 3U);
  EXPECT_EQ(s->phases[1].peak_seconds, 2);
  ASSERT_EQ(s->mix.size(), 2U);
  EXPECT_EQ(s->mix[0].hold.most, 2);
  EXPECT_THAT(s->mix[0].requirements, HasSubstr("4090"));
  EXPECT_THAT(s->mix[1].filter, HasSubstr("a100"));
  EXPECT_EQ(s->server[0], (std::pair<std::string, std::string>{"miners.simulated", "64"}));
  EXPECT_EQ(s->server[1].second, "0.5");
  EXPECT_FALSE(is_error(*s, "503"));
  EXPECT_TRUE(is_error(*s, "404"));
  EXPECT_FALSE(s->check_listing);
  const request_kinds kinds{*s};
  EXPECT_EQ(kinds.names, (std::vector<std::string>{"allocate", "deallocate", "page"}));
}

TEST(scenario, mistakes_are_named_with_their_line_and_what_was_expected) {
  const auto wrong = [](const std::string& text) {
    const auto s = parse_scenario(text, "x.toml");
    return s ? std::string{"accepted"} : s.error().detail;
  };
  const std::string phase = "[[phase]]\nkind = \"constant\"\nworkers = 1\nseconds = 1\n";
  const std::string mix = "[[mix]]\nop = \"pairs\"\n";
  EXPECT_EQ(wrong(phase + mix), "accepted");
  EXPECT_THAT(wrong(mix), HasSubstr("expected at least one [[phase]]"));
  EXPECT_THAT(wrong(phase), HasSubstr("expected at least one [[mix]]"));
  EXPECT_THAT(wrong("sead = 1\n" + phase + mix), HasSubstr("x.toml:1: unknown key sead: expected one of "));
  EXPECT_THAT(wrong(phase + mix + "wait = 1\n"), HasSubstr("x.toml:7: unknown key mix.wait"));
  EXPECT_THAT(wrong(phase + "[[mix]]\nop = \"rent\"\n"), HasSubstr("x.toml:6: mix.op: expected one of \"pairs\""));
  EXPECT_THAT(wrong(phase + mix + "weight = 0\n"), HasSubstr("x.toml:7: mix.weight: expected a number above 0"));
  EXPECT_THAT(wrong(phase + mix + "hold = \"1s\"\n"), HasSubstr("mix.hold: expected seconds"));
  EXPECT_THAT(wrong(phase + mix + "hold = [2, 1]\n"), HasSubstr("mix.hold: expected seconds"));
  EXPECT_THAT(wrong("[[phase]]\nkind = \"constant\"\nseconds = 1\n" + mix), HasSubstr("phase.workers is missing"));
  EXPECT_THAT(wrong("[load]\nmode = \"open\"\n" + phase + mix),
              AllOf(HasSubstr("unknown key phase.workers"), HasSubstr("phase.rate is missing")));
  EXPECT_THAT(wrong("[load]\nconnections = 1.5\n" + phase + mix),
              HasSubstr("x.toml:2: load.connections: expected a whole number of at least 1"));
  EXPECT_THAT(wrong("load = 3\n" + phase + mix), HasSubstr("load: expected a table"));
  EXPECT_THAT(wrong("[load\n"), HasSubstr("x.toml:1: not TOML"));
  EXPECT_THAT(wrong("b = 1\na = 1\n" + phase + mix),
              HasSubstr("x.toml:1: unknown key b: expected one of allow, check-listing, load, mix, phase, seed, "
                        "server, summary, target\nx.toml:2: "));
}

}  // namespace
}  // namespace lode::bench
