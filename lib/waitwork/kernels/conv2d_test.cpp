// SPDX-License-Identifier: Apache-2.0
#include <waitwork/kernels/conv2d.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include <waitwork/kernels/instruction_sets.hpp>
#include <waitwork/kernels/numbers_for_test.hpp>

namespace waitwork::kernels {
namespace {

using conv2d_kernel = on_each_instruction_set;
WAITWORK_ON_EACH_INSTRUCTION_SET(conv2d_kernel);

std::size_t x_size(const conv2d_shape& shape) { return shape.width * shape.height * shape.inputs; }
std::size_t y_size(const conv2d_shape& shape) { return shape.output_width() * shape.output_height() * shape.outputs; }

struct layer {
  layer(const conv2d_shape& of, std::vector<float> given_weights, std::vector<float> given_bias)
      : shape(of),
        weights(std::move(given_weights)),
        bias(std::move(given_bias)),
        packed(packed_weights_size(of.window(), of.outputs), not_a_number) {
    pack_weights(shape.window(), shape.outputs, weights, bias, packed);
  }

  // Calls visit(x, weight) for each pixel and channel of the picture in the window of an output.
  template <class Visit>
  void for_each_in_window(std::span<const float> x, std::size_t row, std::size_t column, std::size_t output,
                          Visit visit) const {
    const auto signed_size = [](std::size_t size) { return static_cast<std::ptrdiff_t>(size); };
    const bool same = shape.border == conv2d_border::same;
    for (std::size_t r = 0; r < shape.kernel_height; ++r) {
      for (std::size_t c = 0; c < shape.kernel_width; ++c) {
        const std::ptrdiff_t x_row =
            signed_size(row * shape.stride + r) - (same ? signed_size(shape.kernel_height - 1) / 2 : 0);
        const std::ptrdiff_t x_column =
            signed_size(column * shape.stride + c) - (same ? signed_size(shape.kernel_width - 1) / 2 : 0);
        if (x_row < 0 || x_row >= signed_size(shape.height)) continue;
        if (x_column < 0 || x_column >= signed_size(shape.width)) continue;
        const std::size_t pixel = static_cast<std::size_t>(x_row) * shape.width + static_cast<std::size_t>(x_column);
        for (std::size_t input = 0; input < shape.inputs; ++input) {
          visit(x[pixel * shape.inputs + input],
                weights[((r * shape.kernel_width + c) * shape.inputs + input) * shape.outputs + output]);
        }
      }
    }
  }

  // The plain loops.
  std::vector<float> expected(std::span<const float> x, activation after) const {
    std::vector<float> y;
    y.reserve(y_size(shape));
    for (std::size_t row = 0; row < shape.output_height(); ++row) {
      for (std::size_t column = 0; column < shape.output_width(); ++column) {
        for (std::size_t output = 0; output < shape.outputs; ++output) {
          float sum = bias[output];
          for_each_in_window(x, row, column, output, [&](float value, float weight) { sum += value * weight; });
          y.push_back(after == activation::relu ? std::max(sum, 0.0f) : sum);
        }
      }
    }
    return y;
  }

