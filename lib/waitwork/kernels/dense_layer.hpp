// SPDX-License-Identifier: Apache-2.0
#pragma once
// dense_layer: y = x * W + bias for a batch of rows, and, if asked for, zero for what is negative:
// a fully connected layer of a network.
//
// Pure: reads x and weights, writes y; no thread, no allocation, no lock, no scratch. A layer is
// split over threads by giving each a band of outputs (each reads its own part of the weights: the
// right cut for a small batch) or a part of the batch (a sub-span of x and of y).

#include <cstddef>
#include <span>

#include <waitwork/kernels/activation.hpp>
#include <waitwork/kernels/packed_weights.hpp>

namespace waitwork::kernels {

// Input i of row b is x[b * x_stride + i], output o is y[b * y_stride + o]. A stride is at least
// the length of a row, and elements between a row's end and the next row are neither read nor
// written.
struct dense_shape {
  constexpr dense_shape(std::size_t batch_rows, std::size_t input_count, std::size_t output_count) noexcept
      : batch(batch_rows), inputs(input_count), outputs(output_count), x_stride(input_count), y_stride(output_count) {}

  std::size_t batch;
  std::size_t inputs;
  std::size_t outputs;
  std::size_t x_stride;
  std::size_t y_stride;
};

// `packed` is what pack_weights() made for the same inputs and outputs; y overlaps nothing.
// Whatever y held is overwritten, in the columns of the band; with no inputs, by the bias. An empty
// batch or band does nothing.
//
// An output is a sum of inputs + 1 terms in single precision, whose order and rounding depend on
// the machine's instruction set: before the activation it differs from the exact sum by at most
// about (inputs + 1) * 2^-24 * (|bias| + sum |x||w|), and not at all while all partial sums are
// integers below 2^24.
void dense_layer(const dense_shape& shape, std::span<const float> x, std::span<const float> packed, std::span<float> y,
                 activation after = activation::none, output_band band = {});

}  // namespace waitwork::kernels
