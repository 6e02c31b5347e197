// Who may call what: API keys, addresses, the log of what was done.

#include "crypto/crypto.hpp"
#include "crypto/key_ring.hpp"
#include "edge_fixture.hpp"
#include "http/audit_log.hpp"
#include "http/endpoint.hpp"

#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lode::http::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> list(std::initializer_list<const char*> texts) { return {texts.begin(), texts.end()}; }

class access_test : public edge_test {
 protected:
  access_test() {
    EXPECT_TRUE(crypto::init());
    for (const auto r : {role::read, role::rent, role::admin})
      keys.push_back(crypto::make_api_key(std::string{to_string(r)} + "er", r, "", 1));
    hang(keys);
  }
  edge_settings settings() override {
    auto s = edge_test::settings();
    s.keys = board;
    s.live = live;
    return s;
  }
  void hang(const std::vector<added_key>& made) {
    std::vector<api_key> held;
    for (const auto& k : made) held.push_back(k.key);
    board->hang(std::make_shared<const crypto::key_ring>(held));
  }
  static std::string bearer(const std::string& key) { return "Authorization: Bearer " + key + "\r\n"; }
  answer as(const std::string& key, const endpoint& e) {
    return call(std::string{to_string(e.method)}, std::string{e.path}, "", bearer(key));
  }

  std::shared_ptr<crypto::key_board> board = std::make_shared<crypto::key_board>();
  std::vector<added_key> keys;  // read, rent, admin
  live_settings live;
};

class unlimited_access_test : public access_test {
 protected:
  unlimited_access_test() { live.access.failures_per_minute = 0; }
};

TEST_F(unlimited_access_test, every_endpoint_wants_its_role) {
  std::size_t guarded = 0;
  for (const auto& e : endpoints()) {
    const auto method = std::string{to_string(e.method)};
    const auto path = std::string{e.path};
    SCOPED_TRACE(method + " " + path);
    const auto without = call(method, path);
    const auto wrong = call(method, path, "", bearer("lode_000000000000_x"));
    if (e.needs == role::none) {
      EXPECT_NE(without.status, 401U);
      EXPECT_NE(wrong.status, 401U);
      continue;
    }
    ++guarded;
    for (const auto& refused : {without, wrong}) {
      EXPECT_EQ(refused.status, 401U);
      EXPECT_EQ(refused.body, R"({"success":false,"message":"Unauthorized"})");
      EXPECT_EQ(refused.header("www-authenticate"), "bearer");  // heads come in lower case
    }
    for (const auto& k : keys) {
      const auto a = as(k.text, e);
      if (k.key.grants < e.needs) {
        EXPECT_EQ(a.status, 403U) << k.key.name;
        EXPECT_EQ(a.body, R"({"success":false,"message":"Forbidden: this needs the role )" +
                              std::string{to_string(e.needs)} + R"("})");
      } else {
        EXPECT_NE(a.status, 401U) << k.key.name;
        EXPECT_THAT(a.body, Not(HasSubstr("Forbidden"))) << k.key.name;
      }
    }
  }
  EXPECT_GT(guarded, 20U);
}

TEST_F(unlimited_access_test, only_the_whole_key_is_one) {
  says.allocations.reply = allocation_list{};
  const auto& good = keys[0].text;
  const auto try_with = [&](const std::string& header) {
    return call("POST", "/list/allocations_sql", "", header.empty() ? "" : "Authorization: " + header + "\r\n").status;
  };
  EXPECT_NE(try_with("Bearer " + good), 401U);
  EXPECT_NE(try_with("bearer   " + good), 401U);
  auto other = good;
  other.back() = other.back() == 'A' ? 'B' : 'A';
  const auto second = good.substr(0, 18) + keys[1].text.substr(18);
  for (const auto& bad : {std::string{}, std::string{"Bearer"}, "Basic " + good, good, "Bearer " + good + "x",
                          "Bearer " + good.substr(0, good.size() - 1), "Bearer " + other, "Bearer " + second,
                          "Bearer " + keys[0].key.hash, "Bearer " + good + ", Bearer " + good})
    EXPECT_EQ(try_with(bad), 401U) << bad;
  EXPECT_EQ(call("POST", "/list/allocations_sql?token=" + good).status, 401U) << "of /connect only";
}

