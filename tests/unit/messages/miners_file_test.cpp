// The miners file and the specs in it: an operator's mistake is named with its place, a miner's nonsense hurts nobody
// else.
#include "messages/json.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace lode {
namespace {

const std::string alice = "5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX";
const std::string bob = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
constexpr std::string_view good_specs =
    R"({"cpu":{"count":16,"frequency":3.5},"gpu":{"count":2,"capacity":49128.5,"details":[{"name":"RTX 4090","capacity":1},)"
    R"({"name":"RTX 3060"}]},"ram":{"total":64,"available":32,"used":1},"hard_disk":{"total":100,"free":50},"has_docker":true})";

std::string miner(std::string_view hotkey, std::string_view rest = R"("ip":"127.0.0.1","port":8091)") {
  return R"({"hotkey":")" + std::string{hotkey} + "\"," + std::string{rest} + "}";
}
std::string file(const std::vector<std::string>& miners) {
  std::string out = R"({"miners":[)";
  for (const auto& m : miners) out += (out.back() == '[' ? "" : ",") + m;
  return out + "]}";
}
std::string problem(const std::string& text) {
  const auto r = parse_miners_file(text);
  if (r) return "no error";
  EXPECT_EQ(r.error().code, errc::config_invalid);
  return r.error().detail;
}

TEST(miners_file, reads_what_it_is_given) {
  const auto r = parse_miners_file(
      file({miner(alice, R"("ip":"2001:db8::1","port":65535,"version":183,"specs":)" + std::string{good_specs}),
            miner(bob)}));
  ASSERT_TRUE(r.has_value()) << r.error().to_string();
  ASSERT_EQ(r->size(), 2U);
  EXPECT_EQ((*r)[0], (miner_info{alice, "2001:db8::1", 65535, 183,
                                 miner_specs{16, 2, 49128, "RTX 4090", 64, 32, 100, 50, true}, false}));
  EXPECT_EQ((*r)[1], (miner_info{bob, "127.0.0.1", 8091, 0, std::nullopt, false}));
  EXPECT_TRUE(parse_miners_file(R"({"miners":[]})").has_value());
}

TEST(miners_file, names_the_place_of_each_mistake) {
  EXPECT_NE(problem("{").find("not JSON at byte 1"), std::string::npos);
  EXPECT_NE(problem("[]").find("miners"), std::string::npos);
  EXPECT_NE(problem(R"({"miners":{}})").find("miners"), std::string::npos);
  EXPECT_EQ(problem(file({miner(alice), "7"})),
            "miners[1]: Input should be a valid dictionary or object to extract fields from");
  EXPECT_EQ(problem(file({miner(alice), miner(bob, R"("ip":"127.0.0.1")")})), "miners[1].port: Field required");
  EXPECT_EQ(problem(file({miner(alice, R"("ip":"127.0.0.1","port":0)")})),
            "miners[0].port: Input should be greater than or equal to 1");
  EXPECT_EQ(problem(file({miner(alice, R"("ip":"127.0.0.1","port":65536)")})),
            "miners[0].port: Input should be less than or equal to 65535");
  for (const auto* ip : {"localhost", "", "127.0.0.1:80", "1.2.3", "127.0.0.1\\u0000", "::1%lo", "256.1.1.1"})
    EXPECT_EQ(problem(file({miner(alice, R"("port":1,"ip":")" + std::string{ip} + "\"")})),
              "miners[0].ip: expected a literal IPv4 or IPv6 address")
        << ip;
  for (const auto& hotkey :
       {std::string{}, alice.substr(1), alice + "a", "6" + alice.substr(1), "5" + std::string(47, '0')})
    EXPECT_TRUE(problem(file({miner(hotkey)})).starts_with("miners[0].hotkey: expected an SS58 address")) << hotkey;
  EXPECT_EQ(problem(file({miner(alice), miner(bob), miner(alice)})), "miners[2].hotkey: is that of miners[0] too");
}

