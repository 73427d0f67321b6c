// SPDX-License-Identifier: Apache-2.0
#include <harness/drive/busy_work.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <set>

namespace waitwork::bench {
namespace {

TEST(busy_work, ends_where_the_jump_ahead_says) {
  for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{42}, ~std::uint64_t{0}}) {
    for (std::uint64_t steps = 0; steps < 300; ++steps) {
      ASSERT_EQ(busy_work(seed, steps), busy_work_expected(seed, steps)) << "seed " << seed << ", steps " << steps;
    }
    for (const std::uint64_t steps : {4095u, 4096u, 4097u, 99'991u, 1'000'000u}) {
      EXPECT_EQ(busy_work(seed, steps), busy_work_expected(seed, steps)) << "seed " << seed << ", steps " << steps;
    }
  }
}

TEST(busy_work, gives_away_a_step_too_few_or_too_many_and_another_seed) {
  std::set<std::uint64_t> answers;
  for (std::uint64_t seed = 0; seed < 16; ++seed) {
    for (std::uint64_t steps = 1000; steps < 1016; ++steps) answers.insert(busy_work_expected(seed, steps));
  }
  EXPECT_EQ(answers.size(), 256u);
}

TEST(busy_work_expected, takes_any_number_of_steps) {
  // Two jumps from the same seed whose lengths differ by the period, 2^64, are the same jump; this
  // is one short of it.
  EXPECT_NE(busy_work_expected(1, ~std::uint64_t{0}), busy_work_expected(1, 0));
  EXPECT_EQ(busy_work_expected(1, 0), busy_work(1, 0));
}

TEST(measure_busy_work_per_us, gives_a_usable_rate) {
  const double rate = measure_busy_work_per_us();
  EXPECT_TRUE(std::isfinite(rate));
  EXPECT_GT(rate, 0.0);
}

}  // namespace
}  // namespace waitwork::bench
