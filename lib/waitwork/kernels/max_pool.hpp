// SPDX-License-Identifier: Apache-2.0
#pragma once
// max_pool: halves a picture both ways, keeping of each 2 x 2 pixels the largest number of each
// channel.
//
// Pure: reads x, writes y; no thread, no allocation, no lock. To split a picture over threads, give
// each a band of rows of y.

#include <cstddef>
#include <span>

#include <waitwork/kernels/image.hpp>

namespace waitwork::kernels {

// Element (row, column, channel) of a picture is at [(row * width + column) * channels + channel].
// y is half as wide and high, rounded down: an odd last row or column is left out.
struct max_pool_shape {
  std::size_t width;
  std::size_t height;
  std::size_t channels;

  constexpr std::size_t output_width() const noexcept { return width / 2; }
  constexpr std::size_t output_height() const noexcept { return height / 2; }
};

// y overlaps nothing. Whatever y held in the rows of the band is overwritten; no other element is.
// An empty picture or band does nothing. Of zeros, either sign may be kept; what becomes of NaN is
// not defined, for the instruction sets differ.
void max_pool(const max_pool_shape& shape, std::span<const float> x, std::span<float> y, row_band band = {});

}  // namespace waitwork::kernels