  conv2d_shape shape;
  std::vector<float> weights;
  std::vector<float> bias;
  std::vector<float> packed;
};

layer integer_layer(const conv2d_shape& shape) {
  return {shape, integers(shape.window() * shape.outputs, 2), integers(shape.outputs, 3)};
}

// Also compares what lies before and behind y.
void expect_layer(const conv2d_shape& shape, std::size_t offset = 1) {
  const layer of = integer_layer(shape);
  auto packed = of.packed;
  packed.insert(packed.begin(), offset, not_a_number);
  const auto x = integers(x_size(shape) + offset, 1);
  for (const activation after : {activation::none, activation::relu}) {
    std::vector<float> y(offset + y_size(shape) + 17, untouched);
    conv2d(shape, std::span(x).subspan(offset), std::span(packed).subspan(offset), std::span(y).subspan(offset), after);
    auto expected = of.expected(std::span(x).subspan(offset), after);
    expected.insert(expected.begin(), offset, untouched);
    expected.insert(expected.end(), 17, untouched);
    EXPECT_TRUE(y == expected) << shape.width << " x " << shape.height << ", " << shape.inputs << " to "
                               << shape.outputs << ", kernel " << shape.kernel_width << " x " << shape.kernel_height
                               << " stride " << shape.stride
                               << (shape.border == conv2d_border::same ? " same" : " valid") << " offset " << offset;
  }
}

TEST_P(conv2d_kernel, computes_all_small_pictures_with_usual_kernels) {
  for (std::size_t width = 0; width <= 8; ++width) {
    for (std::size_t height = 0; height <= 8; ++height) {
      for (const std::size_t kernel : {1u, 3u, 5u}) {
        for (const conv2d_border border : {conv2d_border::same, conv2d_border::valid})
          expect_layer({width, height, 2, 3, kernel, kernel, 1, border});
      }
    }
  }
}

TEST_P(conv2d_kernel, computes_all_small_numbers_of_channels) {
  for (std::size_t inputs = 0; inputs <= 5; ++inputs) {
    for (std::size_t outputs = 0; outputs <= 40; ++outputs) expect_layer({5, 4, inputs, outputs});
  }
}

TEST_P(conv2d_kernel, computes_numbers_of_channels_around_the_edges_of_panels) {
  for (const std::size_t outputs : {47u, 48u, 49u, 63u, 64u, 65u, 80u, 128u, 130u}) expect_layer({5, 5, 3, outputs});
}

TEST_P(conv2d_kernel, computes_kernels_and_strides_of_any_size) {
  for (std::size_t kernel_width = 1; kernel_width <= 7; ++kernel_width) {
    for (std::size_t kernel_height = 1; kernel_height <= 7; kernel_height += 2) {
      for (const std::size_t stride : {1u, 2u, 3u, 9u}) {
        for (const conv2d_border border : {conv2d_border::same, conv2d_border::valid})
          expect_layer({9, 7, 2, 5, kernel_width, kernel_height, stride, border});
      }
    }
  }
}

TEST_P(conv2d_kernel, computes_odd_pictures_one_row_and_one_column) {
  expect_layer({41, 37, 1, 16});
  expect_layer({40, 1, 3, 20});
  expect_layer({1, 40, 3, 20});
  expect_layer({29, 13, 17, 33, 5, 3});
}

TEST_P(conv2d_kernel, computes_windows_larger_than_a_cache_block) {
  expect_layer({3, 4, 520, 64});
  expect_layer({2, 3, 520, 65, 2, 5, 1, conv2d_border::same});
}

TEST_P(conv2d_kernel, takes_operands_at_any_alignment) {
  for (std::size_t offset = 0; offset <= 17; ++offset) expect_layer({6, 5, 3, 35}, offset);
}

TEST_P(conv2d_kernel, computes_bands_of_rows_apart_and_leaves_the_others) {
  const layer of = integer_layer({11, 23, 3, 18, 5, 5});
  const auto x = integers(x_size(of.shape), 4);
  const auto expected = of.expected(x, activation::none);
  std::vector<float> y(expected.size(), untouched);
  conv2d(of.shape, x, of.packed, y, activation::none, {5, 12});
  const std::size_t row_floats = of.shape.output_width() * of.shape.outputs;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t row = i / row_floats;
    EXPECT_EQ(y[i], row >= 5 && row < 12 ? expected[i] : untouched);
  }
  conv2d(of.shape, x, of.packed, y, activation::none, {12, 13});
  conv2d(of.shape, x, of.packed, y, activation::none, {0, 5});
  conv2d(of.shape, x, of.packed, y, activation::none, {13, 1000});
  conv2d(of.shape, x, of.packed, y, activation::none, {7, 7});
  conv2d(of.shape, x, of.packed, y, activation::none, {23, 24});
  EXPECT_EQ(y, expected);
}

TEST_P(conv2d_kernel, stays_within_the_error_bound_on_fractions) {
  const conv2d_shape shape{9, 7, 37, 21};
  const layer of(shape, fractions(shape.window() * shape.outputs, 5), fractions(shape.outputs, 6));
  const auto x = fractions(x_size(shape), 7);
  std::vector<float> y(y_size(shape));
  conv2d(shape, x, of.packed, y);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t output = i % shape.outputs;
    double sum = of.bias[output];
    double magnitude = std::abs(sum);
    of.for_each_in_window(x, i / shape.outputs / shape.width, i / shape.outputs % shape.width, output,
                          [&](float value, float weight) {
                            const double product = double{value} * double{weight};
                            sum += product;
                            magnitude += std::abs(product);
                          });
    ASSERT_LE(std::abs(double{y[i]} - sum), static_cast<double>(shape.window() + 1) * 0x1p-24 * magnitude);
  }
}

TEST_P(conv2d_kernel, passes_on_what_is_no_number_to_the_windows_that_hold_it_and_to_no_other) {
  const layer of = integer_layer({9, 9, 2, 20});
  auto x = integers(x_size(of.shape), 8);
  x[(4 * 9 + 6) * 2 + 1] = not_a_number;
  std::vector<float> y(y_size(of.shape));
  conv2d(of.shape, x, of.packed, y, activation::relu);
  for (std::size_t row = 0; row < 9; ++row) {
    for (std::size_t column = 0; column < 9; ++column) {
      const bool holds_it = row >= 3 && row <= 5 && column >= 5 && column <= 7;
      for (std::size_t output = 0; output < 20; ++output)
        EXPECT_EQ(std::isnan(y[(row * 9 + column) * 20 + output]), holds_it);
    }
  }
}

TEST_P(conv2d_kernel, leaves_out_what_is_past_the_border_even_if_weights_are_infinite) {
  const conv2d_shape shape{4, 1, 1, 3};
  std::vector<float> weights(shape.window() * shape.outputs, 1.0f);
  std::fill_n(weights.begin(), 9, infinity);  // the row above
  const layer of(shape, weights, std::vector<float>(3));
  std::vector<float> y(y_size(shape));
  conv2d(shape, std::vector<float>{1, 2, 3, 4}, of.packed, y);
  EXPECT_EQ(y, (std::vector<float>{3, 3, 3, 6, 6, 6, 9, 9, 9, 7, 7, 7}));
}

TEST(conv2d_checks_death_test, stop_a_program_whose_spans_are_too_short) {
  const conv2d_shape shape{4, 4, 2, 3};
  std::vector<float> large(1000);
  std::vector<float> small(31);
  EXPECT_DEATH(conv2d(shape, small, large, large), "x holds the picture");
  EXPECT_DEATH(conv2d(shape, large, small, large), "packed_weights_size says");
  EXPECT_DEATH(conv2d(shape, large, large, small), "y holds the picture");
  conv2d_shape still = shape;
  still.stride = 0;
  EXPECT_DEATH(conv2d(still, large, large, large), "at least 1");
}

}  // namespace
}  // namespace waitwork::kernels
