// SPDX-License-Identifier: Apache-2.0
#include <waitwork/measure/pressure.hpp>

#include <gtest/gtest.h>

#include <waitwork/measure/fixture_root.hpp>

namespace waitwork {
namespace {

TEST(pressure, is_absent_where_the_machine_does_not_publish_it) {
  const fixture_root root;
  const pressure_snapshot snapshot = pressure_now(root.path());
  EXPECT_FALSE(snapshot.cpu_some_us);
  EXPECT_FALSE(snapshot.steal_ticks);
  const pressure between = snapshot - snapshot;
  EXPECT_FALSE(between.cpu_some_percent);
  EXPECT_FALSE(between.steal_percent);
}

TEST(pressure, reads_the_totals_since_boot) {
  fixture_root root;
  root.write("proc/pressure/cpu",
             "some avg10=0.00 avg60=0.36 avg300=0.42 total=9863850\n"
             "full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n");
  root.write("proc/stat", "cpu  10 20 30 40 50 60 70 80 90 100\ncpu0 1 1 1 1 1 1 1 1 1 1\nintr 5\n");
  const pressure_snapshot snapshot = pressure_now(root.path());
  EXPECT_EQ(snapshot.cpu_some_us, 9863850);
  EXPECT_EQ(snapshot.steal_ticks, 80);
  EXPECT_EQ(snapshot.all_ticks, 360);  // without guest time, which user time already has
}

TEST(pressure, is_absent_where_the_files_are_not_what_was_expected) {
  fixture_root root;
  root.write("proc/pressure/cpu", "nothing here\n").write("proc/stat", "cpu  10 20 30\n");
  const pressure_snapshot snapshot = pressure_now(root.path());
  EXPECT_FALSE(snapshot.cpu_some_us);
  EXPECT_FALSE(snapshot.steal_ticks);
}

TEST(pressure, between_two_snapshots_is_a_share_of_the_time_between_them) {
  pressure_snapshot earlier;
  earlier.taken_ns = 1'000'000'000;
  earlier.cpu_some_us = 500;
  earlier.steal_ticks = 10;
  earlier.all_ticks = 1000;
  pressure_snapshot later = earlier;
  later.taken_ns += 1'000'000'000;
  later.cpu_some_us = 250'500;
  later.steal_ticks = 13;
  later.all_ticks = 1200;
  const pressure between = later - earlier;
  EXPECT_DOUBLE_EQ(between.cpu_some_percent.value_or(-1), 25.0);
  EXPECT_DOUBLE_EQ(between.steal_percent.value_or(-1), 1.5);
}

TEST(pressure, has_no_steal_to_report_before_a_tick_has_gone_by) {
  pressure_snapshot earlier;
  earlier.steal_ticks = 1;
  earlier.all_ticks = 10;
  EXPECT_FALSE((earlier - earlier).steal_percent);
}

TEST(pressure, stays_within_0_and_100_when_counters_step_back_or_overshoot) {
  pressure_snapshot earlier;
  earlier.cpu_some_us = 1000;
  earlier.steal_ticks = 100;
  earlier.all_ticks = 100;
  pressure_snapshot later;
  later.taken_ns = 1000;
  later.cpu_some_us = 5000;
  later.steal_ticks = 90;  // migration of a virtual machine
  later.all_ticks = 200;
  const pressure between = later - earlier;
  EXPECT_EQ(between.cpu_some_percent.value_or(-1), 100.0);
  EXPECT_EQ(between.steal_percent.value_or(-1), 0.0);
}

}  // namespace
}  // namespace waitwork
