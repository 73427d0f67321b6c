// SPDX-License-Identifier: Apache-2.0
#pragma once
// sobel: how steep an 8-bit image of one channel is at each pixel, by Sobel's filters of 3 x 3:
//
//        -1 0 1        -1 -2 -1
//   gx:  -2 0 2   gy:   0  0  0   magnitude = sqrt(gx^2 + gy^2), at most 1140.4
//        -1 0 1         1  2  1
//
// Both gradients are exact integers and so is the sum of their squares; only the root is rounded,
// to the nearest float or the nearest byte. So the result is the same, bit for bit, on every
// machine and instruction set, and the same as that of OpenCV's Sobel in x, Sobel in y, magnitude
// and, for bytes, convertTo.
//
// Pure: reads source, writes target and scratch; no thread, no allocation, no lock. To split an
// image over threads, give each a band of rows (the bands fit without a seam) and scratch of its
// own.

#include <cstddef>
#include <cstdint>
#include <span>

#include <waitwork/kernels/image.hpp>

namespace waitwork::kernels {

// Elements of scratch that sobel_magnitude() needs: two for each pixel of a row, and a little.
std::size_t sobel_scratch_words(const image_shape& shape) noexcept;

// Rows `band` of the magnitude. shape.channels is 1. Both spans hold a whole image of that shape,
// at any alignment; target and scratch overlap nothing. `past_edge` says what lies past the
// picture's edge. An empty image or band does nothing.
void sobel_magnitude(const image_shape& shape, std::span<const std::uint8_t> source, std::span<float> target,
                     std::span<std::int16_t> scratch, row_band band = {}, border past_edge = border::replicate);

// The same rounded to whole numbers; what is above 255 becomes 255.
void sobel_magnitude(const image_shape& shape, std::span<const std::uint8_t> source, std::span<std::uint8_t> target,
                     std::span<std::int16_t> scratch, row_band band = {}, border past_edge = border::replicate);

}  // namespace waitwork::kernels
