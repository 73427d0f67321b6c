// SPDX-License-Identifier: Apache-2.0
#include <waitwork/measure/timing.hpp>

#include <gtest/gtest.h>
#include <sys/prctl.h>

#include <thread>

#include <waitwork/measure/fixture_root.hpp>

namespace waitwork {
namespace {

TEST(timing, reads_the_timer_slack_of_the_calling_thread) {
  std::thread([] {
    ASSERT_EQ(::prctl(PR_SET_TIMERSLACK, 12345), 0);
    EXPECT_EQ(timer_slack_ns(), 12345);
  }).join();
}

TEST(timing, orders_its_measures_of_overshoot) {
  const sleep_overshoot measured = measure_sleep_overshoot();
  EXPECT_GT(measured.asked_ns, 0);
  EXPECT_GE(measured.median_ns, 0);
  EXPECT_GE(measured.worst_ns, measured.median_ns);
}

TEST(timing, finds_that_reading_the_clock_costs_something) { EXPECT_GT(measure_clock_read_ns(), 0.0); }

TEST(timing, names_the_clock_source_if_there_is_one) {
  fixture_root root;
  EXPECT_EQ(clock_source(root.path()), "");
  root.write("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
  EXPECT_EQ(clock_source(root.path()), "tsc");
}

}  // namespace
}  // namespace waitwork
