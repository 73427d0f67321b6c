// SPDX-License-Identifier: Apache-2.0
#pragma once
// image: how the pictures that the filters read and write lie in memory, which rows of them one
// call does, and what counts as a picture's surroundings.

#include <cstddef>
#include <cstdint>

namespace waitwork::kernels {

// Pixel (x, y) is the `channels` elements from [y * stride + x * channels] on; a filter's signature
// says what an element is (a byte, a float). A stride is at least the length of a row; elements
// between a row's end and the next row are neither read nor written.
struct image_shape {
  constexpr image_shape(std::size_t width_pixels, std::size_t height_pixels, std::size_t channel_count) noexcept
      : width(width_pixels),
        height(height_pixels),
        channels(channel_count),
        source_stride(width_pixels * channel_count),
        target_stride(width_pixels * channel_count) {}

  constexpr std::size_t row_elements() const noexcept { return width * channels; }
  // Of a picture whose elements are bytes.
  constexpr std::size_t row_bytes() const noexcept { return row_elements(); }

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

// The pixels past the edge of a picture whose row is abcdefgh:
enum class border {
  replicate,  // aaa|abcdefgh|hhh: the nearest pixel
  reflect,    // dcb|abcdefgh|gfe: mirrored about the outermost pixel; again if that is not enough
};

// The index, in a row or column of `size` pixels, of the pixel that stands for `position`, which
// may lie past either end. `size` is not 0.
constexpr std::size_t bordered(border past_edge, std::ptrdiff_t position, std::size_t size) noexcept {
  const auto count = static_cast<std::ptrdiff_t>(size);
  if (position >= 0 && position < count) return static_cast<std::size_t>(position);
  if (past_edge == border::replicate || size == 1) return position < 0 ? 0 : size - 1;
  const std::ptrdiff_t period = 2 * (count - 1);
  const std::ptrdiff_t phase = (position % period + period) % period;
  return static_cast<std::size_t>(phase < count ? phase : period - phase);
}

// Copies pixels from `from` on, each `from_step` elements past the one before, to `to` and so on.
template <class T>
void copy_pixels(std::size_t count, std::size_t channels, const T* from, std::ptrdiff_t from_step, T* to,
                 std::ptrdiff_t to_step) noexcept {
  if (channels == 1) {
    for (; count > 0; --count, from += from_step, to += to_step) *to = *from;
    return;
  }
  for (; count > 0; --count, from += from_step, to += to_step) {
    for (std::size_t channel = 0; channel < channels; ++channel) to[channel] = from[channel];
  }
}

// Extends a row of `width` pixels at `row` by `margin` pixels to the left, for which there must be
// room. A margin narrower than the picture takes no division.
template <class T>
void extend_left(border past_edge, std::size_t width, std::size_t channels, std::size_t margin, T* row) noexcept {
  const auto step = static_cast<std::ptrdiff_t>(channels);
  if (past_edge == border::replicate) return copy_pixels(margin, channels, row, 0, row - step, -step);
  if (margin < width) return copy_pixels(margin, channels, row + step, step, row - step, -step);
  for (std::ptrdiff_t i = -1; i >= -static_cast<std::ptrdiff_t>(margin); --i)
    copy_pixels(1, channels, row + bordered(past_edge, i, width) * channels, 0, row + i * step, 0);
}

// The same to the right.
template <class T>
void extend_right(border past_edge, std::size_t width, std::size_t channels, std::size_t margin, T* row) noexcept {
  const auto step = static_cast<std::ptrdiff_t>(channels);
  T* const end = row + width * channels;
  if (past_edge == border::replicate) return copy_pixels(margin, channels, end - step, 0, end, step);
  if (margin < width) return copy_pixels(margin, channels, end - 2 * step, -step, end, step);
  for (std::size_t i = width; i < width + margin; ++i) {
    const T* from = row + bordered(past_edge, static_cast<std::ptrdiff_t>(i), width) * channels;
    copy_pixels(1, channels, from, 0, row + i * channels, 0);
  }
}

// What a filter checks before it touches a picture: the shape, the sizes of both spans, and that
// the band ends with the picture at the latest. False if the picture or the band is empty.
bool begin_filter(const image_shape& shape, std::size_t source_elements, std::size_t target_elements, row_band& band);

}  // namespace waitwork::kernels
