// SPDX-License-Identifier: Apache-2.0
// A stop at every suspension point of the example programs, before every request and while each is on its way into the
// kernel; and a failure in place of every request. The points are found by counting them in a run without the stop.
//
//   WAITWORK_SEED=n        one mixture of faults
//   WAITWORK_SCHEDULES=n   that many mixtures, besides a world without faults

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>

#include <waitwork/io/schedule_for_test.hpp>

namespace waitwork {
namespace {

constexpr std::uint64_t usual_mixtures = 10;

class cancellation_points : public testing::TestWithParam<program> {
 protected:
  // Runs the program once without, and then with an intervention at each of its moments, in a world without faults and
  // in several with them.
  void at_every(std::uint64_t outcome::* moments, std::optional<std::uint64_t> intervention::* moment) {
    std::uint64_t runs = 0;
    const std::uint64_t first = first_seed(0);
    for (std::uint64_t seed = first; seed < first + schedules_to_run(usual_mixtures + 1); ++seed) {
      schedule chosen = seed == 0 ? schedule(GetParam(), seed) : schedule_from(GetParam(), seed);
      // An intervention in the middle of a submission queues requests of its own, for which there must be room.
      if (moment == &intervention::stop_at_submission) chosen.options = loop_options();
      chosen.plan = intervention();
      const std::uint64_t count = run(chosen).*moments;
      chosen.strict = false;
      for (std::uint64_t at = 0; at <= count; ++at, ++runs) {
        chosen.plan.*moment = at;
        run(chosen);
        ASSERT_FALSE(HasFailure()) << "seed " << seed << ", moment " << at << " of " << count;
      }
    }
    RecordProperty("runs", std::to_string(runs));
  }
};

TEST_P(cancellation_points, leave_nothing_behind_when_stopped_at_any_suspension) {
  at_every(&outcome::suspensions, &intervention::stop_at_suspension);
}

TEST_P(cancellation_points, leave_nothing_behind_when_stopped_before_any_request) {
  at_every(&outcome::requests, &intervention::stop_at_request);
}

TEST_P(cancellation_points, leave_nothing_behind_when_stopped_on_the_way_into_the_kernel) {
  at_every(&outcome::submissions, &intervention::stop_at_submission);
}

TEST_P(cancellation_points, leave_nothing_behind_when_any_request_fails) {
  at_every(&outcome::submissions, &intervention::fail_at_submission);
}

INSTANTIATE_TEST_SUITE_P(programs, cancellation_points, testing::ValuesIn(programs().begin(), programs().end()),
                         [](const testing::TestParamInfo<program>& shown) { return shown.param.name; });

}  // namespace
}  // namespace waitwork
