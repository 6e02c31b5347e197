#include "links/synapse.hpp"

#include "crypto/crypto.hpp"
#include "crypto/sha3.hpp"
#include "tests/unit/links/scripted_axon.hpp"

#include <boost/json.hpp>
#include <gmock/gmock.h>

#include <map>
#include <set>

namespace lode::links {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using test::bob;
using test::call_of;
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

constexpr const char* alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

std::map<std::string, std::string> map_of(const synapse_request& s) { return {s.headers.begin(), s.headers.end()}; }
json::object body_of(const synapse_request& s) { return json::parse(s.body).as_object(); }
std::int64_t nonce_of(const synapse_request& s) { return std::stoll(map_of(s).at("bt_header_dendrite_nonce")); }

struct synapse : testing::Test {
  synapse_encoder encoder{test::test_hotkey(), "198.51.100.7"};
  synapse_request encode(miner_action a) { return encoder.encode(call_of(a, 8091, milliseconds(60000))); }
};

TEST_F(synapse, has_exactly_the_headers_of_the_protocol) {
  const auto s = encode(miner_action::reg);
  EXPECT_EQ(s.target, "/Allocate");
  std::vector<std::string> names;
  for (const auto& [name, value] : s.headers) names.push_back(name);
  EXPECT_THAT(names,
              UnorderedElementsAre("name", "timeout", "bt_header_dendrite_ip", "bt_header_dendrite_version",
                                   "bt_header_dendrite_nonce", "bt_header_dendrite_uuid", "bt_header_dendrite_hotkey",
                                   "bt_header_dendrite_signature", "bt_header_axon_ip", "bt_header_axon_port",
                                   "bt_header_axon_hotkey", "header_size", "total_size", "computed_body_hash"));
  const auto h = map_of(s);
  EXPECT_EQ(h.at("name"), "Allocate");
  EXPECT_EQ(h.at("timeout"), "60.0");
  EXPECT_EQ(h.at("bt_header_dendrite_ip"), "198.51.100.7");
  EXPECT_EQ(h.at("bt_header_dendrite_version"), "9000000");
  EXPECT_EQ(h.at("bt_header_dendrite_hotkey"), alice);
  EXPECT_EQ(h.at("bt_header_axon_ip"), "127.0.0.1");
  EXPECT_EQ(h.at("bt_header_axon_port"), "8091");
  EXPECT_EQ(h.at("bt_header_axon_hotkey"), bob);
  EXPECT_EQ(h.at("computed_body_hash"), "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a");
  EXPECT_EQ(h.at("computed_body_hash"), crypto::sha3_256_hex(""));
}

TEST_F(synapse, signature_is_over_nonce_hotkeys_uuid_and_body_hash) {
  const auto s = encode(miner_action::check);
  const auto h = map_of(s);
  const auto text = h.at("bt_header_dendrite_signature");
  ASSERT_EQ(text.size(), 130U);
  EXPECT_EQ(text.substr(0, 2), "0x");
  const auto sig = crypto::from_hex(text).value();
  const auto message = h.at("bt_header_dendrite_nonce") + "." + alice + "." + bob + "." +
                       h.at("bt_header_dendrite_uuid") + "." + h.at("computed_body_hash");
  const auto pub = crypto::ss58_decode(alice).value();
  const std::span bytes(reinterpret_cast<const std::uint8_t*>(sig.data()), sig.size());
  EXPECT_TRUE(crypto::sr25519_verify(pub, message, bytes));
  EXPECT_FALSE(crypto::sr25519_verify(pub, message + "x", bytes));
  const auto d = body_of(s).at("dendrite").as_object();
  EXPECT_EQ(d.at("signature").as_string(), text);
  EXPECT_EQ(d.at("nonce").as_int64(), nonce_of(s));
}

TEST_F(synapse, nonce_is_the_wall_clock_and_strictly_grows) {
  std::int64_t last = 0;
  for (int i = 0; i < 100; ++i) {
    const auto n = nonce_of(encode(miner_action::check));
    EXPECT_GT(n, last);
    last = n;
  }
  const auto now =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_LT(std::abs(now - last), 2'000'000'000);
}

TEST_F(synapse, uuid_is_one_per_lane_and_encoder) {
  auto c = call_of(miner_action::check, 1);
  const auto uuid = [](const synapse_request& s) { return map_of(s).at("bt_header_dendrite_uuid"); };
  const auto api = uuid(encoder.encode(c));
  EXPECT_EQ(uuid(encoder.encode(c)), api);
  c.lane = call_lane::check;
  const auto check = uuid(encoder.encode(c));
  synapse_encoder next_process{test::test_hotkey(), "0.0.0.0"};
  EXPECT_EQ((std::set{api, check, uuid(next_process.encode(c))}).size(), 3U);
}

TEST_F(synapse, timeout_is_a_float_as_python_prints_it) {
  const auto text = [&](int ms) {
    return map_of(encoder.encode(call_of(miner_action::check, 1, milliseconds(ms)))).at("timeout");
  };
  EXPECT_EQ(text(12000), "12.0");
  EXPECT_EQ(text(250), "0.25");
  EXPECT_EQ(text(1001), "1.001");
  EXPECT_EQ(text(100000), "100.0");
}

TEST_F(synapse, body_is_the_superset_of_all_versions) {
  auto c = call_of(miner_action::reg, 8091, milliseconds(100000));
  c.public_key = "-----BEGIN PUBLIC KEY-----\n";
  c.docker.ssh_key = "ssh-ed25519 AAAA";
  c.docker.dockerfile = "apt update";
  c.device.gpu_type = "RTX 4090";
  c.device.gpu_size = 24;
  c.device.gpu_count = 2;
  c.device.ram = 4;
  c.device.hard_disk = 100;
  c.device.cpu_count = 3;
  const auto s = encoder.encode(c);
  auto b = body_of(s);
  const auto h = map_of(s);
  const auto expected = json::parse(R"({"name":"Allocate","timeout":100.0,"total_size":0,"header_size":0,
    "dendrite":{"status_code":null,"status_message":null,"process_time":null,"ip":"198.51.100.7","port":null,
      "version":9000000,"nonce":)" + h.at("bt_header_dendrite_nonce") +
                                    R"(,"uuid":")" + h.at("bt_header_dendrite_uuid") + R"(","hotkey":")" + alice +
                                    R"(","signature":")" + h.at("bt_header_dendrite_signature") + R"("},
    "axon":{"status_code":null,"status_message":null,"process_time":null,"ip":"127.0.0.1","port":8091,
      "version":null,"nonce":null,"uuid":null,"hotkey":")" +
                                    bob + R"(","signature":null},
    "computed_body_hash":"","required_hash_fields":[],"timeline":30,
    "device_requirement":{"cpu":{"count":3},"gpu":{"count":2,"capacity":24000,"type":"RTX 4090"},
      "hard_disk":{"capacity":107374182400},"ram":{"capacity":4294967296}},
    "checking":false,"output":{},"public_key":"-----BEGIN PUBLIC KEY-----\n",
    "docker_requirement":{"base_image":"ubuntu","ssh_key":"ssh-ed25519 AAAA","ssh_port":4444,"volume_path":"/tmp",
      "dockerfile":"apt update"},
    "docker_change":false,"docker_action":{"action":"","ssh_key":"","key_type":""}})");
  EXPECT_EQ(json::value(b), expected) << s.body;
}

