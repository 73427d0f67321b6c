// SPDX-License-Identifier: Apache-2.0
#include <waitwork/report/checked_json.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace waitwork {
namespace {

using nlohmann::ordered_json;

template <class Read>
std::string refusal_of(Read read) {
  try {
    read();
  } catch (const malformed_json& error) {
    return error.what();
  }
  return "accepted";
}

TEST(parse_json, bounds_the_depth_before_anything_recurses) {
  EXPECT_EQ(parse_json(std::string(60, '[') + std::string(60, ']')).size(), 1u);
  EXPECT_THAT(refusal_of([] { parse_json(std::string(300'000, '[') + std::string(300'000, ']')); }),
              testing::HasSubstr("levels deep"));
}

TEST(parse_json, says_of_anything_else_that_it_is_none) {
  for (const char* const text : {"", "{", "nan", "{\"a\":1}x", "\xff", "1e999"}) {
    EXPECT_THAT(refusal_of([&] { parse_json(text); }), testing::HasSubstr("not JSON")) << text;
  }
}

TEST(whole_member, takes_whole_numbers_of_the_range_only) {
  const auto read = [](const char* text) {
    return refusal_of([&] { whole_member(parse_json(text), "rounds", 1, 10'000); });
  };
  EXPECT_EQ(whole_member(parse_json(R"({"rounds":10000})"), "rounds", 1, 10'000), 10'000u);
  EXPECT_EQ(read(R"({"rounds":0})"), "rounds is 0, not a whole number from 1 to 10000");
  for (const char* const value :
       {"2.9", "2.0", "-1", "4000000000", "1e300", "18446744073709551616", "\"5\"", "true", "null", "[]", "{}"}) {
    EXPECT_THAT(read(("{\"rounds\":" + std::string(value) + "}").c_str()), testing::HasSubstr("not a whole number"))
        << value;
  }
  EXPECT_EQ(read("{}"), "rounds is missing");
  EXPECT_THAT(read("[1]"), testing::HasSubstr("a list in the place of an object"));
}

TEST(number_member, is_finite_and_in_range) {
  EXPECT_EQ(number_member(parse_json(R"({"x":2})"), "x", 0, 5), 2.0);
  EXPECT_EQ(refusal_of([] { number_member(parse_json(R"({"x":-1})"), "x", 0, 5); }),
            "x is -1, not a number from 0 to 5");
  EXPECT_EQ(refusal_of([] { number_member(parse_json(R"({"x":"1"})"), "x", 0, 5); }),
            "x is \"1\", not a number from 0 to 5");
}

TEST(text_member, is_bounded_and_a_long_one_is_not_repeated) {
  const ordered_json object = {{"filter", std::string(100'000, '(')}};
  EXPECT_EQ(refusal_of([&] { text_member(object, "filter", 100); }),
            "filter is a text of 100002 bytes, not a text of at most 100 bytes");
}

}  // namespace
}  // namespace waitwork
