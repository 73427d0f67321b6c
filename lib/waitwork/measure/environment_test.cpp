// SPDX-License-Identifier: Apache-2.0
#include <waitwork/measure/environment.hpp>

#include <gtest/gtest.h>

#include <waitwork/measure/fixture_root.hpp>

namespace waitwork {
namespace {

const std::string cpus = "sys/devices/system/cpu/";

TEST(environment, lists_the_caches_of_the_first_cpu) {
  fixture_root root;
  const std::string cache = cpus + "cpu0/cache/";
  root.write(cache + "index0/type", "Data\n")
      .write(cache + "index0/level", "1\n")
      .write(cache + "index0/size", "48K\n")
      .write(cache + "index0/shared_cpu_map", "1\n")
      .write(cache + "index1/type", "Unified\n")
      .write(cache + "index1/level", "3\n")
      .write(cache + "index1/size", "260M\n")
      .write(cache + "index1/shared_cpu_map", "00000000,00000003\n")
      .write(cache + "index2/type", "Unified\n");  // incomplete
  const std::vector<cpu_cache> expected{{"Data", 1, 48 << 10, 1}, {"Unified", 3, 260 << 20, 2}};
  EXPECT_EQ(read_environment(root.path()).caches, expected);
}

TEST(environment, does_not_know_about_frequency_scaling_without_cpufreq) {
  const fixture_root root;
  EXPECT_FALSE(read_environment(root.path()).cpu_scaling_enabled);
}

TEST(environment, has_no_frequency_scaling_if_all_governors_are_performance) {
  fixture_root root;
  root.write(cpus + "cpu0/cpufreq/scaling_governor", "performance\n")
      .write(cpus + "cpu3/cpufreq/scaling_governor", "performance\n");
  EXPECT_EQ(read_environment(root.path()).cpu_scaling_enabled, false);
}

TEST(environment, has_frequency_scaling_if_one_governor_is_another) {
  fixture_root root;
  root.write(cpus + "cpu0/cpufreq/scaling_governor", "performance\n")
      .write(cpus + "cpu1/cpufreq/scaling_governor", "powersave\n");
  const environment found = read_environment(root.path());
  EXPECT_EQ(found.cpu_scaling_enabled, true);
  EXPECT_EQ(found.governors, (std::vector<std::string>{"performance", "powersave"}));
}

TEST(environment, prefers_the_highest_allowed_frequency_to_the_present_one) {
  fixture_root root;
  root.write("proc/cpuinfo", "cpu MHz\t\t: 2300.125\n");
  EXPECT_DOUBLE_EQ(read_environment(root.path()).mhz, 2300.125);
  root.write(cpus + "cpu0/cpufreq/cpuinfo_max_freq", "3900000\n");
  EXPECT_DOUBLE_EQ(read_environment(root.path()).mhz, 3900.0);
}

TEST(environment, reads_load_and_cpu_count) {
  fixture_root root;
  root.write("proc/loadavg", "0.25 1.50 12.00 2/345 6789\n").write(cpus + "online", "0-3,6\n");
  const environment found = read_environment(root.path());
  EXPECT_EQ(found.load_average, (std::vector<double>{0.25, 1.5, 12.0}));
  EXPECT_EQ(found.cpus_online, 5u);
}

TEST(environment, of_a_machine_that_publishes_nothing_is_empty_and_not_an_error) {
  const fixture_root root;
  const environment found = read_environment(root.path());
  EXPECT_EQ(found.mhz, 0.0);
  EXPECT_TRUE(found.caches.empty());
  EXPECT_TRUE(found.load_average.empty());
  EXPECT_GE(found.cpus_online, 1u);
  EXPECT_FALSE(found.host_name.empty());
}

}  // namespace
}  // namespace waitwork