TEST(miners_file, names_all_mistakes_but_not_without_end) {
  const auto two = problem(file({miner(alice, R"("ip":"x","port":"y")")}));
  EXPECT_NE(two.find("miners[0].ip: "), std::string::npos) << two;
  EXPECT_NE(two.find("miners[0].port: "), std::string::npos) << two;
  const auto many = problem(file(std::vector<std::string>(10'000, "1")));
  EXPECT_LT(many.size(), 3000U);
  EXPECT_NE(many.find("and 9980 more"), std::string::npos);
}

TEST(miners_file, may_not_declare_a_miner_simulated) {
  const auto r = parse_miners_file(file({miner(alice, R"("ip":"127.0.0.1","port":1,"simulated":true)")}));
  ASSERT_TRUE(r.has_value());
  EXPECT_FALSE(r->front().simulated);
}

const std::vector<std::string> broken_specs{
    "null",
    "\"\"",
    "[]",
    "{}",
    "7",
    R"({"cpu":{},"gpu":{"count":0},"ram":{"total":1,"available":1},"hard_disk":{"total":1,"free":1}})",
    R"({"cpu":{"count":-1},"gpu":{"count":0},"ram":{"total":1,"available":1},"hard_disk":{"total":1,"free":1}})",
    R"({"cpu":{"count":1},"gpu":[],"ram":{"total":1,"available":1},"hard_disk":{"total":1,"free":1}})",
    R"({"cpu":{"count":1},"gpu":{"count":1},"ram":{"total":1,"available":1},"hard_disk":{"total":1,"free":1}})",
    R"({"cpu":{"count":1},"gpu":{"count":1,"capacity":5,"details":[]},"ram":{"total":1,"available":1},"hard_disk":{"total":1,"free":1}})",
    R"({"cpu":{"count":1},"gpu":{"count":1,"capacity":5,"details":[{}]},"ram":{"total":1,"available":1},"hard_disk":{"total":1,"free":1}})",
    R"({"cpu":{"count":1},"gpu":{"count":1,"capacity":1e300,"details":[{"name":"x"}]},"ram":{"total":1,"available":1},"hard_disk":{"total":1,"free":1}})",
    R"({"cpu":{"count":1},"gpu":{"count":0},"ram":{"total":1},"hard_disk":{"total":1,"free":1}})",
    R"({"cpu":{"count":1},"gpu":{"count":0},"ram":{"total":1,"available":1},"hard_disk":{"total":1,"free":"all"}})",
    R"({"cpu":{"count":1},"gpu":{"count":0},"ram":{"total":1,"available":1},"hard_disk":{"total":1,"free":1},"has_docker":7})",
};

TEST(specs, malformed_ones_are_unknown_and_never_touch_another_miner) {
  for (const auto& specs : broken_specs) {
    EXPECT_FALSE(parse_specs_text(specs).has_value()) << specs;
    const auto r =
        parse_miners_file(file({miner(alice, R"("ip":"127.0.0.1","port":1,"specs":)" + specs),
                                miner(bob, R"("ip":"127.0.0.1","port":1,"specs":)" + std::string{good_specs})}));
    ASSERT_TRUE(r.has_value()) << specs << r.error().to_string();
    EXPECT_FALSE((*r)[0].specs.has_value()) << specs;
    ASSERT_TRUE((*r)[1].specs.has_value()) << specs;
    EXPECT_EQ((*r)[1].specs->gpu_name, "RTX 4090");
  }
  EXPECT_FALSE(parse_specs_text("{").has_value());
}

TEST(specs, a_machine_without_gpu_is_complete) {
  const auto s = parse_specs_text(
      R"({"cpu":{"count":2},"gpu":{"count":0,"capacity":0,"details":[]},"ram":{"total":2,"available":1},)"
      R"("hard_disk":{"total":2,"free":1},"has_docker":true})");
  ASSERT_TRUE(s.has_value());
  EXPECT_EQ(*s, (miner_specs{2, 0, 0, "", 2, 1, 2, 1, true}));
}

}  // namespace
}  // namespace lode
