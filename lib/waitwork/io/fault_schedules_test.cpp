// SPDX-License-Identifier: Apache-2.0
// The example programs under seeded mixtures of everything that a kernel may do (fault_injector_for_test.hpp).
//
//   WAITWORK_SEED=n        one schedule
//   WAITWORK_SCHEDULES=n   that many of each program

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include <waitwork/io/schedule_for_test.hpp>

namespace waitwork {
namespace {

class fault_schedules : public testing::TestWithParam<program> {};

// 100,000 and a few over the seven programs in an optimised build.
constexpr std::uint64_t usual_schedules = 14'300;

TEST_P(fault_schedules, leave_nothing_behind) {
  std::uint64_t faults = 0, stops = 0, failures = 0, suspensions = 0, overflows = 0, queue_full = 0;
  const std::uint64_t first = first_seed(1);
  const std::uint64_t count = schedules_to_run(usual_schedules);
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const outcome seen = run(schedule_from(GetParam(), seed));
    if (HasFailure()) return;
    faults += seen.faults;
    stops += seen.stopped;
    failures += !seen.returned;
    suspensions += seen.suspensions;
    overflows += seen.counters.overflows;
    queue_full += seen.counters.queue_full;
  }
  RecordProperty("schedules", std::to_string(count));
  RecordProperty("faults", std::to_string(faults));
  RecordProperty("stops", std::to_string(stops));
  RecordProperty("failures", std::to_string(failures));
  RecordProperty("suspensions", std::to_string(suspensions));
  RecordProperty("overflows", std::to_string(overflows));
  RecordProperty("queue_full", std::to_string(queue_full));
}

TEST_P(fault_schedules, are_decided_by_their_seed_alone) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const schedule chosen = schedule_from(GetParam(), seed);
    const outcome once = run(chosen);
    const outcome again = run(chosen);
    ASSERT_EQ(once.trace, again.trace) << "seed " << seed;
    ASSERT_EQ(once.suspensions, again.suspensions) << "seed " << seed;
    ASSERT_EQ(once.ended_by, again.ended_by) << "seed " << seed;
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(programs, fault_schedules, testing::ValuesIn(programs().begin(), programs().end()),
                         [](const testing::TestParamInfo<program>& shown) { return shown.param.name; });

}  // namespace
}  // namespace waitwork
