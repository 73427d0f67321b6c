// SPDX-License-Identifier: Apache-2.0
#include <harness/machine/limits.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace waitwork::bench {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

machine_limits ordinary() {
  machine_limits limits;
  limits.instruction_set = "AVX3";
  limits.workers = 4;
  for (const named_limit& each : named_limits) limits.*each.figures = {10e9, 10e9};
  limits.f32_flops.one = 100e9;
  limits.f32_flops.all = 390e9;
  limits.array_bytes = 64 << 20;
  limits.caches = {{"L1", 48 << 10, 24 << 10, {200e9, 790e9}, {150e9, 600e9}}};
  limits.latencies = {{"L1", 24 << 10, 1.25}, {"memory", 128 << 20, 101.0}};
  limits.last_cache_bytes = 32 << 20;
  limits.arrays_exceed_last_cache = limits.chase_exceeds_last_cache = true;
  limits.took_ns = 500'000'000;
  return limits;
}

doctor_item finding(const machine_limits& limits, std::string_view name) {
  for (const doctor_item& item : describe(limits)) {
    if (item.name == name) return item;
  }
  return {};
}

void expect_remedies_where_due(const machine_limits& limits) {
  for (const doctor_item& item : describe(limits)) {
    EXPECT_EQ(item.remedy.empty(), item.status == doctor_status::ok) << item.name;
    EXPECT_TRUE(item.remedy.empty() || item.remedy.back() == '.') << item.remedy;
    EXPECT_FALSE(item.value.empty()) << item.name;
  }
}

TEST(limits, are_said_in_units_that_people_use) {
  EXPECT_EQ(finding(ordinary(), "peak_f32").value, "100 GFLOP/s by one worker, 390 by 4");
  EXPECT_THAT(finding(ordinary(), "parallel_ceiling").value, HasSubstr("3.90 of 4"));
  EXPECT_EQ(finding(ordinary(), "copy_bandwidth").value,
            "10.0 GB/s by one worker, 10.0 by 4; with streaming stores 10.0, 10.0");
  EXPECT_EQ(finding(ordinary(), "read_bandwidth").value, "10.0 GB/s by one worker, 10.0 by 4");
  EXPECT_EQ(finding(ordinary(), "cache_bandwidth").value,
            "read/copied in GB/s by one worker: L1 200/150; by 4: L1 790/600");
  EXPECT_EQ(finding(ordinary(), "latency").value, "L1 1.2 ns (24 KiB), memory 101 ns (128 MiB)");
  EXPECT_EQ(worst_of(describe(ordinary())), doctor_status::ok);
  expect_remedies_where_due(ordinary());
}

TEST(limits, warn_of_workers_that_are_not_as_many_cores) {
  machine_limits limits = ordinary();
  limits.f32_flops.all = 210e9;
  const doctor_item item = finding(limits, "parallel_ceiling");
  EXPECT_EQ(item.status, doctor_status::info);
  EXPECT_THAT(item.value, HasSubstr("2.10 of 4"));
  EXPECT_THAT(item.remedy, AllOf(HasSubstr("2.1 from 4"), HasSubstr("siblings"), HasSubstr("quota")));
  expect_remedies_where_due(limits);
}

TEST(limits, say_when_memory_was_a_cache) {
  machine_limits limits = ordinary();
  limits.arrays_exceed_last_cache = false;
  EXPECT_EQ(finding(limits, "memory_probed").status, doctor_status::info);
  EXPECT_THAT(finding(limits, "memory_probed").value, HasSubstr("64 MiB, last-level cache of 32 MiB"));
  limits.last_cache_bytes.reset();
  EXPECT_THAT(finding(limits, "memory_probed").value, HasSubstr("not published"));
  expect_remedies_where_due(limits);
}

TEST(limits, that_could_not_be_measured_are_a_cause_and_not_a_number) {
  machine_limits limits = ordinary();
  limits.f64_flops.all = limits.latencies[1].ns_per_step = std::unexpected("the system has no time");
  limits.triad_streaming_bytes_per_second.one = limits.caches[0].copy_bytes_per_second.all =
      std::unexpected("the system has no time");
  for (const char* name : {"peak_f64", "cache_bandwidth", "latency", "triad_bandwidth"}) {
    EXPECT_EQ(finding(limits, name).value, "not measured: the system has no time");
  }
  expect_remedies_where_due(limits);
  const nlohmann::ordered_json object = to_json(limits);
  EXPECT_FALSE(object.contains("f64_flops_all"));
  EXPECT_EQ(object["latencies"].size(), 1u);
  EXPECT_EQ(object["absent"].size(), 4u);
  EXPECT_EQ(object["absent"][0].dump(), R"({"name":"f64_flops_all","cause":"the system has no time"})");
}

TEST(limits, have_every_figure_in_the_report) {
  const nlohmann::ordered_json object = to_json(ordinary());
  for (const std::string name :
       {"f32_flops", "f64_flops", "read_bytes_per_second", "copy_bytes_per_second", "copy_streaming_bytes_per_second",
        "triad_bytes_per_second", "triad_streaming_bytes_per_second"}) {
    EXPECT_GT(object.at(name + "_one").get<double>(), 0.0);
    EXPECT_GT(object.at(name + "_all").get<double>(), 0.0);
  }
  EXPECT_EQ(object["latencies"][1].dump(), R"({"level":"memory","chain_bytes":134217728,"ns_per_step":101.0})");
  EXPECT_EQ(object["caches"][0].dump(),
            R"({"level":"L1","cache_bytes":49152,"worker_bytes":24576,"read_bytes_per_second_one":200000000000.0,)"
            R"("read_bytes_per_second_all":790000000000.0,"copy_bytes_per_second_one":150000000000.0,)"
            R"("copy_bytes_per_second_all":600000000000.0})");
  EXPECT_TRUE(object["absent"].empty());
}

TEST(limits, probed_twice_are_the_better_of_each_figure) {
  machine_limits disturbed = ordinary();
  disturbed.f32_flops.all = 200e9;
  disturbed.caches[0].read_bytes_per_second.one = 90e9;
  disturbed.latencies[1].ns_per_step = 300.0;
  disturbed.f64_flops.one = std::unexpected("the system has no time");
  machine_limits later = ordinary();
  later.copy_bytes_per_second.one = 2e9;
  later.latencies[0].ns_per_step = 9.0;
  const nlohmann::ordered_json best = better_of(to_json(disturbed), to_json(later));
  nlohmann::ordered_json expected = to_json(ordinary());
  expected["took_ns"] = 1'000'000'000;
  EXPECT_EQ(nlohmann::json(best), nlohmann::json(expected));
  disturbed.f64_flops.all = later.f64_flops.all = std::unexpected("the system has no time");
  EXPECT_EQ(better_of(to_json(disturbed), to_json(later))["absent"].size(), 1u);
}

TEST(limits, of_this_machine_are_described_whatever_they_are) { expect_remedies_where_due(probe_this_machine()); }

}  // namespace
}  // namespace waitwork::bench
