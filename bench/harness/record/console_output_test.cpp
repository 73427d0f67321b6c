// SPDX-License-Identifier: Apache-2.0
#include <harness/record/console_output.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include <nlohmann/json.hpp>

namespace waitwork::bench {
namespace {

using nlohmann::ordered_json;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

ordered_json entry(const std::string& name, int round, double real_time, ordered_json counters) {
  ordered_json made = {{"name", name},
                       {"family_index", 0},
                       {"per_family_instance_index", 0},
                       {"run_name", name},
                       {"run_type", "iteration"},
                       {"repetitions", 2},
                       {"repetition_index", round},
                       {"threads", 1},
                       {"iterations", 1000},
                       {"real_time", real_time},
                       {"cpu_time", real_time / 2},
                       {"time_unit", "ns"}};
  made.update(counters);
  return made;
}

// Two rows with different counters, the second with a failure in its second round.
report example() {
  report made;
  made.context = {{"date", "2026-11-21T09:00:00+00:00"}};
  made.declared = {{"a", "a", "", "sequential", 1, 1}, {"b", "b", "", "concurrent", 4, 1}};
  made.benchmarks = {entry("b", 0, 7000, {{"enters_per_unit", 0.5}}),
                     entry("a", 0, 1000, {{"items_per_second", 1e6}, {"p50_ns", 900}, {"user_ns_per_unit", 12}}),
                     entry("a", 1, 3000, {{"items_per_second", 3e6}, {"p50_ns", 900}, {"user_ns_per_unit", 12}})};
  made.failures = {{made.declared[1], 1, failure_reason::crashed, "killed by SIGSEGV, \"really\""}};
  return made;
}

std::string text_of(output_format format, bool aggregates_only = false, const std::string& unit = "ns") {
  output_options options;
  options.format = format;
  options.aggregates_only = aggregates_only;
  options.time_unit = unit;
  return output_text(example(), options);
}

TEST(console_table, has_the_rounds_the_aggregates_and_the_errors) {
  const std::string text = text_of(output_format::console);
  for (const char* const part : {"a_mean", "a_median", "a_stddev", "a_cv", "2000 ns", "items_per_second=3M/s",
                                 "p50_ns=900", "7000 ns", "ERROR OCCURRED: 'crashed in round 1: killed by SIGSEGV"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_THAT(text, Not(HasSubstr("user_ns_per_unit")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_LT(text.find("a_mean"), text.find("7000 ns"));
}

TEST(console_table, speaks_the_unit_that_was_asked_for) {
  EXPECT_THAT(text_of(output_format::console, false, "us"), HasSubstr("7.00 us"));
}

TEST(console_table, may_leave_single_rounds_out) {
  const std::string text = text_of(output_format::console, true);
  EXPECT_THAT(text, HasSubstr("a_mean"));
  EXPECT_THAT(text, Not(HasSubstr("3000 ns")));
  EXPECT_THAT(text, HasSubstr("7000 ns")) << "a row without aggregates is still shown";
}

TEST(console_table, is_coloured_on_demand) {
  output_options options;
  options.colour = true;
  EXPECT_THAT(output_text(example(), options), HasSubstr("\x1b["));
}

TEST(json_output, is_the_report_with_aggregates) {
  const ordered_json parsed = ordered_json::parse(text_of(output_format::json));
  EXPECT_EQ(parsed["benchmarks"].size(), 2u + 4u + 1u);
  EXPECT_EQ(parsed["benchmarks"][2]["name"], "a_mean");
  EXPECT_EQ(parsed["benchmarks"][2]["real_time"], 2000);
  EXPECT_EQ(parsed["waitwork"]["failures"][0]["reason"], "crashed");
}

TEST(json_output, converts_times_but_not_percentages) {
  const ordered_json parsed = ordered_json::parse(text_of(output_format::json, true, "us"));
  EXPECT_DOUBLE_EQ(parsed["benchmarks"][0]["real_time"], 2);
  EXPECT_EQ(parsed["benchmarks"][0]["time_unit"], "us");
  EXPECT_EQ(parsed["benchmarks"][3]["aggregate_name"], "cv");
  EXPECT_NEAR(parsed["benchmarks"][3]["real_time"].get<double>(), 0.7071, 1e-4);
}

TEST(csv_output, has_google_benchmarks_columns_and_empty_cells_for_what_is_absent) {
  const std::string text = text_of(output_format::csv);
  EXPECT_THAT(text, StartsWith("name,iterations,real_time,cpu_time,time_unit,bytes_per_second,items_per_second,label,"
                               "error_occurred,error_message,\"enters_per_unit\",\"p50_ns\",\"user_ns_per_unit\"\n"
                               "\"a\",1000,1000.0,500.0,ns,,1000000.0,,,,,900,12\n"));
  EXPECT_THAT(text, HasSubstr("\"b\",1000,7000.0,3500.0,ns,,,,,,0.5,,\n"));
  EXPECT_THAT(text, HasSubstr("\"b\",,,,,,,,true,\"crashed in round 1: killed by SIGSEGV, \"\"really\"\"\",,,\n"));
  EXPECT_EQ(std::ranges::count(text, '\n'), 1 + 2 + 4 + 1 + 1);
}

}  // namespace
}  // namespace waitwork::bench
