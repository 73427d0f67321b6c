// SPDX-License-Identifier: Apache-2.0
#include <harness/machine/share_of_limit.hpp>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace waitwork::bench {
namespace {

// 100 GFLOP/s and 10 GB/s by one worker; the second-level cache five times as fast as memory.
nlohmann::ordered_json limits() {
  return nlohmann::ordered_json::parse(R"({
    "workers": 4, "f32_flops_one": 1e11, "f32_flops_all": 3.6e11, "f64_flops_one": 5e10, "f64_flops_all": 1.8e11,
    "read_bytes_per_second_one": 1.6e10, "read_bytes_per_second_all": 2e10,
    "copy_bytes_per_second_one": 1e10, "copy_bytes_per_second_all": 1.2e10,
    "caches": [{"level": "L2", "cache_bytes": 1000000, "read_bytes_per_second_one": 8e10,
                "read_bytes_per_second_all": 3.2e11, "copy_bytes_per_second_one": 5e10,
                "copy_bytes_per_second_all": 2e11}]})");
}

TEST(share_of_limit, of_arithmetic_is_the_rate_over_the_peak) {
  const auto f32 = share_of_limit(limits(), {{"flops_per_unit", 1e6}}, 1, 20'000);  // 50 GFLOP/s
  ASSERT_TRUE(f32);
  EXPECT_DOUBLE_EQ(f32->share, 0.5);
  EXPECT_EQ(f32->by, "arithmetic");
  EXPECT_DOUBLE_EQ(share_of_limit(limits(), {{"flops_per_unit", 1e6}, {"flops_are_f64", 1}}, 1, 20'000)->share, 1.0);
}

TEST(share_of_limit, is_of_as_many_workers_as_the_row_has) {
  const std::map<std::string, double> work = {{"flops_per_unit", 1e6}};
  EXPECT_DOUBLE_EQ(share_of_limit(limits(), work, 2, 10'000)->share, 0.5);
  EXPECT_DOUBLE_EQ(share_of_limit(limits(), work, 4, 10'000)->share, 1e11 / 3.6e11);
  EXPECT_DOUBLE_EQ(share_of_limit(limits(), work, 64, 10'000)->share, 1e11 / 3.6e11);
}

TEST(share_of_limit, of_memory_takes_reading_and_writing_for_what_they_cost) {
  const std::map<std::string, double> copies = {{"bytes_read_per_unit", 5e5}, {"bytes_written_per_unit", 5e5}};
  EXPECT_DOUBLE_EQ(share_of_limit(limits(), copies, 1, 200'000)->share, 0.5);
  const std::map<std::string, double> reads = {{"bytes_read_per_unit", 1.6e6}};
  EXPECT_DOUBLE_EQ(share_of_limit(limits(), reads, 1, 200'000)->share, 0.5);
  const std::map<std::string, double> expands = {{"bytes_read_per_unit", 2e5}, {"bytes_written_per_unit", 8e5}};
  EXPECT_DOUBLE_EQ(share_of_limit(limits(), expands, 1, 200'000)->share, 0.5);
  EXPECT_EQ(share_of_limit(limits(), reads, 1, 200'000)->by, "memory");
}

TEST(share_of_limit, is_of_the_cache_that_holds_what_is_worked_on) {
  std::map<std::string, double> reads = {{"bytes_read_per_unit", 8e5}, {"working_set_bytes", 8e5}};
  const auto held = share_of_limit(limits(), reads, 1, 20'000);
  EXPECT_EQ(held->by, "L2");
  EXPECT_DOUBLE_EQ(held->share, 0.5);
  reads["working_set_bytes"] = 2e6;
  EXPECT_EQ(share_of_limit(limits(), reads, 1, 20'000)->by, "memory");
}

TEST(share_of_limit, is_of_what_takes_longest) {
  const std::map<std::string, double> work = {{"flops_per_unit", 1e6}, {"bytes_read_per_unit", 1.6e6}};
  const auto share = share_of_limit(limits(), work, 1, 200'000);
  EXPECT_EQ(share->by, "memory");
  EXPECT_DOUBLE_EQ(share->share, 0.5);
}

TEST(share_of_limit, is_absent_where_nothing_is_known) {
  EXPECT_FALSE(share_of_limit(limits(), {}, 1, 1));
  EXPECT_FALSE(share_of_limit(limits(), {{"wait_us", 1}}, 1, 1));
  EXPECT_FALSE(share_of_limit({}, {{"flops_per_unit", 1e6}}, 1, 1));
  EXPECT_FALSE(share_of_limit(nlohmann::ordered_json::object(), {{"bytes_read_per_unit", 1e6}}, 1, 1));
}

}  // namespace
}  // namespace waitwork::bench