TEST_F(synapse, each_action_sets_the_fields_that_select_it) {
  struct expectation {
    miner_action action;
    bool checking;
    bool change;
    std::string name;
    std::int64_t timeline;
  };
  const expectation all[] = {
      {miner_action::check, true, false, "", 30},         {miner_action::holds, true, false, "", 0},
      {miner_action::reg, false, false, "", 30},          {miner_action::deregister, false, false, "", 0},
      {miner_action::restart, false, true, "restart", 1}, {miner_action::pause, false, true, "pause", 1},
      {miner_action::unpause, false, true, "unpause", 1}, {miner_action::exchange_key, false, true, "exchange_key", 1}};
  for (const auto& e : all) {
    auto c = call_of(e.action, 8091);
    c.ssh_key = "ssh-rsa AAAA";
    c.key_type = "terminal";
    const auto b = body_of(encoder.encode(c));
    SCOPED_TRACE(std::string(to_string(e.action)));
    EXPECT_EQ(b.at("checking").as_bool(), e.checking);
    EXPECT_EQ(b.at("docker_change").as_bool(), e.change);
    EXPECT_EQ(b.at("docker_action").at("action").as_string(), e.name);
    EXPECT_EQ(b.at("timeline").as_int64(), e.timeline);
    EXPECT_EQ(b.at("public_key").as_string(), "PEM");
    const bool exchange = e.action == miner_action::exchange_key;
    EXPECT_EQ(b.at("docker_action").at("ssh_key").as_string(), exchange ? "ssh-rsa AAAA" : "");
    EXPECT_EQ(b.at("docker_action").at("key_type").as_string(), exchange ? "terminal" : "");
  }
}