TEST_F(unlimited_access_test, a_key_stops_to_hold_at_once) {
  says.allocations.reply = allocation_list{};
  EXPECT_NE(call("POST", "/list/allocations_sql", "", bearer(keys[0].text)).status, 401U);
  hang({keys[1], keys[2]});
  EXPECT_EQ(call("POST", "/list/allocations_sql", "", bearer(keys[0].text)).status, 401U);
  EXPECT_NE(call("POST", "/list/allocations_sql", "", bearer(keys[1].text)).status, 401U);
}

TEST_F(unlimited_access_test, the_caller_travels_to_the_actors) {
  says.release.reply = done{};
  EXPECT_EQ(call("POST", "/service/deallocate?hotkey=5H&uuid_key=u", "", bearer(keys[1].text)).status, 200U);
  EXPECT_EQ(says.release.seen.at(0).ctx.caller, "renter");
}

TEST_F(unlimited_access_test, the_key_of_connect_may_be_in_the_query) {
  const std::string upgrade =
      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  EXPECT_EQ(call("GET", "/connect", "", upgrade).status, 401U);
  EXPECT_EQ(call("GET", "/connect?token=" + keys[1].text + "x", "", upgrade).status, 401U);
  // Let in; the handler finds fault with the upgrade (connection: close) or has no events.
  EXPECT_NE(call("GET", "/connect?token=" + keys[1].text, "", upgrade + "Origin: http://else.example\r\n").status,
            401U);
}

TEST_F(access_test, without_keys_everybody_may_but_no_foreign_page) {
  hang({});
  says.release.reply = done{};
  const std::string path = "/service/deallocate?hotkey=5H&uuid_key=u";
  EXPECT_EQ(post(path).status, 200U);
  EXPECT_EQ(says.release.seen.at(0).ctx.caller, "");
  EXPECT_EQ(call("POST", path, "", "Origin: http://evil.example\r\n").status, 403U);
  EXPECT_EQ(call("POST", path, "", "Origin: http://h\r\n").status, 200U);
  EXPECT_EQ(call("GET", "/healthz", "", "Origin: http://evil.example\r\n").status, 200U);
  EXPECT_EQ(says.release.seen.size(), 2U);
}

class limited_access_test : public access_test {
 protected:
  limited_access_test() {
    live.access.failures_per_minute = 3;
    live.access.proxies = *address_list::parse(list({"127.0.0.0/8"}));
  }
};

