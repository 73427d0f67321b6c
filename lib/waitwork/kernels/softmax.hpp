// SPDX-License-Identifier: Apache-2.0
#pragma once
// softmax: turns each row of numbers into probabilities that add up to one, exp(x - m) / sum of
// exp(x - m), where m is the row's maximum: nothing overflows, whatever the numbers.
//
// Pure: reads x, writes y; no thread, no allocation, no lock. Rows may be split over threads
// (sub-spans).

#include <cstddef>
#include <span>

namespace waitwork::kernels {

// Element (row, column) is x[row * x_stride + column] and y[row * y_stride + column]. A stride is
// at least the length of a row, and elements between a row's end and the next row are neither read
// nor written.
struct softmax_shape {
  constexpr softmax_shape(std::size_t row_count, std::size_t column_count) noexcept
      : rows(row_count), columns(column_count), x_stride(column_count), y_stride(column_count) {}

  std::size_t rows;
  std::size_t columns;
  std::size_t x_stride;
  std::size_t y_stride;
};

// y may be x itself (with the same stride); otherwise they overlap nothing. With no rows or columns
// there is nothing to do.
//
// A probability differs from the exact one by at most (columns / 4 + 100) * 2^-24 times itself,
// most of it because x - m is rounded, and 2^-125. -inf becomes 0. A row becomes NaN throughout if
// it holds NaN or +inf, or nothing but -inf.
void softmax(const softmax_shape& shape, std::span<const float> x, std::span<float> y);

}  // namespace waitwork::kernels
