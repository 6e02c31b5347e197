// What a value may look like, and the words in which a client is told that it may not.
#include "messages/fields.hpp"
#include "messages/json.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace lode {
namespace {

using errors = std::vector<field_error>;

boost::json::value json(std::string_view text) {
  errors e;
  auto v = parse_body(text, e);
  EXPECT_TRUE(v.has_value()) << text;
  return v ? *v : boost::json::value{};
}

field_error failing(std::string name, std::string message) {
  return {std::move(name), std::nullopt, std::move(message)};
}

TEST(parse_int, takes_what_the_contract_lists) {
  for (const auto* text : {"4", "4.0", "\"4\"", "\" 4 \"", "\"4.0\"", "\"+4\"", "4e0", "\"\\t4.000\\n\""}) {
    errors e;
    EXPECT_EQ(parse_int(json(text), "n", e), 4) << text;
    EXPECT_TRUE(e.empty()) << text;
  }
  errors e;
  EXPECT_EQ(parse_int(json("true"), "n", e), 1);
  EXPECT_EQ(parse_int(json("false"), "n", e), 0);
  EXPECT_EQ(parse_int(json("-7"), "n", e), -7);
  EXPECT_EQ(parse_int(json("9223372036854775807"), "n", e), INT64_MAX);
  EXPECT_EQ(parse_int(json("\"-9223372036854775808\""), "n", e), INT64_MIN);
  EXPECT_EQ(parse_int(std::string_view{" 4.0 "}, "n", e), 4);
  EXPECT_TRUE(e.empty());
}

TEST(parse_int, says_in_known_words_what_is_wrong) {
  const std::vector<std::pair<const char*, const char*>> cases{
      {"\"four\"", "Input should be a valid integer, unable to parse string as an integer"},
      {"\"\"", "Input should be a valid integer, unable to parse string as an integer"},
      {"\"4.5\"", "Input should be a valid integer, unable to parse string as an integer"},
      {"\"4.\"", "Input should be a valid integer, unable to parse string as an integer"},
      {"\"+-4\"", "Input should be a valid integer, unable to parse string as an integer"},
      {"\"0x4\"", "Input should be a valid integer, unable to parse string as an integer"},
      {"\"NaN\"", "Input should be a valid integer, unable to parse string as an integer"},
      {"4.5", "Input should be a valid integer, got a number with a fractional part"},
      {"null", "Input should be a valid integer"},
      {"[]", "Input should be a valid integer"},
      {"{}", "Input should be a valid integer"},
      {"9223372036854775808", "Unable to parse input string as an integer, exceeded maximum size"},
      {"99999999999999999999999", "Unable to parse input string as an integer, exceeded maximum size"},
      {"-1e19", "Unable to parse input string as an integer, exceeded maximum size"},
      {"\"9223372036854775808\"", "Unable to parse input string as an integer, exceeded maximum size"},
  };
  for (const auto& [text, message] : cases) {
    errors e;
    EXPECT_EQ(parse_int(json(text), "n", e), std::nullopt) << text;
    EXPECT_EQ(e, errors{failing("n", message)}) << text;
  }
}

TEST(parse_float, takes_numbers_in_any_writing) {
  errors e;
  EXPECT_EQ(parse_float(json("1.5"), "x", e), 1.5);
  EXPECT_EQ(parse_float(json("2"), "x", e), 2.0);
  EXPECT_EQ(parse_float(json("\" 1e3 \""), "x", e), 1000.0);
  EXPECT_EQ(parse_float(json("true"), "x", e), 1.0);
  EXPECT_EQ(parse_float(json("18446744073709551615"), "x", e), 18446744073709551615.0);
  EXPECT_EQ(parse_float(std::string_view{"+0.5"}, "x", e), 0.5);
  EXPECT_TRUE(e.empty());
}

TEST(parse_float, says_in_known_words_what_is_wrong) {
  const std::vector<std::pair<const char*, const char*>> cases{
      {"\"much\"", "Input should be a valid number, unable to parse string as a number"},
      {"\"\"", "Input should be a valid number, unable to parse string as a number"},
      {"\"nan\"", "Input should be a finite number"},
      {"\"-inf\"", "Input should be a finite number"},
      {"\"1e999\"", "Input should be a finite number"},
      {"null", "Input should be a valid number"},
      {"[1]", "Input should be a valid number"},
  };
  for (const auto& [text, message] : cases) {
    errors e;
    EXPECT_EQ(parse_float(json(text), "x", e), std::nullopt) << text;
    EXPECT_EQ(e, errors{failing("x", message)}) << text;
  }
}

TEST(parse_bool, takes_the_listed_words_in_any_case) {
  errors e;
  for (const auto* text : {"true", "1", "yes", "on", "t", "y", "TRUE", "Yes", "oN"})
    EXPECT_EQ(parse_bool(std::string_view{text}, "b", e), true) << text;
  for (const auto* text : {"false", "0", "no", "off", "f", "n", "FALSE", "No", "oFF"})
    EXPECT_EQ(parse_bool(std::string_view{text}, "b", e), false) << text;
  EXPECT_EQ(parse_bool(json("true"), "b", e), true);
  EXPECT_EQ(parse_bool(json("0"), "b", e), false);
  EXPECT_EQ(parse_bool(json("1.0"), "b", e), true);
  EXPECT_EQ(parse_bool(json("\"yes\""), "b", e), true);
  EXPECT_TRUE(e.empty());
}

TEST(parse_bool, refuses_everything_else) {
  for (const auto* text : {"\"2\"", "\"\"", "\"yess\"", "2", "-1"}) {
    errors e;
    EXPECT_EQ(parse_bool(json(text), "b", e), std::nullopt) << text;
    EXPECT_EQ(e, errors{failing("b", "Input should be a valid boolean, unable to interpret input")}) << text;
  }
  errors e;
  EXPECT_EQ(parse_bool(json("null"), "b", e), std::nullopt);
  EXPECT_EQ(e, errors{failing("b", "Input should be a valid boolean")});
}

TEST(parse_string, refuses_numbers) {
  errors e;
  EXPECT_EQ(parse_string(json("\"a\""), "s", e), "a");
  EXPECT_TRUE(e.empty());
  for (const auto* text : {"1", "null", "true", "[]"}) {
    e.clear();
    EXPECT_EQ(parse_string(json(text), "s", e), std::nullopt) << text;
    EXPECT_EQ(e, errors{failing("s", "Input should be a valid string")}) << text;
  }
}

TEST(parse_string_list, names_failing_elements_by_their_index) {
  errors e;
  EXPECT_EQ(parse_string_list(json(R"(["a","b"])"), "l", e), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(e.empty());
  EXPECT_EQ(parse_string_list(json(R"(["a",1,"b",null])"), "l", e), std::nullopt);
  EXPECT_EQ(e, (errors{{"", 1, "Input should be a valid string"}, {"", 3, "Input should be a valid string"}}));
  e.clear();
  EXPECT_EQ(parse_string_list(json("{}"), "body", e), std::nullopt);
  EXPECT_EQ(e, errors{failing("body", "Input should be a valid list")});
}

TEST(parse_body, names_the_byte_of_what_is_not_json) {
  for (const auto* text : {"{\"a\":}", "{\"a\":1,}", "[1 2]", "", "nul", "{} x", "{\"a\":NaN}", "\"\xff\""}) {
    errors e;
    EXPECT_FALSE(parse_body(text, e).has_value()) << text;
    ASSERT_EQ(e.size(), 1U) << text;
    EXPECT_EQ(e[0].message, "JSON decode error");
    ASSERT_TRUE(e[0].index.has_value());
    EXPECT_LE(*e[0].index, static_cast<std::int64_t>(std::string_view{text}.size()));
  }
  errors e;
  EXPECT_FALSE(parse_body("{\"a\":}", e).has_value());
  EXPECT_EQ(e[0].index, 5);
  EXPECT_TRUE(parse_body(" {} \n", e).has_value());
}

TEST(parse_body, bounds_the_depth) {
  errors e;
  EXPECT_TRUE(parse_body(std::string(32, '[') + std::string(32, ']'), e).has_value());
  EXPECT_TRUE(e.empty());
  EXPECT_FALSE(parse_body(std::string(33, '[') + std::string(33, ']'), e).has_value());
  EXPECT_EQ(e.size(), 1U);
  EXPECT_FALSE(parse_body(std::string(1'000'000, '['), e).has_value());
}

TEST(parse_requirement, has_the_defaults_of_the_contract) {
  errors e;
  const auto d = parse<device_requirement>(json("{}"), e);
  ASSERT_TRUE(d.has_value());
  EXPECT_EQ(d->cpu_count, 1);
  EXPECT_EQ(d->gpu_type, "gpu");
  EXPECT_EQ(d->gpu_size, 3);
  EXPECT_EQ(d->gpu_count, 1);
  EXPECT_EQ(d->ram, 1);
  EXPECT_EQ(d->hard_disk, 1);
  EXPECT_EQ(d->timeline, 90);
  const auto k = parse<docker_requirement>(json("{}"), e);
  ASSERT_TRUE(k.has_value());
  EXPECT_EQ(k->base_image, "ubuntu");
  EXPECT_EQ(k->ssh_key, "");
  EXPECT_EQ(k->volume_path, "/tmp");
  EXPECT_EQ(k->dockerfile, "");
  EXPECT_EQ(parse<resource_query>(json("{}"), e), resource_query{});
}

TEST(parse_requirement, ignores_unknown_fields_and_takes_the_last_of_duplicates) {
  errors e;
  const auto d =
      parse<device_requirement>(json(R"({"x":{"y":1},"ram":"bad","ram":"8","cpu_count":2,"cpu_count":3})"), e);
  ASSERT_TRUE(d.has_value());
  EXPECT_EQ(d->ram, 8);
  EXPECT_EQ(d->cpu_count, 3);
}

TEST(parse_requirement, reports_all_failing_fields_at_once) {
  errors e;
  EXPECT_FALSE(parse<device_requirement>(json(R"({"cpu_count":-1,"gpu_type":5,"gpu_size":1.5,"gpu_count":null,
                                                  "ram":"x","hard_disk":1e30,"timeline":0})"),
                                         e)
                   .has_value());
  EXPECT_EQ(e, (errors{failing("cpu_count", "Input should be greater than or equal to 0"),
                       failing("gpu_type", "Input should be a valid string"),
                       failing("gpu_size", "Input should be a valid integer, got a number with a fractional part"),
                       failing("gpu_count", "Input should be a valid integer"),
                       failing("ram", "Input should be a valid integer, unable to parse string as an integer"),
                       failing("hard_disk", "Unable to parse input string as an integer, exceeded maximum size"),
                       failing("timeline", "Input should be greater than or equal to 1")}));
}

TEST(parse_requirement, refuses_what_would_overflow_later) {
  errors e;
  EXPECT_FALSE(parse<device_requirement>(json(R"({"timeline":9223372036854775807})"), e).has_value());
  EXPECT_EQ(e, errors{failing("timeline", "Input should be less than or equal to 36500")});
}

TEST(parse_requirement, calls_a_body_of_the_wrong_shape_body) {
  for (const auto* text : {"[]", "1", "null", "\"{}\""}) {
    errors e;
    EXPECT_FALSE(parse<docker_requirement>(json(text), e).has_value()) << text;
    EXPECT_EQ(e, errors{failing("body", "Input should be a valid dictionary or object to extract fields from")});
  }
}

TEST(parse_allocate_spec, needs_both_parts_and_names_the_innermost_field) {
  errors e;
  EXPECT_FALSE(parse<allocate_spec_body>(json("{}"), e).has_value());
  EXPECT_EQ(e, (errors{failing("requirements", "Field required"), failing("docker_requirement", "Field required")}));
  e.clear();
  EXPECT_FALSE(parse<allocate_spec_body>(json(R"({"requirements":{"ram":-1},"docker_requirement":{"ssh_key":1}})"), e));
  EXPECT_EQ(e, (errors{failing("ram", "Input should be greater than or equal to 0"),
                       failing("ssh_key", "Input should be a valid string")}));
}

TEST(parse_resource_query, takes_null_as_unset_and_refuses_negatives) {
  errors e;
  const auto q = parse<resource_query>(json(R"({"gpu_name":null,"cpu_count_min":"4","ram_total_max":12})"), e);
  ASSERT_TRUE(q.has_value());
  EXPECT_FALSE(q->gpu_name.has_value());
  EXPECT_EQ(q->cpu_count_min, 4);
  EXPECT_EQ(q->ram_total_max, 12.0);
  EXPECT_FALSE(parse<resource_query>(json(R"({"gpu_capacity_min":-0.5,"gpu_name":3})"), e).has_value());
  EXPECT_EQ(e, (errors{failing("gpu_name", "Input should be a valid string"),
                       failing("gpu_capacity_min", "Input should be greater than or equal to 0")}));
}

// A documented example that its own field refuses would be a lie to clients.
template <class T>
void examples_are_valid() {
  for_each_field<T>([](const auto& f) {
    errors e;
    const boost::json::object one{{f.name, json(f.example)}};
    EXPECT_TRUE(parse<T>(one, e).has_value()) << fields_of<T>::name << "." << f.name;
    EXPECT_FALSE(f.doc.empty());
  });
}
TEST(field_tables, have_valid_examples) {
  examples_are_valid<device_requirement>();
  examples_are_valid<docker_requirement>();
  examples_are_valid<resource_query>();
  examples_are_valid<resource>();
  examples_are_valid<allocation>();
}

}  // namespace
}  // namespace lode