TEST_F(limited_access_test, too_many_failures_of_one_address) {
  says.allocations.reply = allocation_list{};
  const auto from = [&](const std::string& address, const std::string& more = "") {
    return call("POST", "/list/allocations_sql", "", "X-Forwarded-For: " + address + "\r\n" + more);
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(from("192.0.2.1").status, 401U);
  const auto late = from("192.0.2.1", bearer("lode_x_y"));
  EXPECT_EQ(late.status, 429U);
  EXPECT_GE(std::stoi(late.header("retry-after")), 1);
  EXPECT_LE(std::stoi(late.header("retry-after")), 60);
  EXPECT_EQ(from("192.0.2.2").status, 401U) << "another address";
  EXPECT_NE(from("192.0.2.1", bearer(keys[0].text)).status, 429U) << "a key that holds is served";
  EXPECT_EQ(call("GET", "/healthz", "", "X-Forwarded-For: 192.0.2.1\r\n").status, 200U);
}

class listed_access_test : public unlimited_access_test {
 protected:
  listed_access_test() {
    live.access.allow = *address_list::parse(list({"192.0.2.0/24"}));
    live.access.proxies = *address_list::parse(list({"127.0.0.1", "10.0.0.0/8"}));
  }
};

TEST_F(listed_access_test, others_are_refused_everywhere) {
  const auto from = [&](const std::string& path, const std::string& addresses) {
    return call("GET", path, "", addresses.empty() ? "" : "X-Forwarded-For: " + addresses + "\r\n");
  };
  EXPECT_EQ(from("/healthz", "192.0.2.7").status, 200U);
  EXPECT_EQ(from("/healthz", "203.0.113.9, 192.0.2.7, 10.1.1.1").status, 200U);
  for (const auto* others : {"", "203.0.113.9", "192.0.2.7, 203.0.113.9", "192.0.2.7, nonsense", "10.0.0.1"})
    for (const auto* path : {"/healthz", "/nowhere", "/metrics"}) {
      const auto a = from(path, others);
      EXPECT_EQ(a.status, 403U) << path << " " << others;
      EXPECT_EQ(a.body, R"({"success":false,"message":"Access forbidden: IP not whitelisted"})");
    }
}

class audited_access_test : public unlimited_access_test {
 protected:
  audited_access_test() {
    path = std::filesystem::temp_directory_path() / ("lode-audit-" + std::to_string(::getpid()));
    std::filesystem::remove(path);
    live.audit = *audit_log::open(path.string());
  }
  ~audited_access_test() override { std::filesystem::remove(path); }
  std::string written() {
    std::ifstream in{path};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  std::filesystem::path path;
};

TEST_F(audited_access_test, what_changes_something_gets_a_line_without_secrets) {
  const std::string uuid = "0e4b6e0c-5c1f-4f6a-9d3c-2f1b7a8c9d0e";
  const std::string made = "77777777-5c1f-4f6a-9d3c-2f1b7a8cfeed";
  allocation rented;
  rented.hotkey = "5Rented";
  rented.uuid_key = made;
  rented.ssh_password = "pa55word";
  says.hotkey.reply = rented;
  says.spec.reply = rented;
  says.release.reply = done{};
  says.allocations.reply = allocation_list{};
  const auto id = [](const char* name) { return std::string{"x-request-id: "} + name + "\r\n"; };
  const auto good = bearer(keys[1].text);
  EXPECT_EQ(call("POST", "/service/deallocate?hotkey=5H&uuid_key=" + uuid, "", good + id("one")).status, 200U);
  EXPECT_EQ(call("POST", "/service/deallocate", R"({"hotkey":"5H","uuid_key":")" + uuid + "\"}", id("two")).status,
            401U);
  EXPECT_EQ(call("POST", "/service/allocate_spec", R"({"requirements":{},"docker_requirement":{}})", good).status,
            200U);
  EXPECT_EQ(call("POST", "/admin/keys/revoke?id=abc", "", good).status, 403U);
  const auto before = written();
  call("POST", "/list/allocations_sql", "", good);
  call("POST", "/admin/keys", "", bearer(keys[2].text));
  call("POST", "/nowhere", "", good);
  const auto text = written();
  EXPECT_EQ(text, before) << "what only reads is not written";
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
  EXPECT_THAT(text, HasSubstr(R"("request_id":"one","caller":"renter","key":")" + keys[1].key.id +
                              R"(","address":"127.0.0.1","method":"POST","endpoint":"/service/deallocate",)"
                              R"("hotkey":"5H","uuid_end":"9d0e","status":200})"));
  EXPECT_THAT(text, HasSubstr(R"("request_id":"two","caller":"","address":"127.0.0.1","method":"POST",)"
                              R"("endpoint":"/service/deallocate","hotkey":"5H","uuid_end":"9d0e","status":401})"));
  EXPECT_THAT(text,
              HasSubstr(R"("endpoint":"/service/allocate_spec","hotkey":"5Rented","uuid_end":"feed","status":200)"));
  EXPECT_THAT(text, HasSubstr(R"("endpoint":"/admin/keys/revoke","id":"abc","status":403)"));
  for (const auto& secret : {uuid, made, keys[1].text, std::string{"pa55word"}})
    EXPECT_THAT(text, Not(HasSubstr(secret)));
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(audited_access_test, a_line_that_cannot_be_written_is_counted_and_the_call_is_served) {
  says.release.reply = done{};
  const auto lost = [&] {
    const auto text = call("GET", "/metrics", "", bearer(keys[0].text)).body;
    const auto at = text.find("\nlode_audit_lost_total ");
    return at == std::string::npos ? std::string{} : text.substr(at + 23, 1);
  };
  EXPECT_EQ(lost(), "0");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto heeded = std::signal(SIGXFSZ, SIG_IGN);
  rlimit none{1, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
  const auto full = call("POST", "/service/deallocate?hotkey=5H&uuid_key=x", "", bearer(keys[1].text));
  const auto after = lost();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, heeded);
  EXPECT_EQ(full.status, 200U);
  EXPECT_EQ(after, "1");
}

