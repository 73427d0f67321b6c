// SPDX-License-Identifier: Apache-2.0
#include <harness/record/outcome.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <string>

namespace waitwork::bench {
namespace {

using namespace std::chrono_literals;

child_result answered(const std::string& answer) {
  child_result child;
  child.answer = answer;
  child.peak_rss_bytes = 4096;
  return child;
}

failed failure_of(const child_result& child) { return std::get<failed>(outcome_of(child, 1500ms)); }

TEST(outcome_of_a_child, is_its_result_with_its_peak_memory) {
  const row_outcome outcome = outcome_of(answered(R"({"result":{"real_time":1.5,"cpu_time":1,"iterations":3}})"), 1s);
  const auto& figures = std::get<measured>(outcome).figures;
  EXPECT_EQ(figures["iterations"], 3);
  EXPECT_EQ(figures["rss_peak_bytes"], 4096);
}

TEST(outcome_of_a_child, is_the_failure_or_absence_that_it_reports) {
  EXPECT_EQ(failure_of(answered(R"({"failure":{"reason":"wrong_answer","detail":"unit 3"}})")).reason,
            failure_reason::wrong_answer);
  const row_outcome missing = outcome_of(answered(R"({"absent":{"cause":"c","remedy":"r"}})"), 1s);
  EXPECT_EQ(std::get<absent>(missing).cause, "c");
}

TEST(outcome_of_a_child, that_says_nothing_sensible_is_a_crash) {
  for (const char* const answer : {"", "{", R"({"result":1} trailing)", "\xff"}) {
    EXPECT_EQ(failure_of(answered(answer)).reason, failure_reason::crashed) << answer;
  }
}

TEST(outcome_of_a_child, that_says_something_else_is_a_failure) {
  for (const char* const answer : {"[]", "{}", "null", R"({"result":1})", R"({"failure":{"reason":"odd","detail":""}})",
                                   R"({"absent":{"cause":1}})"}) {
    EXPECT_EQ(failure_of(answered(answer)).reason, failure_reason::failed) << answer;
  }
}

TEST(outcome_of_a_child, that_lacks_what_readers_rely_on_is_a_failure) {
  EXPECT_EQ(failure_of(answered(R"({"result":{"real_time":1,"iterations":1}})")).detail,
            "its result cannot be used: cpu_time is missing");
  EXPECT_EQ(failure_of(answered(R"({"result":{"real_time":1,"cpu_time":1,"iterations":1,"p50_ns":null}})")).detail,
            "its result cannot be used: /p50_ns is not a number");
  EXPECT_EQ(failure_of(answered(R"({"result":{"real_time":0,"cpu_time":1,"iterations":1}})")).reason,
            failure_reason::failed);
}

TEST(outcome_of_a_child, that_was_killed_names_the_signal_and_its_last_words) {
  child_result child;
  child.end = child_end::signalled;
  child.code = SIGABRT;
  child.last_words = "x.cpp:1: check failed";
  EXPECT_EQ(failure_of(child).reason, failure_reason::crashed);
  EXPECT_EQ(failure_of(child).detail, "killed by SIGABRT: x.cpp:1: check failed");
}

TEST(outcome_of_a_child, that_exits_with_a_code_is_a_crash_even_with_a_result) {
  child_result child = answered(R"({"result":{"real_time":1,"cpu_time":1,"iterations":1}})");
  child.code = 3;
  EXPECT_EQ(failure_of(child).detail, "exited with code 3");
}

TEST(outcome_of_a_child, past_its_time_says_how_long_it_had) {
  child_result child;
  child.end = child_end::timed_out;
  EXPECT_EQ(failure_of(child).reason, failure_reason::timed_out);
  EXPECT_THAT(failure_of(child).detail, testing::HasSubstr("not done after 1.5 s"));
}

}  // namespace
}  // namespace waitwork::bench
