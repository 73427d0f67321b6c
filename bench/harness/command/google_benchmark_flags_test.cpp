// SPDX-License-Identifier: Apache-2.0
#include <harness/command/google_benchmark_flags.hpp>

#include <benchmark/benchmark.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>
#include <vector>

#include <harness/words/usage_error.hpp>

namespace waitwork::bench {
namespace {

using testing::HasSubstr;

std::string refusal_of(const std::string& argument) {
  try {
    parse_google_benchmark_flags({argument});
  } catch (const usage_error& error) {
    return error.what();
  }
  return "";
}

TEST(google_benchmark_flags, have_their_defaults) {
  const google_benchmark_flags flags = parse_google_benchmark_flags({});
  EXPECT_FALSE(flags.list_tests);
  EXPECT_EQ(flags.filter, std::nullopt);
  EXPECT_EQ(flags.repetitions, std::nullopt);
  EXPECT_EQ(flags.format, output_format::console);
  EXPECT_EQ(flags.out_format, output_format::json);
  EXPECT_EQ(flags.time_unit, "ns");
}

TEST(google_benchmark_flags, take_values_behind_an_equals_sign) {
  const google_benchmark_flags flags = parse_google_benchmark_flags(
      {"--benchmark_filter=-a=b", "--benchmark_min_time=0.25", "--benchmark_min_warmup_time=1s",
       "--benchmark_repetitions=3", "--benchmark_format=csv", "--benchmark_out=x.json",
       "--benchmark_out_format=console", "--benchmark_color=false", "--benchmark_context=a=1,b=x=y",
       "--benchmark_time_unit=us", "--benchmark_perf_counters=CYCLES", "--v=2"});
  EXPECT_EQ(flags.filter, "-a=b");
  EXPECT_EQ(flags.min_time_s, 0.25);
  EXPECT_EQ(flags.min_warmup_time_s, 1);
  EXPECT_EQ(flags.repetitions, 3u);
  EXPECT_EQ(flags.format, output_format::csv);
  EXPECT_EQ(flags.out, "x.json");
  EXPECT_EQ(flags.out_format, output_format::console);
  EXPECT_EQ(flags.color, "no");
  EXPECT_EQ(flags.context, (std::map<std::string, std::string>{{"a", "1"}, {"b", "x=y"}}));
  EXPECT_EQ(flags.time_unit, "us");
  EXPECT_EQ(flags.perf_counters, "CYCLES");
  EXPECT_EQ(flags.verbosity, 2);
}

TEST(google_benchmark_flags, that_are_on_or_off_read_as_there) {
  for (const char* const on : {"", "=true", "=1", "=yes", "=t", "=on", "=TRUE"}) {
    EXPECT_TRUE(parse_google_benchmark_flags({std::string("--benchmark_list_tests") + on}).list_tests) << on;
  }
  for (const char* const off : {"=false", "=0", "=no", "=n", "=f", "=off", "=False"}) {
    EXPECT_FALSE(parse_google_benchmark_flags({std::string("--benchmark_list_tests") + off}).list_tests) << off;
  }
}

TEST(google_benchmark_flags, come_from_the_environment_where_they_are_not_given) {
  ::setenv("BENCHMARK_REPETITIONS", "7", 1);
  EXPECT_EQ(parse_google_benchmark_flags({}).repetitions, 7u);
  EXPECT_EQ(parse_google_benchmark_flags({"--benchmark_repetitions=2"}).repetitions, 2u);
  ::setenv("BENCHMARK_REPETITIONS", "many", 1);
  EXPECT_THROW(parse_google_benchmark_flags({}), usage_error);
  ::unsetenv("BENCHMARK_REPETITIONS");
}

TEST(google_benchmark_flags, that_are_wrong_are_named_with_the_nearest_that_is_right) {
  EXPECT_EQ(refusal_of("--benchmark_fliter=x"),
            "unknown flag '--benchmark_fliter' (known are those of Google Benchmark 1.7.1, and of later ones what "
            "--help lists); nearest valid: --benchmark_filter");
  EXPECT_THAT(refusal_of("--benchmark_filter"), HasSubstr("nearest valid: --benchmark_filter=<regex>"));
  EXPECT_THAT(refusal_of("--benchmark_repetitions=0"), HasSubstr("nearest valid: 1"));
  EXPECT_THAT(refusal_of("--benchmark_min_time=0.5y"), HasSubstr("nearest valid: 0.5"));
  EXPECT_THAT(refusal_of("--benchmark_min_time=nan"), HasSubstr("nearest valid: "));
  EXPECT_THAT(refusal_of("--benchmark_format=jsn"), HasSubstr("nearest valid: json"));
  EXPECT_THAT(refusal_of("--benchmark_time_unit=usec"), HasSubstr("nearest valid: us"));
  EXPECT_THAT(refusal_of("--benchmark_context=novalue"), HasSubstr("nearest valid: novalue="));
}

// Those that the installed library knows, by its own account of them: a newer one with more flags
// fails here.
TEST(google_benchmark_flags, are_all_that_the_library_has) {
  testing::internal::CaptureStdout();
  benchmark::PrintDefaultHelp();
  const std::string help = testing::internal::GetCapturedStdout();
  ASSERT_THAT(help, HasSubstr("--benchmark_filter"));
  const std::string ours = google_benchmark_help();
  for (std::size_t at = help.find("--"); at != std::string::npos; at = help.find("--", at + 2)) {
    const std::string flag = help.substr(at, help.find_first_of("=[] \n", at) - at);
    EXPECT_THAT(ours, HasSubstr("  " + flag)) << flag;
  }
}

}  // namespace
}  // namespace waitwork::bench
