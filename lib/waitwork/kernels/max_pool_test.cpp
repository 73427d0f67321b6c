// SPDX-License-Identifier: Apache-2.0
#include <waitwork/kernels/max_pool.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include <waitwork/kernels/instruction_sets.hpp>
#include <waitwork/kernels/numbers_for_test.hpp>

namespace waitwork::kernels {
namespace {

using max_pool_kernel = on_each_instruction_set;
WAITWORK_ON_EACH_INSTRUCTION_SET(max_pool_kernel);

std::vector<float> expected_pool(const max_pool_shape& shape, std::span<const float> x) {
  std::vector<float> y;
  for (std::size_t row = 0; row + 1 < shape.height; row += 2) {
    for (std::size_t column = 0; column + 1 < shape.width; column += 2) {
      for (std::size_t channel = 0; channel < shape.channels; ++channel) {
        const auto at = [&](std::size_t r, std::size_t c) {
          return x[((row + r) * shape.width + column + c) * shape.channels + channel];
        };
        y.push_back(std::max({at(0, 0), at(0, 1), at(1, 0), at(1, 1)}));
      }
    }
  }
  return y;
}

// Also compares what lies before and behind y.
void expect_pool(const max_pool_shape& shape, std::size_t offset) {
  const auto x = integers(offset + shape.width * shape.height * shape.channels, 1, 1000);
  auto expected = expected_pool(shape, std::span(x).subspan(offset));
  std::vector<float> y(offset + expected.size() + 17, untouched);
  max_pool(shape, std::span(x).subspan(offset), std::span(y).subspan(offset));
  expected.insert(expected.begin(), offset, untouched);
  expected.insert(expected.end(), 17, untouched);
  EXPECT_TRUE(y == expected) << shape.width << " x " << shape.height << " x " << shape.channels << " offset " << offset;
}

TEST_P(max_pool_kernel, halves_pictures_of_all_small_sizes) {
  for (std::size_t width = 0; width <= 9; ++width) {
    for (std::size_t height = 0; height <= 9; ++height) {
      for (const std::size_t channels : {0u, 1u, 3u, 16u}) expect_pool({width, height, channels}, 0);
    }
  }
}

TEST_P(max_pool_kernel, takes_any_number_of_channels_at_any_alignment) {
  for (std::size_t channels = 0; channels <= 40; ++channels) {
    for (const std::size_t offset : {0u, 1u, 7u}) expect_pool({6, 5, channels}, offset);
  }
}

TEST_P(max_pool_kernel, halves_odd_pictures_one_row_and_one_column) {
  expect_pool({41, 37, 5}, 1);
  expect_pool({40, 1, 5}, 1);
  expect_pool({1, 40, 5}, 1);
}

TEST_P(max_pool_kernel, orders_infinities) {
  const std::vector<float> x{-infinity, -infinity, -infinity, 3, 1, infinity, -infinity, -infinity, -infinity, 2, 1, 0};
  std::vector<float> y(3);
  max_pool({6, 2, 1}, x, y);
  EXPECT_EQ(y, (std::vector<float>{-infinity, 3, infinity}));
}

TEST_P(max_pool_kernel, does_bands_of_rows_apart_and_leaves_the_others) {
  const max_pool_shape shape{11, 23, 18};
  const auto x = integers(shape.width * shape.height * shape.channels, 2, 1000);
  const auto expected = expected_pool(shape, x);
  std::vector<float> y(expected.size(), untouched);
  max_pool(shape, x, y, {3, 7});
  const std::size_t row_floats = shape.output_width() * shape.channels;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t row = i / row_floats;
    EXPECT_EQ(y[i], row >= 3 && row < 7 ? expected[i] : untouched);
  }
  max_pool(shape, x, y, {7, 1000});
  max_pool(shape, x, y, {0, 3});
  max_pool(shape, x, y, {5, 5});
  max_pool(shape, x, y, {11, 12});
  EXPECT_EQ(y, expected);
}

TEST(max_pool_checks_death_test, stop_a_program_whose_spans_are_too_short) {
  std::vector<float> large(100);
  std::vector<float> small(7);
  EXPECT_DEATH(max_pool({4, 4, 2}, small, large), "x holds the picture");
  EXPECT_DEATH(max_pool({4, 4, 2}, large, small), "y holds the picture");
}

}  // namespace
}  // namespace waitwork::kernels
