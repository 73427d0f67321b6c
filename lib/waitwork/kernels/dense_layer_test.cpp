// SPDX-License-Identifier: Apache-2.0
#include <waitwork/kernels/dense_layer.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include <waitwork/kernels/instruction_sets.hpp>
#include <waitwork/kernels/numbers_for_test.hpp>

namespace waitwork::kernels {
namespace {

using dense_layer_kernel = on_each_instruction_set;
WAITWORK_ON_EACH_INSTRUCTION_SET(dense_layer_kernel);

// How a case lies in memory: padding after each row, and elements before the first one.
struct placement {
  std::size_t padding = 0;
  std::size_t offset = 0;
};

std::vector<float> packed_at(std::size_t offset, std::size_t inputs, std::size_t outputs,
                             const std::vector<float>& weights, const std::vector<float>& bias) {
  std::vector<float> packed(offset + packed_weights_size(inputs, outputs), not_a_number);
  pack_weights(inputs, outputs, weights, bias, std::span(packed).subspan(offset));
  return packed;
}

// The plain loops.
std::vector<float> expected_outputs(const dense_shape& shape, std::span<const float> x,
                                    const std::vector<float>& weights, const std::vector<float>& bias,
                                    activation after) {
  std::vector<float> y(shape.batch * shape.y_stride, untouched);
  for (std::size_t row = 0; row < shape.batch; ++row) {
    for (std::size_t output = 0; output < shape.outputs; ++output) {
      float sum = bias[output];
      for (std::size_t input = 0; input < shape.inputs; ++input)
        sum += x[row * shape.x_stride + input] * weights[input * shape.outputs + output];
      y[row * shape.y_stride + output] = after == activation::relu ? std::max(sum, 0.0f) : sum;
    }
  }
  return y;
}

// Compares every element of y's storage, so also what lies between its rows.
void expect_layer(std::size_t batch, std::size_t inputs, std::size_t outputs, placement where = {}) {
  dense_shape shape(batch, inputs, outputs);
  shape.x_stride += where.padding;
  shape.y_stride += where.padding;
  const auto x = integers(batch * shape.x_stride + where.offset, 1);
  const auto weights = integers(inputs * outputs, 2);
  const auto bias = integers(outputs, 3);
  const auto packed = packed_at(where.offset, inputs, outputs, weights, bias);
  for (const activation after : {activation::none, activation::relu}) {
    std::vector<float> y(batch * shape.y_stride + where.offset, untouched);
    dense_layer(shape, std::span(x).subspan(where.offset), std::span(packed).subspan(where.offset),
                std::span(y).subspan(where.offset), after);
    auto expected = expected_outputs(shape, std::span(x).subspan(where.offset), weights, bias, after);
    expected.insert(expected.begin(), where.offset, untouched);
    EXPECT_TRUE(y == expected) << "batch " << batch << " inputs " << inputs << " outputs " << outputs << " padding "
                               << where.padding << " offset " << where.offset
                               << (after == activation::relu ? " relu" : "");
  }
}

TEST_P(dense_layer_kernel, computes_all_small_sizes) {
  for (std::size_t batch = 0; batch <= 9; ++batch) {
    for (std::size_t outputs = 0; outputs <= 40; ++outputs) {
      for (const std::size_t inputs : {0u, 1u, 2u, 3u, 8u}) expect_layer(batch, inputs, outputs);
    }
  }
}

TEST_P(dense_layer_kernel, computes_sizes_around_the_edges_of_panels) {
  for (const std::size_t batch : {1u, 2u, 3u, 5u, 6u, 7u, 13u}) {
    for (const std::size_t outputs : {47u, 48u, 49u, 63u, 64u, 65u, 80u, 127u, 128u, 129u})
      expect_layer(batch, 7, outputs);
  }
}

TEST_P(dense_layer_kernel, computes_across_the_edges_of_cache_blocks) {
  for (const std::size_t inputs : {1023u, 1024u, 1025u, 2049u}) {
    expect_layer(1, inputs, 70);
    expect_layer(7, inputs, 19);
  }
  for (const std::size_t batch : {95u, 96u, 97u, 193u}) expect_layer(batch, 5, 66);
}

TEST_P(dense_layer_kernel, respects_strides_and_leaves_what_lies_between_rows) {
  for (const std::size_t padding : {1u, 3u, 16u}) {
    expect_layer(8, 20, 48, {.padding = padding});
    expect_layer(11, 20, 77, {.padding = padding});
  }
}

TEST_P(dense_layer_kernel, takes_operands_at_any_alignment) {
  for (std::size_t offset = 1; offset <= 17; ++offset) expect_layer(9, 21, 75, {.offset = offset});
}

TEST_P(dense_layer_kernel, computes_bands_of_outputs_apart_and_leaves_the_others) {
  const dense_shape shape(7, 30, 150);
  const auto x = integers(shape.batch * shape.inputs, 4);
  const auto weights = integers(shape.inputs * shape.outputs, 5);
  const auto bias = integers(shape.outputs, 6);
  const auto packed = packed_at(0, shape.inputs, shape.outputs, weights, bias);
  const auto expected = expected_outputs(shape, x, weights, bias, activation::none);
  std::vector<float> y(expected.size(), untouched);
  dense_layer(shape, x, packed, y, activation::none, {64, 128});
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t output = i % shape.outputs;
    EXPECT_EQ(y[i], output >= 64 && output < 128 ? expected[i] : untouched);
  }
  dense_layer(shape, x, packed, y, activation::none, {128, 1000});
  dense_layer(shape, x, packed, y, activation::none, {0, 64});
  dense_layer(shape, x, packed, y, activation::none, {64, 64});
  dense_layer(shape, x, packed, y, activation::none, {192, 256});
  EXPECT_EQ(y, expected);
}

TEST_P(dense_layer_kernel, adds_zero_if_it_is_given_no_bias) {
  const dense_shape shape(3, 5, 70);
  const auto x = integers(shape.batch * shape.inputs, 7);
  const auto weights = integers(shape.inputs * shape.outputs, 8);
  const std::vector<float> zeros(shape.outputs);
  std::vector<float> y(shape.batch * shape.outputs);
  dense_layer(shape, x, packed_at(0, shape.inputs, shape.outputs, weights, {}), y);
  EXPECT_EQ(y, expected_outputs(shape, x, weights, zeros, activation::none));
}

TEST_P(dense_layer_kernel, stays_within_the_error_bound_on_fractions) {
  const dense_shape shape(9, 1777, 71);
  const auto x = fractions(shape.batch * shape.inputs, 9);
  const auto weights = fractions(shape.inputs * shape.outputs, 10);
  const auto bias = fractions(shape.outputs, 11);
  std::vector<float> y(shape.batch * shape.outputs);
  dense_layer(shape, x, packed_at(0, shape.inputs, shape.outputs, weights, bias), y);
  for (std::size_t row = 0; row < shape.batch; ++row) {
    for (std::size_t output = 0; output < shape.outputs; ++output) {
      double sum = bias[output];
      double magnitude = std::abs(sum);
      for (std::size_t input = 0; input < shape.inputs; ++input) {
        const double product = double{x[row * shape.inputs + input]} * double{weights[input * shape.outputs + output]};
        sum += product;
        magnitude += std::abs(product);
      }
      const double bound = static_cast<double>(shape.inputs + 1) * 0x1p-24 * magnitude;
      ASSERT_LE(std::abs(double{y[row * shape.outputs + output]} - sum), bound) << row << ", " << output;
    }
  }
}

TEST_P(dense_layer_kernel, passes_on_what_is_no_number_through_the_activation_too) {
  const dense_shape shape(7, 3, 66);
  auto x = integers(shape.batch * shape.inputs, 12);
  auto weights = std::vector<float>(shape.inputs * shape.outputs, 1.0f);
  x[4 * shape.inputs + 1] = not_a_number;
  x[5 * shape.inputs] = -infinity;
  x[6 * shape.inputs] = infinity;
  std::vector<float> y(shape.batch * shape.outputs);
  dense_layer(shape, x, packed_at(0, shape.inputs, shape.outputs, weights, {}), y, activation::relu);
  for (std::size_t output = 0; output < shape.outputs; ++output) {
    for (std::size_t row = 0; row < 4; ++row) EXPECT_TRUE(y[row * shape.outputs + output] >= 0);
    EXPECT_TRUE(std::isnan(y[4 * shape.outputs + output]));
    EXPECT_EQ(y[5 * shape.outputs + output], 0);
    EXPECT_EQ(y[6 * shape.outputs + output], infinity);
  }
}

TEST(dense_layer_checks_death_test, stop_a_program_whose_spans_are_too_short) {
  const dense_shape shape(4, 4, 70);
  std::vector<float> large(2000);
  std::vector<float> small(15);
  EXPECT_DEATH(dense_layer(shape, small, large, large), "x holds a batch of inputs");
  EXPECT_DEATH(dense_layer(shape, large, small, large), "packed_weights_size says");
  EXPECT_DEATH(dense_layer(shape, large, large, small), "y holds a batch of outputs");
  EXPECT_DEATH(dense_layer(shape, large, large, large, activation::none, {1, 70}), "between panels");
  EXPECT_DEATH(dense_layer(shape, large, large, large, activation::none, {0, 69}), "between panels");
  dense_shape narrow = shape;
  narrow.x_stride = 3;
  EXPECT_DEATH(dense_layer(narrow, large, large, large), "a stride is at least");
  EXPECT_DEATH(pack_weights(4, 4, small, {}, large), "an inputs x outputs matrix");
  EXPECT_DEATH(pack_weights(4, 4, large, std::span(small).first(3), large), "each output");
  EXPECT_DEATH(pack_weights(4, 4, large, {}, small), "packed_weights_size says");
}

}  // namespace
}  // namespace waitwork::kernels
