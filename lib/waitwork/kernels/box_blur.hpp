// SPDX-License-Identifier: Apache-2.0
#pragma once
// box_blur: replaces each pixel of an 8-bit image of one channel, or of three interleaved ones, by
// the mean of the size x size pixels around it, rounded to the nearest whole number. (There are no
// halves: size is odd.) The result is the same, bit for bit, on every machine and instruction set.
//
// The time does not depend on the size, but for the first row of a band, which adds up `size` rows.
//
// Pure: reads source, writes target and scratch; no thread, no allocation, no lock. To split an
// image over threads, give each a band of rows (the bands fit without a seam) and scratch of its
// own.

#include <cstddef>
#include <cstdint>
#include <span>

#include <waitwork/kernels/image.hpp>

namespace waitwork::kernels {

// The largest whose sums of a column, 255 * 127, fit 16 bits with their sign, and whose means come
// out exactly in single precision.
inline constexpr std::size_t box_blur_max_size = 127;

// Elements of scratch that box_blur() needs: one for each element of a row and of its margins, and
// a little.
std::size_t box_blur_scratch_words(const image_shape& shape, std::size_t size) noexcept;

// Blurs the rows `band` of `source` into the same rows of `target`; `size` is odd and at most
// box_blur_max_size. Both spans hold a whole image of that shape, at any alignment; target and
// scratch overlap nothing. `past_edge` says what lies past the picture's edge. An empty image or
// band does nothing.
void box_blur(const image_shape& shape, std::size_t size, std::span<const std::uint8_t> source,
              std::span<std::uint8_t> target, std::span<std::int16_t> scratch, row_band band = {},
              border past_edge = border::replicate);

}  // namespace waitwork::kernels
