// SPDX-License-Identifier: Apache-2.0
#include <waitwork/kernels/sobel.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <vector>

#include <waitwork/kernels/image_cases.hpp>
#include <waitwork/kernels/instruction_sets.hpp>

namespace waitwork::kernels {
namespace {

using sobel_kernel = on_each_instruction_set;
WAITWORK_ON_EACH_INSTRUCTION_SET(sobel_kernel);

template <class Target>
void filter(const image_shape& shape, std::span<const std::uint8_t> source, std::span<Target> target,
            row_band band = {}, border past_edge = border::replicate) {
  std::vector<std::int16_t> scratch(sobel_scratch_words(shape), 0x7fff);
  sobel_magnitude(shape, source, target, scratch, band, past_edge);
}

int sum_of_squares(const image_shape& shape, border past_edge, std::span<const std::uint8_t> source, std::size_t x,
                   std::size_t y) {
  const auto at = [&](std::ptrdiff_t dx, std::ptrdiff_t dy) {
    return int{pixel_at(shape, past_edge, source, x, y, 0, dx, dy)};
  };
  const int gx = at(1, -1) - at(-1, -1) + 2 * (at(1, 0) - at(-1, 0)) + at(1, 1) - at(-1, 1);
  const int gy = at(-1, 1) - at(-1, -1) + 2 * (at(0, 1) - at(0, -1)) + at(1, 1) - at(1, -1);
  return gx * gx + gy * gy;
}

template <class Target>
Target root(int sum) {
  if constexpr (std::is_same_v<Target, float>) {
    return std::sqrt(static_cast<float>(sum));
  } else {
    return static_cast<Target>(std::min(255.0, std::round(std::sqrt(static_cast<double>(sum)))));
  }
}

// All grey levels, or only a few, whose gradients seldom reach white.
template <class Target>
void expect_magnitude(std::size_t width, std::size_t height, placement where = {}, int levels = 256) {
  const image_shape shape = placed(width, height, 1, where);
  auto source = noise<std::uint8_t>(height * shape.source_stride + where.offset, width * 1000 + height);
  for (std::uint8_t& level : source) level = static_cast<std::uint8_t>(level % levels);
  expect_pixels<Target>(
      shape, where, source,
      [&](std::span<const std::uint8_t> from, std::span<Target> to) {
        filter<Target>(shape, from, to, {}, where.past_edge);
      },
      [&](std::size_t x, std::size_t y, std::size_t, Target value) {
        return value ==
               root<Target>(sum_of_squares(shape, where.past_edge, std::span(source).subspan(where.offset), x, y));
      },
      std::to_string(levels) + " levels");
}

TEST_P(sobel_kernel, is_exact_at_all_small_sizes_and_both_borders) {
  for (const border past_edge : {border::replicate, border::reflect}) {
    for (std::size_t width = 1; width <= 40; ++width) {
      for (std::size_t height = 1; height <= 6; ++height) {
        expect_magnitude<float>(width, height, {.past_edge = past_edge});
        expect_magnitude<std::uint8_t>(width, height, {.past_edge = past_edge}, 64);
      }
    }
  }
}

TEST_P(sobel_kernel, is_exact_at_widths_around_whole_vectors) {
  for (std::size_t width = 41; width <= 200; ++width) {
    expect_magnitude<float>(width, 2);
    expect_magnitude<std::uint8_t>(width, 2, {}, 64);
  }
}

TEST_P(sobel_kernel, takes_one_row_one_column_strides_and_any_alignment) {
  expect_magnitude<float>(301, 1);
  expect_magnitude<std::uint8_t>(1, 301);
  for (const std::size_t padding : {1u, 5u, 64u}) {
    expect_magnitude<float>(41, 6, {.padding = padding});
    expect_magnitude<std::uint8_t>(71, 6, {.padding = padding});
  }
  for (std::size_t offset = 1; offset <= 64; offset += 3) {
    expect_magnitude<float>(75, 3, {.offset = offset});
    expect_magnitude<std::uint8_t>(75, 3, {.offset = offset});
  }
}

TEST_P(sobel_kernel, rounds_every_magnitude_that_is_a_byte_and_saturates_the_rest) {
  for (const int levels : {2, 8, 32, 64, 100, 150, 256}) expect_magnitude<std::uint8_t>(500, 60, {}, levels);
}

// The steepest edge along an axis: four times 255.
TEST_P(sobel_kernel, measures_the_steepest_edge) {
  const image_shape shape(100, 9, 1);
  std::vector<std::uint8_t> source(shape.row_bytes() * shape.height);
  for (std::size_t y = 0; y < shape.height; ++y) {
    for (std::size_t x = 50; x < shape.width; ++x) source[y * shape.source_stride + x] = 255;
  }
  std::vector<float> target(source.size());
  filter<float>(shape, source, target);
  std::vector<std::uint8_t> bytes(source.size());
  filter<std::uint8_t>(shape, source, bytes);
  for (std::size_t x = 0; x < shape.width; ++x) {
    const bool edge = x == 49 || x == 50;
    EXPECT_EQ(target[4 * shape.target_stride + x], edge ? 1020.0f : 0.0f);
    EXPECT_EQ(bytes[4 * shape.target_stride + x], edge ? 255 : 0);
  }
}

TEST_P(sobel_kernel, joins_bands_of_rows_without_a_seam) {
  const image_shape shape(153, 29, 1);
  const auto source = noise<std::uint8_t>(shape.row_elements() * shape.height, 7);
  std::vector<float> whole(source.size());
  filter<float>(shape, source, whole);
  std::vector<float> joined(source.size(), untouched<float>);
  filter<float>(shape, source, joined, {.first = 20, .end = 1000});
  filter<float>(shape, source, joined, {.first = 0, .end = 1});
  EXPECT_EQ(joined[shape.row_elements()], untouched<float>) << "a band writes its own rows only";
  filter<float>(shape, source, joined, {.first = 1, .end = 20});
  filter<float>(shape, source, joined, {.first = 5, .end = 5});
  EXPECT_TRUE(joined == whole);
}

TEST(sobel_checks_death_test, stop_a_program_whose_arguments_do_not_fit) {
  const image_shape shape(4, 4, 1);
  const std::vector<std::uint8_t> source(16);
  const std::vector<std::uint8_t> short_by_one(15);
  std::vector<float> target(16);
  EXPECT_DEATH(filter<float>(shape, short_by_one, target), "source holds the image");
  EXPECT_DEATH(filter<float>(shape, source, std::span(target).first(15)), "target holds the image");
  EXPECT_DEATH(filter<float>(image_shape(4, 1, 3), source, target), "of one channel");
  EXPECT_DEATH(sobel_magnitude(shape, source, target, {}), "sobel_scratch_words");
}

}  // namespace
}  // namespace waitwork::kernels
