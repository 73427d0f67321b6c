// SPDX-License-Identifier: Apache-2.0
#pragma once
// harris: how much an 8-bit image of one channel looks like a corner at each pixel (Harris and
// Stephens, "A combined corner and edge detector", 1988). With Sobel's gradients gx and gy of
// 3 x 3 as in sobel.hpp, and sums over the block_size x block_size pixels around one:
//
//   a = sum gx^2   b = sum gy^2   c = sum gx * gy   (of gradients times 1 / (4 * 255 * block_size))
//   response = (a * b - c^2) - k * (a + b)^2
//
// Positive at corners, negative along edges, near 0 on even ground; the scale is that of OpenCV's
// cornerHarris with an aperture of 3. The border concerns both steps: the gradients of the
// picture's outermost pixels take pixels past its edge, and what stands for gradients past its edge
// are gradients within.
//
// The sums are exact integers. Each rounds to float, and so does what follows; whether multiplying
// and adding round once or twice depends on the machine's instruction set. A response is off by at
// most about 12 * 2^-24 * (a * b + c^2 + |k| * (a + b)^2).
//
// The time does not depend on the block's size, but for the first row of a band, which adds up
// block_size rows.
//
// Pure: reads source, writes target and scratch; no thread, no allocation, no lock. To split an
// image over threads, give each a band of rows (the bands fit without a seam, and are the same bit
// for bit as if done at once) and scratch of its own.

#include <cstddef>
#include <cstdint>
#include <span>

#include <waitwork/kernels/image.hpp>

namespace waitwork::kernels {

struct harris_options {
  std::size_t block_size = 3;  // odd; larger: fewer, coarser corners
  float k = 0.04f;             // larger: fewer corners, and sharper ones
};

// The largest whose sums fit 32 bits with their sign: (4 * 255)^2 * 45^2 < 2^31.
inline constexpr std::size_t harris_max_block_size = 45;

// Bytes of scratch that harris_response() needs: 20 for each pixel of a row, and a little.
std::size_t harris_scratch_bytes(const image_shape& shape, const harris_options& options) noexcept;

// Rows `band` of the response. shape.channels is 1. Both spans hold a whole image of that shape, at
// any alignment; target and scratch overlap nothing. `past_edge` says what lies past the picture's
// edge. An empty image or band does nothing.
void harris_response(const image_shape& shape, const harris_options& options, std::span<const std::uint8_t> source,
                     std::span<float> target, std::span<std::byte> scratch, row_band band = {},
                     border past_edge = border::replicate);

}  // namespace waitwork::kernels
