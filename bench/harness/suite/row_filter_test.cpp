// SPDX-License-Identifier: Apache-2.0
#include <harness/suite/row_filter.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include <harness/words/usage_error.hpp>

namespace waitwork::bench {
namespace {

bool chooses(const std::string& expression, const std::string& name) {
  return row_filter("--filter", expression).chooses(name);
}

TEST(row_filter, chooses_what_it_matches_anywhere) {
  EXPECT_TRUE(chooses("timer", "io/timer/sequential"));
  EXPECT_TRUE(chooses("^io/.*depth:(4|16)/", "io/timer/concurrent/depth:16/real_time"));
  EXPECT_FALSE(chooses("^timer", "io/timer/sequential"));
}

TEST(row_filter, chooses_everything_if_there_is_nothing_to_match) {
  for (const char* const expression : {"", "all", "."}) EXPECT_TRUE(chooses(expression, "io/timer"));
}

TEST(row_filter, behind_a_minus_leaves_out) {
  EXPECT_FALSE(chooses("-timer", "io/timer/sequential"));
  EXPECT_TRUE(chooses("-timer", "cpu/matmul"));
  EXPECT_FALSE(chooses("-", "cpu/matmul"));
}

TEST(row_filter, that_is_malformed_is_named_with_the_nearest_that_is_not) {
  try {
    row_filter("--filter", "io/(timer");
    FAIL() << "not refused";
  } catch (const usage_error& error) {
    EXPECT_THAT(error.what(), testing::StartsWith("--filter: 'io/(timer' is not a regular expression"));
    EXPECT_THAT(error.what(), testing::EndsWith("nearest valid: 'io/\\(timer'"));
  }
}

TEST(row_filter, of_any_length_and_depth_is_bounded) {
  EXPECT_THROW(row_filter("--filter", std::string(200'000, '(')), usage_error);
  EXPECT_THROW(row_filter("--filter", std::string(4'000, '(')), usage_error);
  // Exponential for an engine that backtracks.
  EXPECT_FALSE(chooses("(a*)*(a*)*(a*)*b", std::string(2'000, 'a')));
}

}  // namespace
}  // namespace waitwork::bench
