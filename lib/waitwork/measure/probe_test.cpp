// SPDX-License-Identifier: Apache-2.0
#include <waitwork/measure/probe.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include <waitwork/measure/peak_loops.hpp>

namespace waitwork {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kib = 1024, mib = 1024 * kib;

// As short as it can be and still find the right order of magnitude.
probe_options short_options() {
  probe_options options;
  options.workers = 2;
  options.caches = {
      {"Data", 1, 32 * kib, 1}, {"Instruction", 1, 32 * kib, 1}, {"Unified", 2, mib, 1}, {"Unified", 3, 8 * mib, 2}};
  options.memory_bytes = 256 * mib;
  options.far_bytes = 32 * mib;
  options.warm_up = nanoseconds(500'000);
  options.window = nanoseconds(200'000);
  options.windows = 5;
  return options;
}

const machine_limits& measured() {
  static const machine_limits limits = probe_limits(short_options());
  return limits;
}

TEST(probe, finds_a_positive_figure_for_everything) {
  for (const named_limit& each : named_limits) {
    const rates& figures = measured().*each.figures;
    for (const probed& figure : {figures.one, figures.all}) {
      ASSERT_TRUE(figure) << each.name << ": " << figure.error();
      EXPECT_GT(*figure, 0.0) << each.name;
    }
  }
  for (const pointer_chase& each : measured().latencies) {
    ASSERT_TRUE(each.ns_per_step) << each.level << ": " << each.ns_per_step.error();
    EXPECT_GT(*each.ns_per_step, 0.0) << each.level;
  }
  ASSERT_EQ(measured().caches.size(), 3u);
  for (const cache_bandwidth& each : measured().caches) {
    for (const rates& figures : {each.read_bytes_per_second, each.copy_bytes_per_second}) {
      for (const probed& figure : {figures.one, figures.all}) {
        ASSERT_TRUE(figure) << each.level << ": " << figure.error();
        EXPECT_GT(*figure, 0.0) << each.level;
      }
    }
  }
  EXPECT_FALSE(measured().instruction_set.empty());
  EXPECT_GT(measured().took_ns, 0);
}

// No processor does 10^13 operations a second on one core: more would be work that the compiler left out. A vector has
// half as many doubles; twice as many are slack for a machine that was disturbed, not a claim.
TEST(probe, does_the_work_that_it_counts) {
  EXPECT_LT(*measured().f32_flops.one, 1e13);
  EXPECT_GT(*measured().f64_flops.one / *measured().f32_flops.one, 0.2);
  EXPECT_LT(*measured().f64_flops.one / *measured().f32_flops.one, 1.2);
}

TEST(probe, finds_all_workers_at_least_half_as_fast_as_one) {
  const machine_limits& limits = measured();
  EXPECT_GT(*limits.f32_flops.all, 0.5 * *limits.f32_flops.one);
  EXPECT_GT(*limits.f64_flops.all, 0.5 * *limits.f64_flops.one);
  EXPECT_GT(*limits.copy_bytes_per_second.all, 0.5 * *limits.copy_bytes_per_second.one);
  EXPECT_GT(*limits.triad_streaming_bytes_per_second.all, 0.5 * *limits.triad_streaming_bytes_per_second.one);
}

TEST(probe, chases_through_half_of_each_data_cache_and_through_memory) {
  const auto& found = measured().latencies;
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found[0].level, "L1");
  EXPECT_EQ(found[0].bytes, 16 * kib);
  EXPECT_EQ(found[1].level, "L2");
  EXPECT_EQ(found[1].bytes, 512 * kib);
  EXPECT_EQ(found[2].level, "L3");
  EXPECT_EQ(found[2].bytes, 4 * mib);
  EXPECT_EQ(found[3].level, "memory");
  EXPECT_EQ(found[3].bytes, 32 * mib);
  EXPECT_LT(*found.front().ns_per_step, 2.0 * *found.back().ns_per_step);
}

TEST(probe, goes_over_half_of_each_workers_caches) {
  const auto& found = measured().caches;
  EXPECT_EQ(found[0].level, "L1");
  EXPECT_EQ(found[0].cache_bytes, 32 * kib);
  EXPECT_EQ(found[0].bytes, 16 * kib);
  EXPECT_EQ(found[1].bytes, 512 * kib);
  EXPECT_EQ(found[2].level, "L3");
  EXPECT_EQ(found[2].bytes, 2 * mib) << "half of the last one, shared by two";
}

TEST(probe, says_whether_its_memory_exceeds_the_last_cache) {
  EXPECT_EQ(measured().last_cache_bytes, 8 * mib);
  EXPECT_EQ(measured().arrays_exceed_last_cache, true);
  EXPECT_EQ(measured().chase_exceeds_last_cache, true);
  probe_options options = short_options();
  options.caches[3].size_bytes = 256 * mib;
  const machine_limits within = probe_limits(options);
  EXPECT_EQ(within.arrays_exceed_last_cache, false);
  EXPECT_EQ(within.chase_exceeds_last_cache, false);
  options.caches.clear();
  const machine_limits unknown = probe_limits(options);
  EXPECT_FALSE(unknown.arrays_exceed_last_cache);
  ASSERT_EQ(unknown.latencies.size(), 1u);
  EXPECT_EQ(unknown.latencies[0].level, "memory");
}

TEST(probe, takes_no_more_memory_than_a_quarter_of_what_there_is) {
  EXPECT_LE(3 * measured().array_bytes, 64 * mib);
  probe_options options = short_options();
  options.memory_bytes = 8 * mib;
  const machine_limits limits = probe_limits(options);
  EXPECT_TRUE(limits.f32_flops.all);
  ASSERT_FALSE(limits.copy_bytes_per_second.one);
  EXPECT_THAT(limits.copy_bytes_per_second.one.error(), HasSubstr("8 MiB"));
  ASSERT_FALSE(limits.latencies.empty());
  EXPECT_FALSE(limits.latencies[0].ns_per_step);
  ASSERT_FALSE(limits.caches.empty());
  EXPECT_FALSE(limits.caches[0].read_bytes_per_second.one);
}

TEST(probe, says_why_memory_was_refused) {
  probe_options options = short_options();
  options.memory_bytes.reset();
  options.far_bytes = std::size_t{1} << 50;
  options.caches.clear();
  const machine_limits limits = probe_limits(options);
  ASSERT_FALSE(limits.triad_bytes_per_second.all);
  EXPECT_THAT(limits.triad_bytes_per_second.all.error(), HasSubstr("cannot map"));
  EXPECT_FALSE(limits.latencies[0].ns_per_step);
}

TEST(probe, has_figures_for_more_workers_than_cpus) {
  probe_options options = short_options();
  options.workers = 5;
  EXPECT_TRUE(probe_limits(options).f32_flops.all);
}

// In a process of its own, which may map no more than it has and a few thread stacks.
TEST(probe_death_test, says_why_threads_were_refused) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers map what they like";
#endif
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto refused = [] {
    const rlimit limit{.rlim_cur = 200 * mib, .rlim_max = 200 * mib};
    ::setrlimit(RLIMIT_AS, &limit);
    probe_options options = short_options();
    options.workers = 100;  // of 8 MiB each
    const machine_limits limits = probe_limits(options);
    std::fprintf(stderr, "%s", limits.f32_flops.all ? "not refused" : limits.f32_flops.all.error().c_str());
    std::_Exit(limits.f32_flops.one ? 0 : 1);
  };
  EXPECT_EXIT(refused(), ::testing::ExitedWithCode(0),
              "cannot start one of 100 threads: there is no memory for a stack of ");
}

// The loops themselves, over what they are given.
TEST(peak_loops, count_two_operations_for_each_element_and_step) {
  const double per_step = multiply_adds_f32(1);
  EXPECT_GE(per_step, 2.0 * 12);
  EXPECT_EQ(multiply_adds_f32(100), 100 * per_step);
  EXPECT_EQ(multiply_adds_f64(100), 50 * per_step);
}

TEST(peak_loops, copy_and_add_what_they_are_given) {
  constexpr std::size_t count = 3 * stream_granularity;
  alignas(64) double target[count + 1] = {}, first[count], second[count];
  for (std::size_t i = 0; i < count; ++i) {
    first[i] = static_cast<double>(i);
    second[i] = static_cast<double>(1000 * i);
  }
  for (const store_kind stores : {store_kind::regular, store_kind::streaming}) {
    copy_stream(stores, target, first, count);
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(target[i], first[i]);
    EXPECT_EQ(read_stream(first, count), count * (count - 1) / 2.0);
    triad_stream(stores, target, first, second, count);
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(target[i], first[i] + 3 * second[i]);
    EXPECT_EQ(target[count], 0.0);  // and nothing behind it
  }
}

}  // namespace
}  // namespace waitwork
