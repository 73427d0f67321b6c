// SPDX-License-Identifier: Apache-2.0
#include <waitwork/kernels/fir_filter.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <waitwork/kernels/instruction_sets.hpp>
#include <waitwork/kernels/numbers_for_test.hpp>

namespace waitwork::kernels {
namespace {

using fir_filter_kernel = on_each_instruction_set;
WAITWORK_ON_EACH_INSTRUCTION_SET(fir_filter_kernel);

// What lies around source and taps is no number: it would show in the result if it were read and
// used.
void expect_filtered(std::size_t tap_count, std::size_t outputs, std::size_t offset = 0) {
  const std::size_t source_count = outputs + tap_count - 1;
  const auto values = integers(source_count, 1);
  const auto tap_values = integers(tap_count, 2);
  std::vector<float> source(source_count + offset + 1, not_a_number);
  std::vector<float> taps(tap_count + offset + 1, not_a_number);
  std::copy(values.begin(), values.end(), source.begin() + static_cast<std::ptrdiff_t>(offset));
  std::copy(tap_values.begin(), tap_values.end(), taps.begin() + static_cast<std::ptrdiff_t>(offset));
  std::vector<float> target(outputs + offset + 1, untouched);
  fir_filter(std::span(taps).subspan(offset, tap_count), std::span(source).subspan(offset, source_count),
             std::span(target).subspan(offset, outputs));

  std::vector<float> expected(outputs + offset + 1, untouched);
  for (std::size_t i = 0; i < outputs; ++i) {
    float sum = 0;
    for (std::size_t t = 0; t < tap_count; ++t) sum += tap_values[t] * values[i + t];
    expected[offset + i] = sum;
  }
  EXPECT_TRUE(target == expected) << tap_count << " taps, " << outputs << " outputs, offset " << offset;
}

TEST_P(fir_filter_kernel, filters_with_all_small_numbers_of_taps_and_outputs) {
  for (std::size_t taps = 1; taps <= 40; ++taps) {
    for (std::size_t outputs = 1; outputs <= 40; ++outputs) expect_filtered(taps, outputs);
  }
}

TEST_P(fir_filter_kernel, filters_around_the_edges_of_groups_of_taps_and_blocks_of_outputs) {
  for (const std::size_t taps : {47u, 48u, 49u, 63u, 64u, 65u, 80u, 95u, 96u, 97u, 128u, 129u, 300u}) {
    for (const std::size_t outputs : {1u, 15u, 63u, 64u, 65u, 255u, 256u, 257u, 600u}) expect_filtered(taps, outputs);
  }
}

TEST_P(fir_filter_kernel, takes_spans_at_any_alignment) {
  for (std::size_t offset = 1; offset <= 17; ++offset) expect_filtered(37, 301, offset);
}

TEST_P(fir_filter_kernel, gives_the_same_bits_wherever_a_signal_is_cut) {
  const std::size_t outputs = 431;
  for (const std::size_t count : {1u, 9u, 31u, 70u, 150u}) {
    const auto source = fractions(outputs + count - 1, 3);
    const auto taps = fractions(count, 4);
    std::vector<float> whole(outputs);
    fir_filter(taps, source, whole);
    for (const std::size_t step : {1u, 7u, 100u, 300u}) {
      std::vector<float> cut(outputs);
      for (std::size_t first = 0; first < outputs; first += step) {
        const std::size_t length = std::min(step, outputs - first);
        fir_filter(taps, std::span(source).subspan(first, length + count - 1), std::span(cut).subspan(first, length));
      }
      EXPECT_EQ(cut, whole) << count << " taps, cut every " << step;
    }
  }
}

TEST_P(fir_filter_kernel, stays_within_the_error_bound_on_fractions) {
  const double unit = std::ldexp(1.0, -24);
  for (const std::size_t count : {1u, 15u, 64u, 1777u}) {
    const std::size_t outputs = 101;
    const auto source = fractions(outputs + count - 1, 5);
    const auto taps = fractions(count, 6);
    std::vector<float> target(outputs);
    fir_filter(taps, source, target);
    const double gamma = static_cast<double>(count) * unit / (1 - static_cast<double>(count) * unit);
    for (std::size_t i = 0; i < outputs; ++i) {
      double sum = 0;
      double magnitude = 0;
      for (std::size_t t = 0; t < count; ++t) {
        const double product = static_cast<double>(taps[t]) * static_cast<double>(source[i + t]);
        sum += product;
        magnitude += std::abs(product);
      }
      // The reference itself is off by up to count * 2^-53 of the magnitude.
      const double allowed = (gamma + static_cast<double>(count) * std::ldexp(1.0, -53)) * magnitude;
      ASSERT_LE(std::abs(static_cast<double>(target[i]) - sum), allowed) << count << " taps, output " << i;
    }
  }
}

TEST_P(fir_filter_kernel, passes_on_what_is_no_number_and_what_is_infinite_to_the_outputs_that_meet_it) {
  const std::size_t count = 35;
  const std::size_t outputs = 300;
  for (const float odd : {not_a_number, infinity}) {
    auto source = std::vector<float>(outputs + count - 1, 1.0f);
    const std::size_t at = 150;
    source[at] = odd;
    const std::vector<float> taps(count, 2.0f);
    std::vector<float> target(outputs);
    fir_filter(taps, source, target);
    for (std::size_t i = 0; i < outputs; ++i) {
      const bool meets = i <= at && at < i + count;
      EXPECT_EQ(std::isnan(target[i]), meets && std::isnan(odd)) << i;
      EXPECT_EQ(std::isinf(target[i]), meets && std::isinf(odd)) << i;
    }
  }
}

TEST_P(fir_filter_kernel, has_nothing_to_do_where_the_source_is_shorter_than_the_taps) {
  const std::vector<float> taps(5, 1.0f);
  fir_filter(taps, std::span<const float>(), std::span<float>());
  fir_filter(taps, std::vector<float>(4, 1.0f), std::span<float>());
}

TEST(fir_filter_checks_death_test, stop_a_program_whose_spans_do_not_fit) {
  const std::vector<float> values(10, 1.0f);
  std::vector<float> target(8);
  EXPECT_DEATH(fir_filter(std::span<const float>(), values, target), "one tap or more");
  EXPECT_DEATH(fir_filter(std::span(values).first(3), std::span(values).first(9), target), "fir_filter_outputs");
  EXPECT_DEATH(fir_filter(std::span(values).first(2), values, target), "fir_filter_outputs");
}

}  // namespace
}  // namespace waitwork::kernels
