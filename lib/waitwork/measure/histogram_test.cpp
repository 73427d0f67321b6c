// SPDX-License-Identifier: Apache-2.0
#include <waitwork/measure/histogram.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <waitwork/base/random.hpp>

namespace waitwork {
namespace {

constexpr std::int64_t hour_ns = 3'600'000'000'000;

// The definition that histogram::quantile_ns approximates.
std::int64_t nearest_rank(const std::vector<std::int64_t>& sorted, std::uint64_t per_mille) {
  const std::uint64_t rank = (sorted.size() * per_mille + 999) / 1000;
  return sorted[std::max<std::uint64_t>(rank, 1) - 1];
}

histogram of(const std::vector<std::int64_t>& values) {
  histogram made;
  for (const std::int64_t value : values) made.record(value);
  return made;
}

// Values spread evenly over the powers of two up to 2^max_bits.
std::vector<std::int64_t> log_uniform(std::size_t count, unsigned max_bits, std::uint64_t seed) {
  splitmix64 random(seed);
  std::vector<std::int64_t> values(count);
  for (std::int64_t& value : values) {
    const std::uint64_t bits = random.below(max_bits) + 1;
    value = static_cast<std::int64_t>(random() >> (64 - bits));
  }
  return values;
}

TEST(histogram, records_a_duration_many_times_as_if_one_by_one) {
  histogram at_once;
  histogram one_by_one;
  at_once.record(7, 0);
  EXPECT_EQ(at_once.count(), 0u);
  EXPECT_EQ(at_once.max_ns(), 0);
  for (const std::int64_t duration_ns : {900, 7, 123'456}) {
    at_once.record(duration_ns, 1000);
    for (int i = 0; i < 1000; ++i) one_by_one.record(duration_ns);
  }
  EXPECT_EQ(at_once.count(), 3000u);
  EXPECT_EQ(at_once.buckets(), one_by_one.buckets());
  EXPECT_EQ(at_once.mean_ns(), one_by_one.mean_ns());
  EXPECT_EQ(at_once.min_ns(), 7);
  EXPECT_EQ(at_once.max_ns(), 123'456);
}

TEST(histogram, answers_zero_to_everything_when_empty) {
  const histogram empty;
  EXPECT_EQ(empty.count(), 0u);
  EXPECT_EQ(empty.min_ns(), 0);
  EXPECT_EQ(empty.max_ns(), 0);
  EXPECT_EQ(empty.mean_ns(), 0.0);
  EXPECT_EQ(empty.quantile_ns(0.5), 0.0);
  EXPECT_TRUE(empty.buckets().empty());
}

TEST(histogram, keeps_every_value_within_its_bucket_and_the_bucket_within_the_promised_width) {
  splitmix64 random(1);
  for (unsigned bits = 0; bits < 42; ++bits) {
    const std::int64_t power = std::int64_t{1} << bits;
    for (const std::int64_t value :
         {power - 1, power, power + 1, power + power / 2,
          power + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(power)))}) {
      const auto buckets = of({value}).buckets();
      ASSERT_EQ(buckets.size(), 1u) << value;
      const histogram::bucket& only = buckets.front();
      EXPECT_LE(only.lower_ns, value);
      EXPECT_LT(value, only.upper_ns);
      EXPECT_EQ(only.count, 1u);
      const std::int64_t width = only.upper_ns - only.lower_ns;
      EXPECT_TRUE(width == 1 || width * 64 <= only.lower_ns) << value;
    }
  }
}

TEST(histogram, tiles_the_range_without_gap_or_overlap) {
  std::int64_t next = 0;
  std::size_t tiles = 0;
  while (next < histogram::saturation_ns) {
    const auto tile = of({next}).buckets().front();
    ASSERT_EQ(tile.lower_ns, next);
    next = tile.upper_ns;
    ++tiles;
  }
  EXPECT_EQ(next, histogram::saturation_ns);
  EXPECT_EQ(tiles, 2368u);
}

TEST(histogram, is_exact_below_128_ns) {
  for (std::int64_t value = 0; value < 128; ++value) {
    EXPECT_EQ(of({value, value, value}).quantile_ns(0.5), static_cast<double>(value));
    const auto only = of({value}).buckets().front();
    EXPECT_EQ(only.lower_ns, value);
    EXPECT_EQ(only.upper_ns, value + 1);
  }
}

TEST(histogram, estimates_quantiles_within_half_a_bucket_of_the_sorted_sample) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const std::size_t count = 1 + mix64(seed) % 5000;
    std::vector<std::int64_t> values = log_uniform(count, static_cast<unsigned>(1 + seed % 41), seed);
    const histogram recorded = of(values);
    std::ranges::sort(values);
    for (const std::uint64_t per_mille : {1u, 10u, 70u, 250u, 500u, 750u, 900u, 950u, 990u, 999u}) {
      const auto exact = static_cast<double>(nearest_rank(values, per_mille));
      const double estimate = recorded.quantile_ns(static_cast<double>(per_mille) / 1000.0);
      EXPECT_LE(std::abs(estimate - exact), exact / 128.0) << "seed " << seed << " q " << per_mille;
    }
    EXPECT_EQ(recorded.quantile_ns(0.0), static_cast<double>(values.front()));
    EXPECT_EQ(recorded.quantile_ns(1.0), static_cast<double>(values.back()));
  }
}

