// SPDX-License-Identifier: Apache-2.0
#include <harness/record/aggregates.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include <waitwork/report/json.hpp>

namespace waitwork::bench {
namespace {

using nlohmann::ordered_json;

ordered_json round_of(double real_time, ordered_json counters = ordered_json::object()) {
  ordered_json entry = {{"name", "io/timer"},     {"family_index", 3},       {"per_family_instance_index", 2},
                        {"run_name", "io/timer"}, {"run_type", "iteration"}, {"repetitions", 4},
                        {"threads", 1},           {"iterations", 1000},      {"real_time", real_time},
                        {"cpu_time", 0.0},        {"time_unit", "ns"}};
  entry.update(counters);
  return entry;
}

TEST(aggregates, of_fewer_than_two_rounds_are_none) {
  EXPECT_TRUE(aggregates_of({}).empty());
  EXPECT_TRUE(aggregates_of(std::vector{round_of(1)}).empty());
}

TEST(aggregates, are_mean_median_deviation_and_variation) {
  const std::vector rounds = {round_of(4), round_of(1), round_of(3), round_of(8)};
  const std::vector<ordered_json> entries = aggregates_of(rounds);
  ASSERT_EQ(entries.size(), 4u);
  EXPECT_EQ(entries[0]["name"], "io/timer_mean");
  EXPECT_EQ(entries[0]["run_name"], "io/timer");
  EXPECT_EQ(entries[0]["run_type"], "aggregate");
  EXPECT_EQ(entries[0]["iterations"], 4);
  EXPECT_EQ(entries[0]["family_index"], 3);
  EXPECT_FALSE(entries[0].contains("repetition_index"));
  EXPECT_DOUBLE_EQ(entries[0]["real_time"], 4);
  EXPECT_DOUBLE_EQ(entries[1]["real_time"], 3.5);
  EXPECT_DOUBLE_EQ(entries[2]["real_time"], std::sqrt(26.0 / 3));
  EXPECT_EQ(entries[3]["aggregate_unit"], "percentage");
  EXPECT_DOUBLE_EQ(entries[3]["real_time"], std::sqrt(26.0 / 3) / 4);
}

TEST(aggregates, of_zeros_hold_no_nan) {
  const std::vector rounds = {round_of(1, {{"major_faults_per_unit", 0}}), round_of(1, {{"major_faults_per_unit", 0}})};
  for (const ordered_json& entry : aggregates_of(rounds)) {
    EXPECT_EQ(find_unrepresentable(entry), std::nullopt);
    EXPECT_TRUE(entry.contains("cpu_time"));
    EXPECT_EQ(entry.contains("major_faults_per_unit"), entry["aggregate_name"] != "cv");
  }
}

TEST(aggregates, summarise_counters_that_every_round_has) {
  const std::vector rounds = {round_of(1, {{"p50_ns", 10}, {"gflops", 2}}), round_of(2, {{"p50_ns", 20}})};
  const ordered_json entry = aggregates_of(rounds).front();
  EXPECT_EQ(entry["p50_ns"], 15);
  EXPECT_FALSE(entry.contains("gflops"));
}

TEST(counter_names, are_the_numbers_that_are_not_structure) {
  EXPECT_THAT(counter_names(round_of(1, {{"p50_ns", 10}, {"label", "x"}, {"waitwork", {{"depth", 1}}}})),
              testing::ElementsAre("p50_ns"));
}

}  // namespace
}  // namespace waitwork::bench
