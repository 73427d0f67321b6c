// SPDX-License-Identifier: Apache-2.0
#pragma once
// conv2d: a convolutional layer of a network on one picture: sums of a window of the picture
// weighted by one set of weights for each output channel, a bias, and, if asked for, zero for what
// is negative. What networks call convolution: the weights are not mirrored.
//
//   y(row, column, output) = after(bias[output] + sum over r, c, input of
//       weight[r][c][input][output] * x(row * stride + r - top, column * stride + c - left, input))
//
// Channels lie beside each other in a pixel (NHWC): so the pixels of a row of the window are one
// run of numbers, and the outputs of a pixel are whole vectors without any rearranging of pictures.
//
// Pure: reads x and weights, writes y; no thread, no allocation, no lock, no scratch. To split a
// picture over threads, give each a band of rows of y (the bands fit without a seam); the pictures
// of a batch are calls of their own.

#include <algorithm>
#include <cstddef>
#include <span>

#include <waitwork/kernels/activation.hpp>
#include <waitwork/kernels/image.hpp>
#include <waitwork/kernels/packed_weights.hpp>

namespace waitwork::kernels {

enum class conv2d_border {
  same,   // past the border the picture is zero; top and left are (kernel - 1) / 2, rounded down
  valid,  // only windows inside the picture; top and left are 0
};

// Element (row, column, channel) of a picture is at [(row * width + column) * channels + channel].
// Kernel and stride are at least 1.
struct conv2d_shape {
  std::size_t width;
  std::size_t height;
  std::size_t inputs;   // channels of x
  std::size_t outputs;  // channels of y
  std::size_t kernel_width = 3;
  std::size_t kernel_height = 3;
  std::size_t stride = 1;
  conv2d_border border = conv2d_border::same;

  constexpr std::size_t output_width() const noexcept { return output_size(width, kernel_width); }
  constexpr std::size_t output_height() const noexcept { return output_size(height, kernel_height); }
  // Of pack_weights(), whose row-major matrix is weight[r][c][input][output].
  constexpr std::size_t window() const noexcept { return kernel_width * kernel_height * inputs; }

 private:
  constexpr std::size_t output_size(std::size_t size, std::size_t kernel) const noexcept {
    if (border == conv2d_border::same) return (size + stride - 1) / stride;
    return size < kernel ? 0 : (size - kernel) / stride + 1;
  }
};

// `packed` is what pack_weights() made of window() inputs; y overlaps nothing. Whatever y held in
// the rows of the band is overwritten; no other element is. An empty picture or band does nothing.
//
// What is past the border is left out rather than multiplied by zero. The error is that of a sum of
// window() + 1 terms, as of dense_layer.
void conv2d(const conv2d_shape& shape, std::span<const float> x, std::span<const float> packed, std::span<float> y,
            activation after = activation::none, row_band band = {});

}  // namespace waitwork::kernels
