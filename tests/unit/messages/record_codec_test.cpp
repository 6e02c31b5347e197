// Records as the store keeps them: nothing is lost, nothing secret is readable, and what is damaged is said to be so.
#include "messages/record_codec.hpp"

#include "messages/json.hpp"
#include "messages/record_fields.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace lode {
namespace {

// Reversible and without a trace of the plain text; the real sealing has its own tests.
std::string hide(std::string_view plain) {
  std::string out = "sealed:";
  for (const char c : plain) {
    const auto b = static_cast<unsigned char>(~static_cast<unsigned>(static_cast<unsigned char>(c)));
    out += "0123456789abcdef"[b >> 4U];
    out += "0123456789abcdef"[b & 15U];
  }
  return out;
}
result<std::string> reveal(std::string_view hidden) {
  if (!hidden.starts_with("sealed:")) return error{errc::key_invalid, "not sealed"};
  hidden.remove_prefix(7);
  std::string out;
  for (std::size_t i = 0; i + 1 < hidden.size(); i += 2) {
    const auto nibble = [&](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); };
    out += static_cast<char>(~((nibble(hidden[i]) << 4U) | nibble(hidden[i + 1])));
  }
  return out;
}

allocation_record full_record() {
  allocation_record r;
  r.hotkey = "5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX";
  r.uuid = "0d4a7c6e-secret-uuid";
  r.state = allocation_state::releasing;
  r.pending = pending_action::exchange_key;
  r.pending_ssh_key = "ssh-ed25519 AAAAnext";
  r.pending_key_type = "terminal";
  r.offline = true;
  r.maybe_paused = true;
  r.key = key_kind::x25519;
  r.public_key = "-----BEGIN PUBLIC KEY-----\nAAA\n-----END PUBLIC KEY-----\n";
  r.private_key = "-----BEGIN PRIVATE KEY-----\nhidden-key\n-----END PRIVATE KEY-----\n";
  r.resource = "nvidia rtx 4090";
  r.device = {2, "rtx", 24, 3, 4, 5, 6};
  r.docker = {"debian", "ssh-ed25519 AAAA", "/data", "RUN echo \"hi\"\n"};
  r.miner_timeline_days = 60;
  r.ssh_ip = "203.0.113.7";
  r.ssh_port = 65535;
  r.ssh_username = "root";
  r.ssh_password = "hidden-password";
  r.ssh_key = "ssh-ed25519 AAAA";
  r.miner_version = 183;
  r.created_at = 1;
  r.expires_at = INT64_MAX;
  r.released_at = 3;
  r.settle_until = 4;
  r.release_reason = "expired";
  r.warned_at = 5;
  r.simulated = true;
  return r;
}