TEST(audit_log_test, what_is_no_file_to_append_to_is_refused) {
  EXPECT_EQ(audit_log::open("/nonexistent/audit").error().code, errc::config_invalid);
  EXPECT_EQ(audit_log::open("/tmp").error().code, errc::config_invalid);
  EXPECT_EQ(audit_log::open("/dev/null").error().code, errc::config_invalid);
}

TEST(address_list_test, addresses_and_networks_of_both_families) {
  const auto l = *address_list::parse(
      list({"10.1.2.3/8", "192.0.2.7", "fd00::/8", "2001:db8::1", "::ffff:198.51.100.0/120", "::ffff:203.0.113.5"}));
  const auto in = [&](const char* text) { return l.contains(boost::asio::ip::make_address(text)); };
  for (const auto* yes : {"10.255.0.1", "192.0.2.7", "fd12::1", "2001:db8::1", "198.51.100.9", "203.0.113.5",
                          "::ffff:10.0.0.1", "::ffff:192.0.2.7"})
    EXPECT_TRUE(in(yes)) << yes;
  for (const auto* no : {"11.0.0.1", "192.0.2.8", "fe80::1", "2001:db8::2", "198.51.101.9", "::ffff:11.0.0.1", "::1"})
    EXPECT_FALSE(in(no)) << no;
  EXPECT_TRUE(address_list::parse(list({"0.0.0.0/0"}))->contains(boost::asio::ip::make_address("8.8.8.8")));
  EXPECT_FALSE(address_list::parse(list({"0.0.0.0/0"}))->contains(boost::asio::ip::make_address("::1")));
  for (const auto* bad : {"", "x", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "host/8"})
    EXPECT_EQ(address_list::parse(list({bad})).error().code, errc::config_invalid) << bad;
}

TEST(address_list_test, the_client_is_the_right_most_that_is_no_proxy) {
  const auto proxies = *address_list::parse(list({"10.0.0.0/8", "::1"}));
  const auto client = [&](const char* peer, const char* forwarded) {
    const auto a = client_address(boost::asio::ip::make_address(peer), std::string_view{forwarded}, proxies);
    return a ? a->to_string() : "none";
  };
  EXPECT_EQ(client("192.0.2.1", "203.0.113.1"), "192.0.2.1") << "nobody believes it";
  EXPECT_EQ(client("10.0.0.1", ""), "10.0.0.1");
  EXPECT_EQ(client("10.0.0.1", "203.0.113.1"), "203.0.113.1");
  EXPECT_EQ(client("::ffff:10.0.0.1", "203.0.113.1:4711"), "203.0.113.1");
  EXPECT_EQ(client("::1", "198.51.100.1, 203.0.113.1 , 10.9.9.9"), "203.0.113.1");
  EXPECT_EQ(client("::1", "[2001:db8::1]:443"), "2001:db8::1");
  EXPECT_EQ(client("10.0.0.1", "10.0.0.3, 10.0.0.2"), "10.0.0.3");
  EXPECT_EQ(client("10.0.0.1", "203.0.113.1, nonsense"), "none");
}

TEST(failure_limit_test, counts_by_client_and_forgets) {
  using namespace std::chrono_literals;
  failure_limit limit{2};
  const auto a = address_from("192.0.2.1");
  const auto start = failure_limit::clock::time_point{};
  EXPECT_FALSE(limit.failed(a, start));
  EXPECT_FALSE(limit.failed(a, start + 10s));
  EXPECT_EQ(limit.failed(a, start + 20s), 40s);
  EXPECT_FALSE(limit.failed(address_from("192.0.2.2"), start + 20s));
  EXPECT_FALSE(limit.failed(a, start + 60s)) << "a new minute";
  EXPECT_FALSE(limit.failed(address_from("2001:db8::1"), start + 60s));
  EXPECT_FALSE(limit.failed(address_from("2001:db8::2"), start + 60s));
  EXPECT_TRUE(limit.failed(address_from("2001:db8::3"), start + 60s)) << "one /64";
  for (std::uint32_t i = 0; i < failure_limit::most_addresses + 100; ++i)
    limit.failed(boost::asio::ip::address_v4{0x0B000000U + i}, start + 61s);
  EXPECT_LE(limit.addresses(), failure_limit::most_addresses);
  failure_limit none{0};
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(none.failed(a, start));
}

}  // namespace
}  // namespace lode::http::test
