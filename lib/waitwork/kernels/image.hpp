#pragma once
// image: how the pictures that the filters read and write lie in memory, and which rows of them one
// call does.

#include <cstddef>
#include <cstdint>

namespace waitwork::kernels {

// Pixel (x, y) is the `channels` bytes from [y * stride + x * channels] on. A stride is at least
// the length of a row; bytes between a row's end and the next row are neither read nor written.
struct image_shape {
  constexpr image_shape(std::size_t width_pixels, std::size_t height_pixels,
                        std::size_t channel_count) noexcept
      : width(width_pixels),
        height(height_pixels),
        channels(channel_count),
        source_stride(width_pixels * channel_count),
        target_stride(width_pixels * channel_count) {}

  constexpr std::size_t row_bytes() const noexcept { return width * channels; }

  std::size_t width;
  std::size_t height;
  std::size_t channels;  // 1 or 3
  std::size_t source_stride;
  std::size_t target_stride;
};

// Rows [first, end) of the target; an end past the last row means the last row.
struct row_band {
  std::size_t first = 0;
  std::size_t end = SIZE_MAX;
};

}  // namespace waitwork::kernels