TEST(allocation_record_codec, keeps_every_field) {
  const auto r = full_record();
  // Each field differs from its default, so that a line missing in the table cannot go unnoticed here.
  const allocation_record blank;
  for_each_field<allocation_record>([&](const auto& f) { EXPECT_FALSE(r.*f.member == blank.*f.member) << f.name; });
  const auto text = encode(r, hide);
  EXPECT_TRUE(text.starts_with(R"({"v":1,"hotkey":"5F3)")) << text;
  const auto back = decode_allocation(text, reveal);
  ASSERT_TRUE(back.has_value()) << back.error().to_string();
  EXPECT_EQ(*back, r);
}

TEST(allocation_record_codec, lets_no_secret_be_read) {
  const auto r = full_record();
  for (const auto& text : {encode(r, hide), allocation_event(r, "expired", 5, "why")})
    for (const auto* secret : {"secret-uuid", "hidden-key", "hidden-password"})
      EXPECT_EQ(text.find(secret), std::string::npos) << text;
}

TEST(allocation_record_codec, marks_exactly_the_secrets) {
  std::vector<std::string_view> names;
  for_each_field<allocation_record>([&](const auto& f) {
    if (f.check.secret) names.push_back(f.name);
  });
  EXPECT_EQ(names, (std::vector<std::string_view>{"uuid", "private_key", "ssh_password"}));
}

TEST(allocation_record_codec, ignores_unknown_keys_and_fills_missing_ones) {
  const auto back = decode_allocation(
      R"({"v":1,"hotkey":"5H","uuid":")" + hide("u") + R"(","state":"active","of_a_later_minor":[1,{"a":2}]})", reveal);
  ASSERT_TRUE(back.has_value()) << back.error().to_string();
  allocation_record expected;
  expected.hotkey = "5H";
  expected.uuid = "u";
  expected.state = allocation_state::active;
  EXPECT_EQ(*back, expected);
}

TEST(allocation_record_codec, tells_damage_from_a_newer_version) {
  const auto code = [](std::string_view text) {
    const auto r = decode_allocation(text, reveal);
    return r ? errc::none : r.error().code;
  };
  EXPECT_EQ(code(R"({"v":2,"hotkey":"5H"})"), errc::store_newer);
  for (const auto* text :
       {"", "{", "[]", "{}", R"({"v":0})", R"({"v":"1"})", R"({"v":1})", R"({"v":1,"uuid":"sealed:","state":"active"})",
        R"({"v":1,"hotkey":"5H","state":"active"})", R"({"v":1,"hotkey":"5H","uuid":"sealed:00"})",
        R"({"v":1,"hotkey":"5H","uuid":"sealed:00","state":"asleep"})",
        R"({"v":1,"hotkey":"5H","uuid":"sealed:00","state":"active","ssh_port":65536})",
        R"({"v":1,"hotkey":"5H","uuid":"sealed:00","state":"active","device":[]})"})
    EXPECT_EQ(code(text), errc::store_damaged) << text;
  EXPECT_EQ(code(R"({"v":1,"hotkey":"5H","uuid":"plain-secret","state":"active"})"), errc::key_invalid);
}

TEST(allocation_record_codec, errors_hold_no_content) {
  const auto r = decode_allocation(R"({"v":1,"hotkey":"5H","uuid":"plain-secret","state":"active"})", reveal);
  ASSERT_FALSE(r.has_value());
  EXPECT_EQ(r.error().to_string().find("plain-secret"), std::string::npos);
  EXPECT_NE(r.error().to_string().find("uuid"), std::string::npos);
}

TEST(allocation_record_codec, no_cut_or_flipped_byte_breaks_the_reader) {
  const auto text = encode(full_record(), hide);
  for (std::size_t n = 0; n < text.size(); ++n)
    EXPECT_FALSE(decode_allocation(std::string_view{text}.substr(0, n), reveal).has_value()) << n;
  std::mt19937 random{7};
  for (int i = 0; i < 2000; ++i) {
    auto damaged = text;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    if (const auto r = decode_allocation(damaged, reveal); !r) {
      EXPECT_TRUE(r.error().code == errc::store_damaged || r.error().code == errc::store_newer ||
                  r.error().code == errc::key_invalid);
    }
  }
}

std::string any_text(std::mt19937& random) {
  static const std::vector<std::string> pieces{"a",    "\"", "\\", "\n", "ä", "€",   "😀",
                                               "\x01", "/",  "{",  "]",  " ", "\x7f"};
  std::string out;
  for (auto n = random() % 12; n > 0; --n) out += pieces[random() % pieces.size()];
  return out;
}
void fill(std::mt19937& random, std::string& v) { v = any_text(random); }
void fill(std::mt19937& random, std::int64_t& v) { v = static_cast<std::int64_t>(random() % 30'000); }
void fill(std::mt19937& random, std::uint16_t& v) { v = static_cast<std::uint16_t>(random()); }
void fill(std::mt19937& random, bool& v) { v = random() % 2 == 0; }
void fill(std::mt19937& random, allocation_state& v) { v = static_cast<allocation_state>(random() % 4); }
void fill(std::mt19937& random, pending_action& v) { v = static_cast<pending_action>(random() % 5); }
void fill(std::mt19937& random, key_kind& v) { v = static_cast<key_kind>(random() % 2); }
// Two decimals, as the contract's numbers have: the parser is a unit in the last place off for some others.
void fill(std::mt19937& random, double& v) { v = static_cast<double>(random()) / 100; }
void fill(std::mt19937& random, std::optional<miner_specs>& v) {
  v.reset();
  if (random() % 3 == 0) return;
  auto& s = v.emplace();
  for (auto* n : {&s.cpu_count, &s.ram_total, &s.ram_available, &s.disk_total, &s.disk_free})
    *n = static_cast<std::int64_t>(random()) << (random() % 20U);
  s.cpu_count %= 1000;
  s.has_docker = random() % 2 == 0;
  if (random() % 2 == 0) return;
  s.gpu_count = 1 + static_cast<std::int64_t>(random() % 8);
  s.gpu_capacity_mib = 1 + static_cast<std::int64_t>(random());
  s.gpu_name = "x" + any_text(random);
}
template <described T>
void fill(std::mt19937& random, T& v) {
  for_each_field<T>([&](const auto& f) { fill(random, v.*f.member); });
  if constexpr (std::is_same_v<T, device_requirement>) v.timeline = std::max<std::int64_t>(v.timeline, 1);
}

TEST(round_trip, any_record_reads_back_as_it_was) {
  std::mt19937 random{20261125};
  for (int i = 0; i < 3000; ++i) {
    allocation_record r;
    fill(random, r);
    const auto text = encode(r, hide);
    const auto back = decode_allocation(text, reveal);
    ASSERT_TRUE(back.has_value()) << text << back.error().to_string();
    ASSERT_EQ(*back, r) << text;
    miner_info m;
    fill(random, m);
    const auto miner_text = encode(m);
    const auto miner = decode_miner(miner_text);
    ASSERT_TRUE(miner.has_value()) << miner_text << miner.error().to_string();
    ASSERT_EQ(*miner, m) << miner_text;
  }
}

template <class T>
void reads_back() {
  std::mt19937 random{42};
  for (int i = 0; i < 2000; ++i) {
    T v;
    fill(random, v);
    std::string text;
    write_json(text, v);
    std::vector<field_error> errors;
    const auto tree = parse_body(text, errors);
    ASSERT_TRUE(tree.has_value()) << text;
    const auto back = parse<T>(*tree, errors);
    ASSERT_TRUE(back.has_value()) << text;
    ASSERT_EQ(*back, v) << text;
  }
}
TEST(round_trip, any_value_of_the_contract_reads_back_as_it_was) {
  reads_back<device_requirement>();
  reads_back<docker_requirement>();
  reads_back<allocation>();
  reads_back<resource>();
}

TEST(webhook_codec, keeps_every_field_and_reads_what_older_versions_wrote) {
  std::mt19937 random{7};
  for (int i = 0; i < 500; ++i) {
    webhook w;
    fill(random, w);
    const auto back = decode_webhook(encode(w, hide), reveal);
    ASSERT_TRUE(back.has_value()) << back.error().to_string();
    ASSERT_EQ(*back, w);
  }
  const auto old = decode_webhook(R"({"v":1,"event":"EXPIRING","hotkey":"5H","uuid":"","at":1,"since":1})", reveal);
  ASSERT_TRUE(old.has_value()) << old.error().to_string();
  EXPECT_EQ(old->expires_at, 0);
}

TEST(webhook_body, is_exact_to_the_byte) {
  webhook w;
  w.event = "DEALLOCATION";
  w.hotkey = "5H\"";
  w.uuid = "u";
  w.at = 1'795'572'000'123;
  const std::string at = R"("2026-11-25T02:00:00.123000Z")";
  EXPECT_EQ(webhook_body(w), R"({"time":)" + at + R"(,"deallocated_at":)" + at +
                                 R"(,"hotkey":"5H\"","status":"DEALLOCATION","uuid":"u"})");
  w.event = "ONLINE";
  EXPECT_EQ(webhook_body(w),
            R"({"time":)" + at + R"(,"status_change_at":)" + at + R"(,"hotkey":"5H\"","status":"ONLINE","uuid":"u"})");
  w.event = "EXPIRING";
  w.expires_at = w.at + 86'400'000;
  EXPECT_EQ(webhook_body(w), R"({"time":)" + at + R"(,"status_change_at":)" + at +
                                 R"(,"hotkey":"5H\"","status":"EXPIRING","uuid":"u",)"
                                 R"("expires_at":"2026-11-26T02:00:00.123000Z"})");
}