TEST_F(synapse, a_lease_of_no_days_can_never_turn_into_another_action) {
  for (const auto a : {miner_action::check, miner_action::reg}) {
    auto c = call_of(a, 8091);
    c.timeline_days = 0;
    EXPECT_EQ(body_of(encoder.encode(c)).at("timeline").as_int64(), 1);
    c.timeline_days = -7;
    EXPECT_EQ(body_of(encoder.encode(c)).at("timeline").as_int64(), 1);
  }
}

TEST_F(synapse, gpu_is_empty_when_none_is_asked_for_and_numbers_stay_in_range) {
  auto c = call_of(miner_action::reg, 8091);
  c.device.gpu_type = "";
  EXPECT_TRUE(body_of(encoder.encode(c)).at("device_requirement").at("gpu").as_object().empty());
  c.device.gpu_type = "gpu";
  c.device.gpu_size = 0;
  EXPECT_TRUE(body_of(encoder.encode(c)).at("device_requirement").at("gpu").as_object().empty());
  c.device.gpu_size = INT64_MAX;
  c.device.ram = INT64_MAX;
  c.device.hard_disk = -1;
  const auto d = body_of(encoder.encode(c)).at("device_requirement").as_object();
  EXPECT_GT(d.at("gpu").at("capacity").as_int64(), 0);
  EXPECT_GT(d.at("ram").at("capacity").as_int64(), std::int64_t{1} << 60);
  EXPECT_EQ(d.at("hard_disk").at("capacity").as_int64(), 0);
}

TEST_F(synapse, specs_is_a_synapse_of_its_own) {
  const auto s = encode(miner_action::specs);
  EXPECT_EQ(s.target, "/Specs");
  EXPECT_EQ(map_of(s).at("name"), "Specs");
  EXPECT_EQ(body_of(s).at("name").as_string(), "Specs");
}

// -- answers --

miner_reply decode(miner_action a, const std::string& output) {
  return decode_answer(a, 200, R"({"name":"Allocate","output":)" + output + "}");
}

TEST(answer, yes_and_no) {
  auto r = decode(miner_action::check, R"({"status":true,"port":4444})");
  EXPECT_TRUE(r.ok());
  EXPECT_EQ(r.port, 4444);
  EXPECT_FALSE(r.takes_x25519);
  r = decode(miner_action::check, R"({"status":false,"port":4444,"message":"slot\ntaken"})");
  EXPECT_EQ(r.code, errc::miner_refused);
  EXPECT_TRUE(r.answered_no);
  EXPECT_EQ(r.detail, "slot taken");
  EXPECT_EQ(r.port, 4444);
  EXPECT_EQ(decode(miner_action::check, R"({"status":true,"port":"x"})").port, 0);
}

TEST(answer, a_register_needs_its_info) {
  auto r = decode(miner_action::reg, R"({"status":true,"info":"QUJD","port":4444})");
  EXPECT_TRUE(r.ok());
  EXPECT_EQ(r.info, "QUJD");
  for (const auto* output : {R"({"status":true})", R"({"status":true,"info":""})", R"({"status":true,"info":7})"}) {
    EXPECT_EQ(decode(miner_action::reg, output).code, errc::miner_nonsense) << output;
  }
  const auto huge = R"({"status":true,"info":")" + std::string(100000, 'A') + "\"}";
  EXPECT_EQ(decode(miner_action::reg, huge).code, errc::miner_nonsense);
}

