#include "messages/event_codec.hpp"

#include "messages/record_codec.hpp"

#include <gtest/gtest.h>

namespace lode {
namespace {

constexpr unix_ms at = 1'795'572'000'000;  // 2026-11-25T02:00:00Z

TEST(event_codec, an_event_is_its_type_and_a_payload_that_begins_with_the_time) {
  EXPECT_EQ(encode_event("miner", R"({"hotkey":"5F"})", at), R"(miner {"time":"2026-11-25T02:00:00Z","hotkey":"5F"})");
  EXPECT_EQ(encode_event("job", "{}", at), R"(job {"time":"2026-11-25T02:00:00Z"})");
  const auto stored = encode_event("miner", R"({"a":{"b":1}})", at);
  EXPECT_EQ(split_event(stored).type, "miner");
  EXPECT_EQ(split_event(stored).payload, R"({"time":"2026-11-25T02:00:00Z","a":{"b":1}})");
}

TEST(event_codec, an_allocations_event_is_the_payload_alone) {
  allocation_record r;
  r.hotkey = "5F";
  const auto stored = allocation_event(r, "paused", at, "");
  EXPECT_EQ(split_event(stored).type, "allocation");
  EXPECT_EQ(split_event(stored).payload, stored);
  EXPECT_EQ(split_event(encode_event("allocation", "{}", at)).type, "allocation");
}

TEST(event_codec, the_age_is_read_from_any_stored_event) {
  allocation_record r;
  for (const auto& stored : {encode_event("miner", "{}", at), allocation_event(r, "paused", at, "")}) {
    EXPECT_TRUE(happened_before(stored, rfc3339(at + 1000)));
    EXPECT_FALSE(happened_before(stored, rfc3339(at)));
    EXPECT_FALSE(happened_before(stored, rfc3339(at - 1000)));
    EXPECT_FALSE(happened_before(stored, ""));
  }
  EXPECT_FALSE(happened_before("e17", rfc3339(at)));
  EXPECT_FALSE(happened_before("", rfc3339(at)));
}

TEST(event_codec, only_words_and_objects_are_events) {
  EXPECT_TRUE(is_event("miner", "{}"));
  for (const char* type : {"", "Miner", "a b", "a{", "x1"}) EXPECT_FALSE(is_event(type, "{}")) << type;
  for (const char* payload : {"", "{", "[]", "x", "null"}) EXPECT_FALSE(is_event("miner", payload)) << payload;
}

}  // namespace
}  // namespace lode