TEST(allocation_event, is_exact_to_the_byte) {
  auto r = full_record();
  r.state = allocation_state::paused;
  EXPECT_EQ(allocation_event(r, "paused", 1'795'572'000'000, "asked \"so\""),
            R"({"time":"2026-11-25T02:00:00Z","hotkey":"5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX",)"
            R"("event":"paused","state":"paused","offline":true,"reason":"asked \"so\""})");
}

TEST(marks_codec, keeps_every_field_and_names_what_is_damaged) {
  marks_record r;
  for (const auto kind : {mark_kind::blacklist, mark_kind::cordon, mark_kind::drain, mark_kind::quarantine})
    r.marks.push_back({kind, "why \"so\"", 1'795'572'000'000, "alice"});
  r.drained = true;
  const auto back = decode_marks(encode(r));
  ASSERT_TRUE(back.has_value()) << back.error().to_string();
  EXPECT_EQ(*back, r);
  for (const auto* text : {"", "{}", R"({"v":1})", R"({"v":1,"marks":{}})", R"({"v":1,"marks":[{"mark":"cordon"}]})",
                           R"({"v":1,"marks":[{"mark":"kick","since":1}]})",
                           R"({"v":1,"marks":[{"mark":"cordon","since":1},{"mark":"cordon","since":2}]})"}) {
    const auto damaged = decode_marks(text);
    ASSERT_FALSE(damaged.has_value()) << text;
    EXPECT_EQ(damaged.error().code, errc::store_damaged) << text;
  }
  EXPECT_EQ(decode_marks(R"({"v":2,"marks":[]})").error().code, errc::store_newer);
}

}  // namespace
}  // namespace lode
