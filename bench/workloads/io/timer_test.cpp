// SPDX-License-Identifier: Apache-2.0
#include <workloads/io/workload_under_test.hpp>

namespace waitwork::bench {
namespace {

TEST(timer_workload, never_wakes_early_when_blocking) {
  const std::unique_ptr<workload> timer = make_workload("io/timer", smoke_settings("."));
  EXPECT_EQ(wrong_when_blocking(*timer, 20), 0u);
}

TEST(timer_workload, never_wakes_early_on_threads) {
  const std::unique_ptr<workload> timer = make_workload("io/timer", smoke_settings(".", "", 8));
  EXPECT_EQ(wrong_on_threads(*timer, 80, 8), 0u);
}

TEST(timer_workload, never_wakes_early_on_a_loop) {
  const std::unique_ptr<workload> timer = make_workload("io/timer", smoke_settings(".", "", 64));
  WAITWORK_SKIP_IF_UNSUPPORTED(EXPECT_EQ(wrong_on_loop(*timer, 1000, 64), 0u));
}

}  // namespace
}  // namespace waitwork::bench