TEST(histogram, does_not_round_a_decimal_quantile_up_to_the_next_rank) {
  histogram recorded;
  for (std::int64_t value = 1; value <= 100; ++value) recorded.record(value);
  for (int percent = 1; percent <= 100; ++percent) {
    EXPECT_EQ(recorded.quantile_ns(percent / 100.0), percent) << percent;
  }
}

TEST(histogram, has_quantiles_that_never_fall) {
  const histogram recorded = of(log_uniform(3000, 40, 7));
  double before = 0;
  for (double q = 0; q <= 1.0; q += 0.001) {
    EXPECT_GE(recorded.quantile_ns(q), before);
    before = recorded.quantile_ns(q);
  }
}

TEST(histogram, has_exact_count_mean_minimum_and_maximum) {
  const std::vector<std::int64_t> values = log_uniform(10'000, 41, 3);
  const histogram recorded = of(values);
  double sum = 0;
  for (const std::int64_t value : values) sum += static_cast<double>(value);
  EXPECT_EQ(recorded.count(), values.size());
  EXPECT_EQ(recorded.min_ns(), *std::ranges::min_element(values));
  EXPECT_EQ(recorded.max_ns(), *std::ranges::max_element(values));
  EXPECT_NEAR(recorded.mean_ns(), sum / 10'000, sum / 10'000 * 1e-12);
}

TEST(histogram, lists_buckets_in_order_with_counts_that_add_up) {
  const histogram recorded = of(log_uniform(20'000, 42, 5));
  std::uint64_t total = 0;
  std::int64_t before = 0;
  for (const histogram::bucket& each : recorded.buckets()) {
    EXPECT_GE(each.lower_ns, before);
    EXPECT_LT(each.lower_ns, each.upper_ns);
    EXPECT_GT(each.count, 0u);
    before = each.upper_ns;
    total += each.count;
  }
  EXPECT_EQ(total, recorded.count());
}

TEST(histogram, merged_is_the_same_as_recorded_together) {
  const std::vector<std::int64_t> left = log_uniform(1000, 20, 11);
  const std::vector<std::int64_t> right = log_uniform(700, 41, 12);
  std::vector<std::int64_t> both = left;
  both.insert(both.end(), right.begin(), right.end());
  histogram merged = of(left);
  merged.merge(of(right));
  merged.merge(histogram());
  const histogram together = of(both);
  EXPECT_EQ(merged.buckets(), together.buckets());
  EXPECT_EQ(merged.count(), together.count());
  EXPECT_EQ(merged.min_ns(), together.min_ns());
  EXPECT_EQ(merged.max_ns(), together.max_ns());
  EXPECT_EQ(merged.mean_ns(), together.mean_ns());
  EXPECT_EQ(merged.quantile_ns(0.99), together.quantile_ns(0.99));
}

TEST(histogram, merged_into_an_empty_one_keeps_the_minimum) {
  histogram merged;
  merged.merge(of({500, 900}));
  EXPECT_EQ(merged.min_ns(), 500);
  EXPECT_EQ(merged.max_ns(), 900);
}

TEST(histogram, covers_an_hour_and_saturates_beyond_its_range) {
  const auto hour = of({hour_ns}).buckets().front();
  EXPECT_LE(hour.lower_ns, hour_ns);
  EXPECT_LT(hour_ns, hour.upper_ns);
  const std::int64_t day_ns = 24 * hour_ns;
  histogram recorded;
  recorded.record(day_ns);
  recorded.record(INT64_MAX / 4);
  ASSERT_EQ(recorded.buckets().size(), 1u);
  EXPECT_EQ(recorded.buckets().front().upper_ns, histogram::saturation_ns);
  EXPECT_EQ(recorded.buckets().front().count, 2u);
  EXPECT_EQ(recorded.min_ns(), day_ns);
  EXPECT_EQ(recorded.max_ns(), INT64_MAX / 4);
  EXPECT_EQ(recorded.quantile_ns(1.0), static_cast<double>(INT64_MAX / 4));
}

TEST(histogram, counts_a_negative_duration_as_zero) {
  const histogram recorded = of({-5});
  EXPECT_EQ(recorded.min_ns(), 0);
  EXPECT_EQ(recorded.max_ns(), 0);
  EXPECT_EQ(recorded.mean_ns(), 0.0);
}

}  // namespace
}  // namespace waitwork
