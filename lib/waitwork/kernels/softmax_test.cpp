// SPDX-License-Identifier: Apache-2.0
#include <waitwork/kernels/softmax.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include <waitwork/kernels/instruction_sets.hpp>
#include <waitwork/kernels/numbers_for_test.hpp>

namespace waitwork::kernels {
namespace {

using softmax_kernel = on_each_instruction_set;
WAITWORK_ON_EACH_INSTRUCTION_SET(softmax_kernel);

std::vector<double> exact_row(std::span<const float> x) {
  const double maximum = *std::ranges::max_element(x);
  std::vector<double> y;
  double sum = 0;
  for (const float value : x) sum += y.emplace_back(std::exp(double{value} - maximum));
  for (double& value : y) value /= sum;
  return y;
}

void expect_close(std::span<const float> y, const std::vector<double>& exact) {
  const double relative = (static_cast<double>(y.size()) / 4 + 100) * 0x1p-24;
  for (std::size_t i = 0; i < y.size(); ++i) {
    ASSERT_LE(std::abs(double{y[i]} - exact[i]), relative * exact[i] + 0x1p-125)
        << y[i] << " and not " << exact[i] << ", " << i << " of " << y.size();
  }
}

void expect_softmax(std::size_t rows, std::size_t columns, float extent, std::size_t padding = 0,
                    std::size_t offset = 0) {
  softmax_shape shape(rows, columns);
  shape.x_stride += padding;
  shape.y_stride += 2 * padding;
  const auto x = fractions(offset + rows * shape.x_stride, columns, extent);
  std::vector<float> y(offset + rows * shape.y_stride, untouched);
  softmax(shape, std::span(x).subspan(offset), std::span(y).subspan(offset));
  for (std::size_t i = 0; i < offset; ++i) EXPECT_EQ(y[i], untouched);
  for (std::size_t row = 0; row < rows; ++row) {
    const auto y_row = std::span(y).subspan(offset + row * shape.y_stride, shape.y_stride);
    const auto x_row = std::span(x).subspan(offset + row * shape.x_stride, columns);
    if (columns > 0) expect_close(y_row.first(columns), exact_row(x_row));
    for (const float between : y_row.subspan(columns)) EXPECT_EQ(between, untouched);
  }
}

TEST_P(softmax_kernel, stays_within_the_error_bound_for_all_small_sizes) {
  for (std::size_t rows = 0; rows <= 3; ++rows) {
    for (std::size_t columns = 0; columns <= 40; ++columns) {
      for (const float extent : {0.0f, 1.0f, 10.0f}) expect_softmax(rows, columns, extent);
    }
  }
}

TEST_P(softmax_kernel, stays_within_the_error_bound_for_long_rows_and_for_large_numbers) {
  for (const float extent : {0.01f, 5.0f, 50.0f, 200.0f, 1e6f, 3e38f}) expect_softmax(2, 4099, extent);
}

TEST_P(softmax_kernel, respects_strides_and_any_alignment) {
  for (std::size_t offset = 0; offset <= 17; ++offset) expect_softmax(3, 37, 8, 5, offset);
}

TEST_P(softmax_kernel, stays_within_the_error_bound_down_to_the_smallest_exponential) {
  // Two columns, so that a probability is that of one difference, and all of them in turn.
  std::vector<float> x;
  for (int step = 0; step <= 100'000; ++step) {
    x.push_back(-static_cast<float>(step) * 1e-3f);
    x.push_back(0);
  }
  const softmax_shape shape(x.size() / 2, 2);
  std::vector<float> y(x.size());
  softmax(shape, x, y);
  for (std::size_t i = 0; i < x.size(); i += 2) {
    const double exact = 1 / (1 + std::exp(-double{x[i]}));
    // No difference is rounded here.
    ASSERT_LE(std::abs(double{y[i]} - exact), 6 * 0x1p-24 * exact + 0x1p-125) << x[i];
    ASSERT_LE(std::abs(double{y[i + 1]} - (1 - exact)), 6 * 0x1p-24);
  }
}

TEST_P(softmax_kernel, adds_up_to_one) {
  const softmax_shape shape(1, 1000);
  const auto x = fractions(1000, 4, 3);
  std::vector<float> y(1000);
  softmax(shape, x, y);
  double sum = 0;
  for (const float probability : y) sum += probability;
  EXPECT_NEAR(sum, 1, 1e-5);
}

TEST_P(softmax_kernel, works_in_place) {
  for (std::size_t columns = 1; columns <= 40; ++columns) {
    const softmax_shape shape(3, columns);
    auto values = fractions(3 * columns, columns, 5);
    std::vector<float> apart(values.size());
    softmax(shape, values, apart);
    softmax(shape, values, values);
    EXPECT_EQ(values, apart);
  }
}

TEST_P(softmax_kernel, gives_what_is_minus_infinity_no_probability) {
  for (std::size_t columns = 2; columns <= 40; ++columns) {
    std::vector<float> values(columns, -infinity);
    values[columns / 2] = values[columns - 1] = -7;
    softmax(softmax_shape(1, columns), values, values);
    for (std::size_t i = 0; i < columns; ++i) {
      const bool has_some = i == columns / 2 || i == columns - 1;
      EXPECT_EQ(values[i], !has_some ? 0.0f : columns / 2 == columns - 1 ? 1.0f : 0.5f);
    }
  }
}

TEST_P(softmax_kernel, makes_a_row_nan_that_has_no_answer_and_no_other_row) {
  for (std::size_t columns = 1; columns <= 40; ++columns) {
    for (const float bad : {not_a_number, infinity}) {
      for (std::size_t where = 0; where < columns; ++where) {
        std::vector<float> values(3 * columns, 1.0f);
        values[columns + where] = bad;
        softmax(softmax_shape(3, columns), values, values);
        for (std::size_t i = 0; i < values.size(); ++i)
          EXPECT_EQ(std::isnan(values[i]), i / columns == 1) << columns << " " << where;
      }
    }
    std::vector<float> nothing(columns, -infinity);
    softmax(softmax_shape(1, columns), nothing, nothing);
    for (const float value : nothing) EXPECT_TRUE(std::isnan(value));
  }
}

TEST(softmax_checks_death_test, stop_a_program_whose_spans_are_too_short) {
  std::vector<float> large(100);
  std::vector<float> small(11);
  EXPECT_DEATH(softmax(softmax_shape(3, 4), small, large), "x holds the rows");
  EXPECT_DEATH(softmax(softmax_shape(3, 4), large, small), "y holds the rows");
  softmax_shape narrow(3, 4);
  narrow.x_stride = 3;
  EXPECT_DEATH(softmax(narrow, large, large), "a stride is at least");
}

}  // namespace
}  // namespace waitwork::kernels
