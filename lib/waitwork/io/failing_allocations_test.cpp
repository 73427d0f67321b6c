// SPDX-License-Identifier: Apache-2.0
// The example programs when memory runs out: each allocation that a run makes fails once, the loop's own and those of
// every coroutine frame among them. The program then ends, well or by std::bad_alloc, and leaves nothing behind.
//
//   WAITWORK_SEED=n        one mixture of faults
//   WAITWORK_SCHEDULES=n   that many mixtures, besides a world without faults

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include <waitwork/io/live_allocations_for_test.hpp>
#include <waitwork/io/schedule_for_test.hpp>

namespace waitwork {
namespace {

constexpr std::uint64_t usual_mixtures = 15;

class failing_allocations : public testing::TestWithParam<program> {};

TEST_P(failing_allocations, leave_nothing_behind) {
  std::uint64_t runs = 0, failures = 0;
  const std::uint64_t first = first_seed(0);
  for (std::uint64_t seed = first; seed < first + schedules_to_run(usual_mixtures + 1); ++seed) {
    schedule chosen = seed == 0 ? schedule(GetParam(), seed) : schedule_from(GetParam(), seed);
    // No second failure: what cleans up after the first may need memory itself.
    chosen.rates = chosen.rates.harmless();
    chosen.plan = intervention();
    run(chosen);  // makes what is made once
    const without_frame_pool every_frame_is_an_allocation;
    const std::uint64_t count = run(chosen).allocations;
    chosen.strict = false;
    for (std::uint64_t at = 0; at < count; ++at, ++runs) {
      chosen.failing_allocation = at;
      failures += !run(chosen).returned;
      ASSERT_FALSE(HasFailure()) << "seed " << seed << ", allocation " << at << " of " << count;
    }
  }
  RecordProperty("runs", std::to_string(runs));
  RecordProperty("failures", std::to_string(failures));
}

INSTANTIATE_TEST_SUITE_P(programs, failing_allocations, testing::ValuesIn(programs().begin(), programs().end()),
                         [](const testing::TestParamInfo<program>& shown) { return shown.param.name; });

}  // namespace
}  // namespace waitwork
