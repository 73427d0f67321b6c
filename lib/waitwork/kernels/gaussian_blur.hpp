// SPDX-License-Identifier: Apache-2.0
#pragma once
// gaussian_blur: smooths an 8-bit image of one channel, or of three interleaved ones, with a
// separable filter in fixed point. The result is the same, bit for bit, on every machine and
// instruction set:
//
//   target(x, y) = (sum over i, j of weight[i] * weight[j] * source(x + i - radius, y + j - radius)
//   + 2^15) / 2^16
//
// rounded down, that is, the exact weighted mean rounded once, halves up.
//
// Pure: reads source, writes target and scratch; no thread, no allocation, no lock. To split an
// image over threads, give each a band of rows (the bands fit without a seam) and scratch of its
// own.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <waitwork/kernels/image.hpp>

namespace waitwork::kernels {

// The weights of one dimension: 2 * radius + 1 of them, symmetric, in units of 1/256, adding up to
// 256.
class gaussian_weights {
 public:
  // Beyond this the weights fall below the resolution of 1/256.
  static constexpr std::size_t max_size = 127;

  // `size` taps (odd, at most max_size) of a Gaussian with standard deviation `sigma` in pixels. 0
  // takes what fits the size, as OpenCV does: the customary weights up to 7 taps (1 2 1, 1 4 6 4 1,
  // ...), then a deviation of 0.3 * ((size - 1) / 2 - 1) + 0.8. Rounding errors are carried from
  // the outermost tap inwards, so that the sum is exact.
  explicit gaussian_weights(std::size_t size, double sigma = 0);

  std::size_t size() const noexcept { return size_; }
  std::size_t radius() const noexcept { return size_ / 2; }
  std::span<const std::uint16_t> values() const noexcept { return {values_.data(), size_}; }

 private:
  std::size_t size_;
  std::array<std::uint16_t, max_size> values_{};
};

// Elements of scratch that gaussian_blur() needs: one for each byte of a row and of its margins;
// with three channels, about 3,000 more.
std::size_t gaussian_blur_scratch_words(const image_shape& shape, const gaussian_weights& weights) noexcept;

// Blurs the rows `band` of `source` into the same rows of `target`. Both spans hold a whole image
// of that shape, at any alignment; target and scratch overlap nothing. `past_edge` says what lies
// past the picture's edge. An empty image or band does nothing.
void gaussian_blur(const image_shape& shape, const gaussian_weights& weights, std::span<const std::uint8_t> source,
                   std::span<std::uint8_t> target, std::span<std::uint16_t> scratch, row_band band = {},
                   border past_edge = border::replicate);

}  // namespace waitwork::kernels