TEST(answer, a_missing_or_odd_status_is_nonsense) {
  for (const auto* output : {"{}", R"({"port":4444})", R"({"status":"true"})", R"({"status":1})", R"({"status":null})",
                             "[]", "null", "\"yes\""}) {
    EXPECT_EQ(decode(miner_action::restart, output).code, errc::miner_nonsense) << output;
  }
  for (const auto* body : {"", "[]", "{", "{}", "nonsense", "null", R"({"message":"x"})",
                           "{\"output\":{\"status\":true}} x", "\xff\xfe"}) {
    EXPECT_EQ(decode_answer(miner_action::check, 200, body).code, errc::miner_nonsense) << body;
  }
  EXPECT_EQ(decode_answer(miner_action::check, 200, std::string(100000, '[')).code, errc::miner_nonsense);
}

TEST(answer, announces_x25519_in_any_output) {
  EXPECT_TRUE(decode(miner_action::check, R"({"status":false,"key_types":["rsa","x25519"]})").takes_x25519);
  EXPECT_TRUE(decode(miner_action::check, R"({"status":true,"key_types":["x25519"]})").takes_x25519);
  EXPECT_FALSE(decode(miner_action::check, R"({"status":true,"key_types":["rsa"]})").takes_x25519);
  EXPECT_FALSE(decode(miner_action::check, R"({"status":true,"key_types":"x25519"})").takes_x25519);
  EXPECT_FALSE(decode(miner_action::check, R"({"status":true,"key_types":[1,null]})").takes_x25519);
}

TEST(answer, http_status_tells_refused_from_failed) {
  const auto code = [](unsigned status) {
    return decode_answer(miner_action::reg, status,
                         R"({"message":"Forbidden. Key is blacklisted: Not enough stake!."})");
  };
  for (const unsigned status : {400U, 401U, 403U, 404U, 405U, 408U, 422U}) {
    const auto r = code(status);
    EXPECT_EQ(r.code, errc::miner_refused) << status;
    EXPECT_FALSE(r.answered_no);
    EXPECT_THAT(r.detail, HasSubstr("Not enough stake!"));
    EXPECT_THAT(r.detail, HasSubstr(std::to_string(status)));
  }
  for (const unsigned status : {500U, 502U, 503U}) EXPECT_EQ(code(status).code, errc::miner_failed) << status;
  for (const unsigned status : {101U, 201U, 204U, 302U, 600U, 999U}) {
    EXPECT_EQ(code(status).code, errc::miner_nonsense) << status;
  }
}

TEST(answer, words_of_a_miner_are_short_and_harmless) {
  const auto r = decode_answer(miner_action::reg, 403,
                               "{\"message\":\"a\\r\\n\\u001b[31m\\u00e9" + std::string(5000, 'x') + "\"}");
  EXPECT_LT(r.detail.size(), 260U);
  for (const char ch : r.detail) EXPECT_TRUE(ch >= 0x20 && ch < 0x7f);
  EXPECT_EQ(decode_answer(miner_action::reg, 403, "<html>secret</html>").detail, "HTTP 403");
}

TEST(answer, of_a_validation_error_only_place_and_message_are_kept) {
  const auto r = decode_answer(
      miner_action::reg, 422,
      R"({"detail":[{"loc":["body","timeline"],"msg":"not an int","input":{"public_key":"PRIVATE"}},7]})");
  EXPECT_EQ(r.detail, "HTTP 422: body timeline not an int");
  EXPECT_THAT(r.detail, Not(HasSubstr("PRIVATE")));
}

TEST(answer, specs) {
  const auto r = decode(miner_action::specs, R"({"cpu":{"count":4},"has_docker":true,"key_types":["x25519"]})");
  ASSERT_TRUE(r.ok());
  EXPECT_TRUE(r.takes_x25519);
  EXPECT_EQ(json::parse(r.specs_json).at("cpu").at("count").as_int64(), 4);
  EXPECT_EQ(decode(miner_action::specs, "{}").code, errc::miner_nonsense);
  EXPECT_EQ(decode(miner_action::specs, R"({"status":false})").code, errc::miner_refused);
  EXPECT_EQ(decode_answer(miner_action::specs, 404, R"({"message":"Synapse name 'Specs' not found."})").code,
            errc::miner_refused);
}

}  // namespace
}  // namespace lode::links
