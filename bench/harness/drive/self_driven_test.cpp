// SPDX-License-Identifier: Apache-2.0
#include <harness/drive/self_driven.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace waitwork::bench {
namespace {

constexpr std::uint64_t far_away = std::uint64_t{1} << 40;  // where the units of a warm-up are

answer right_sum(std::uint64_t first, std::uint64_t count) {
  answer sum = 0;
  for (std::uint64_t index = first; index != first + count; ++index) sum += index;
  return sum;
}

TEST(batch_log, holds_every_unit_of_the_batch) {
  for (const std::uint64_t count : {0ull, 1ull, 2ull, 3ull, 64ull, 1000ull, 4097ull}) {
    for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{7}, far_away}) {
      const unit_log log = batch_log(first, count, 1000, right_sum(first, count));
      EXPECT_EQ(log.latency.count(), count);
      EXPECT_EQ(log.wrong, 0u);
    }
  }
}

TEST(batch_log, gives_each_unit_the_same_share_of_the_time) {
  const unit_log log = batch_log(0, 1000, 50'000, right_sum(0, 1000));
  EXPECT_EQ(log.latency.min_ns(), 50);
  EXPECT_EQ(log.latency.max_ns(), 50);
  EXPECT_EQ(log.latency.mean_ns(), 50.0);
}

TEST(batch_log, is_not_fooled_by_sums_that_wrap) {
  const std::uint64_t last = ~std::uint64_t{0} - 2;
  EXPECT_EQ(batch_log(last, 5, 1, right_sum(last, 5)).wrong, 0u);
}

TEST(batch_log, condemns_the_whole_batch_if_a_unit_is_missing_or_there_twice) {
  EXPECT_EQ(batch_log(5, 10, 1, right_sum(5, 9)).wrong, 10u);
  const unit_log twice = batch_log(5, 10, 1, right_sum(5, 10) + 6);
  EXPECT_EQ(twice.wrong, 10u);
  EXPECT_EQ(twice.first_wrong_unit, 5u);
}

TEST(batch_log, keeps_the_latencies_of_units_that_were_timed) {
  histogram latency;
  latency.record(10);
  latency.record(30);
  const unit_log log = batch_log(0, 2, latency, 1);
  EXPECT_EQ(log.latency.count(), 2u);
  EXPECT_EQ(log.latency.max_ns(), 30);
}

class drives_itself final : public self_driven {
 public:
  unit_log drive(std::uint64_t first, std::uint64_t count) override {
    done_ += count;
    return batch_log(first, count, 1, right_sum(first, count));
  }
  std::vector<loop_counters> loops() const override {
    loop_counters counted;
    counted.enters = done_;
    return {counted};
  }
  unsigned loop_setup_flags() const override { return 42; }

 private:
  std::uint64_t done_ = 0;
};

TEST(self_driven, gets_its_units_from_the_strategy_of_its_row_and_is_asked_for_its_loops) {
  row chosen;
  chosen.strategy = strategy_kind::concurrent;
  chosen.depth = 4;
  drives_itself work;
  const std::unique_ptr<strategy> driver = make_strategy(chosen, work);
  EXPECT_EQ(driver->drive(work, 3, 10).latency.count(), 10u);
  ASSERT_EQ(driver->loops().size(), 1u);
  EXPECT_EQ(driver->loops()[0].enters, 10u);
  EXPECT_EQ(driver->loop_setup_flags(), 42u);
}

TEST(self_driven_death_test, cannot_be_driven_unit_by_unit) {
  drives_itself work;
  EXPECT_DEATH(static_cast<workload&>(work).run({0, 0}), "drives itself");
}

}  // namespace
}  // namespace waitwork::bench
