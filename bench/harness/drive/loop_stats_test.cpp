// SPDX-License-Identifier: Apache-2.0
#include <harness/drive/loop_stats.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace waitwork::bench {
namespace {

using json = nlohmann::ordered_json;
using ::testing::HasSubstr;
using ::testing::Not;

loop_counters busy() {
  loop_counters counters;
  counters.turns = 30;
  counters.enters = 20;
  counters.waits = 5;
  counters.submissions = 100;
  counters.completions = 80;
  counters.queue_full = 1;
  counters.overflows = 2;
  counters.timers_expired = 3;
  counters.posts_taken = 10;
  counters.wakes_received = 4;
  counters.cancels = 6;
  counters.in_flight_peak = 64;
  return counters;
}

json entry_of(const std::string& name, const std::vector<loop_counters>& loops, double units) {
  return {{"name", name}, {"iterations", units}, {"waitwork", {{"loop_stats", loop_stats_json(loops, units, 7)}}}};
}

report report_of(const std::vector<json>& entries) {
  report made;
  for (const json& entry : entries) {
    made.benchmarks.push_back(entry);
    row_identity row;
    row.name = entry.at("name");
    if (made.declared.empty() || made.declared.back().name != row.name) made.declared.push_back(row);
  }
  return made;
}

TEST(loop_stats, has_every_counter_under_its_name) {
  const json object = counters_json(busy());
  EXPECT_EQ(object.size() * sizeof(std::uint64_t), sizeof(loop_counters)) << "a new counter wants a name";
  EXPECT_EQ(object.at("turns"), 30);
  EXPECT_EQ(object.at("cancels"), 6);
}

TEST(loop_stats, has_each_loop_and_the_ratios_of_all) {
  const json block = loop_stats_json(std::vector<loop_counters>{busy(), busy()}, 400, 7);
  EXPECT_EQ(block.at("loops").size(), 2u);
  EXPECT_EQ(block.at("loops")[1].at("completions"), 80);
  EXPECT_DOUBLE_EQ(block.at("enters_per_unit"), 0.1);
  EXPECT_DOUBLE_EQ(block.at("submissions_per_enter"), 5.0);
  EXPECT_DOUBLE_EQ(block.at("completions_per_enter"), 4.0);
  EXPECT_EQ(block.at("wakes_elided"), 12);
  EXPECT_EQ(block.at("kernel_workers"), 7);
}

TEST(loop_stats, of_a_loop_that_did_nothing_is_finite) {
  const json block = loop_stats_json(std::vector<loop_counters>{{}}, 10, std::nullopt);
  EXPECT_EQ(block.at("submissions_per_enter"), 0.0);
  EXPECT_FALSE(block.contains("kernel_workers"));
}

TEST(loop_stats, does_not_count_more_bells_than_posts) {
  loop_counters late;
  late.wakes_received = 1;  // rung in the warm-up
  EXPECT_EQ(loop_stats_json(std::vector<loop_counters>{late}, 1, 0).at("wakes_elided"), 0);
}

TEST(loop_stats_text, has_a_paragraph_for_a_row_over_its_rounds) {
  const json entry = entry_of("io/timer/concurrent/depth:16", {busy()}, 200);
  const std::string text = loop_stats_text(report_of({entry, entry}));
  EXPECT_THAT(text, HasSubstr("io/timer/concurrent/depth:16\n"));
  EXPECT_THAT(text, HasSubstr("0.100 enters a unit, 5.00 SQEs and 4.00 CQEs an enter, 25 % of the enters could sleep"));
  EXPECT_THAT(text, HasSubstr("at most 64 requests in flight, 2 times full, 4 overflows, 7 kernel worker threads"));
  EXPECT_THAT(text, HasSubstr("20 posts from other threads: 8 rang the bell, 12 found the loop awake"));
  EXPECT_THAT(text, HasSubstr("60 turns, 6 timers expired, 12 requests cancelled"));
  EXPECT_THAT(text, Not(HasSubstr("loop 0")));
}

TEST(loop_stats_text, shows_loops_one_by_one_where_there_are_several) {
  const std::string text = loop_stats_text(report_of({entry_of("io/timer/hybrid", {busy(), busy()}, 200)}));
  EXPECT_THAT(text, HasSubstr("loop 0  30 turns, 20 enters, 100 SQEs, 80 CQEs, 10 posts\n"));
  EXPECT_THAT(text, HasSubstr("loop 1  30 turns"));
}

TEST(loop_stats_text, is_empty_where_no_row_has_loops) {
  const json entry = {{"name", "cpu/matmul/sequential"}, {"iterations", 1}, {"waitwork", json::object()}};
  EXPECT_EQ(loop_stats_text(report_of({entry})), "");
}

}  // namespace
}  // namespace waitwork::bench
