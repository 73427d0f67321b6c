// SPDX-License-Identifier: Apache-2.0
#pragma once
// gaussian_blur_f32: smooths an image of floats, of one channel or of three interleaved ones, with
// a separable filter:
//
//   target(x, y) = sum over i, j of weight[i] * weight[j] * source(x + i - radius, y + j - radius)
//
// The order of the additions, and whether multiplying and adding round once or twice, depend on the
// machine's instruction set: a pixel differs from the exact sum by at most about (2 * size + 2) *
// 2^-24 * sum of weight[i] * weight[j] * |source|. A NaN or an infinity makes the pixels within a
// radius of it, along both axes, NaN or infinite, and no others.
//
// Pure: reads source, writes target and scratch; no thread, no allocation, no lock. To split an
// image over threads, give each a band of rows (the bands fit without a seam, and are the same bit
// for bit as if done at once) and scratch of its own.

#include <array>
#include <cstddef>
#include <span>

#include <waitwork/kernels/image.hpp>

namespace waitwork::kernels {

// The weights of one dimension: 2 * radius + 1 of them, symmetric, adding up to 1 but for rounding.
class gaussian_weights_f32 {
 public:
  static constexpr std::size_t max_size = 127;

  // As gaussian_weights in gaussian_blur.hpp; the weights are rounded to float, and no further.
  explicit gaussian_weights_f32(std::size_t size, double sigma = 0);

  std::size_t size() const noexcept { return size_; }
  std::size_t radius() const noexcept { return size_ / 2; }
  std::span<const float> values() const noexcept { return {values_.data(), size_}; }

 private:
  std::size_t size_;
  std::array<float, max_size> values_{};
};

// Elements of scratch that gaussian_blur() needs: one for each of a row, and a little.
std::size_t gaussian_blur_scratch_words(const image_shape& shape, const gaussian_weights_f32& weights) noexcept;

// Blurs the rows `band` of `source` into the same rows of `target`. Both spans hold a whole image
// of that shape, at any alignment; target and scratch overlap nothing. `past_edge` says what lies
// past the picture's edge. An empty image or band does nothing.
void gaussian_blur(const image_shape& shape, const gaussian_weights_f32& weights, std::span<const float> source,
                   std::span<float> target, std::span<float> scratch, row_band band = {},
                   border past_edge = border::replicate);

}  // namespace waitwork::kernels
