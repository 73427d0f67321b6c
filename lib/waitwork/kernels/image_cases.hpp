// SPDX-License-Identifier: Apache-2.0
#pragma once
// For tests of filters: pictures of noise, in storage that shows what a filter wrote besides its
// pixels.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <waitwork/base/random.hpp>
#include <waitwork/kernels/image.hpp>

namespace waitwork::kernels {

// Elements between rows (twice as many in the target) and before the first row.
struct placement {
  std::size_t padding = 0;
  std::size_t offset = 0;
  border past_edge = border::replicate;
};

inline image_shape placed(std::size_t width, std::size_t height, std::size_t channels, const placement& where) {
  image_shape shape(width, height, channels);
  shape.source_stride += where.padding;
  shape.target_stride += 2 * where.padding;
  return shape;
}

// Bytes from 0 to 255, floats from -1 to 1.
template <class T>
std::vector<T> noise(std::size_t count, std::uint64_t seed) {
  splitmix64 random(seed);
  std::vector<T> values(count);
  for (T& value : values) {
    if constexpr (std::is_floating_point_v<T>) {
      value = static_cast<T>(random.below(1u << 24)) / static_cast<T>(1u << 23) - T{1};
    } else {
      value = static_cast<T>(random.below(256));
    }
  }
  return values;
}

template <class T>
constexpr T untouched = T{0xa5};

// filter(source, target) is called with the spans of whole images; as_defined(x, y, channel, value)
// says whether the filter was right. All else in the target's storage must be untouched.
template <class Target, class Source, class Filter, class AsDefined>
void expect_pixels(const image_shape& shape, const placement& where, const std::vector<Source>& source, Filter filter,
                   AsDefined as_defined, const std::string& what) {
  std::vector<Target> target(shape.height * shape.target_stride + where.offset, untouched<Target>);
  filter(std::span(source).subspan(where.offset), std::span(target).subspan(where.offset));
  std::size_t wrong = 0;
  for (std::size_t y = 0; y < shape.height; ++y) {
    for (std::size_t i = 0; i < shape.row_elements(); ++i) {
      Target& value = target[where.offset + y * shape.target_stride + i];
      if (!as_defined(i / shape.channels, y, i % shape.channels, value)) ++wrong;
      value = untouched<Target>;
    }
  }
  std::size_t stray = 0;
  for (const Target& value : target) stray += value == untouched<Target> ? 0 : 1;
  EXPECT_TRUE(wrong == 0 && stray == 0) << wrong << " wrong, " << stray << " stray: " << shape.width << " x "
                                        << shape.height << " x " << shape.channels << ", padding " << where.padding
                                        << ", offset " << where.offset << ", "
                                        << (where.past_edge == border::reflect ? "reflected" : "replicated") << ", "
                                        << what;
}

// The element that a filter finds `dx` and `dy` pixels from (x, y).
template <class T>
T pixel_at(const image_shape& shape, border past_edge, std::span<const T> source, std::size_t x, std::size_t y,
           std::size_t channel, std::ptrdiff_t dx, std::ptrdiff_t dy) {
  const std::size_t column = bordered(past_edge, static_cast<std::ptrdiff_t>(x) + dx, shape.width);
  const std::size_t row = bordered(past_edge, static_cast<std::ptrdiff_t>(y) + dy, shape.height);
  return source[row * shape.source_stride + column * shape.channels + channel];
}

}  // namespace waitwork::kernels
