// SPDX-License-Identifier: Apache-2.0
#include <waitwork/kernels/gaussian_blur_f32.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <waitwork/kernels/image_cases.hpp>
#include <waitwork/kernels/instruction_sets.hpp>

namespace waitwork::kernels {
namespace {

using gaussian_blur_f32_kernel = on_each_instruction_set;
WAITWORK_ON_EACH_INSTRUCTION_SET(gaussian_blur_f32_kernel);

void blur(const image_shape& shape, const gaussian_weights_f32& weights, std::span<const float> source,
          std::span<float> target, row_band band = {}, border past_edge = border::replicate) {
  std::vector<float> scratch(gaussian_blur_scratch_words(shape, weights), std::numeric_limits<float>::quiet_NaN());
  gaussian_blur(shape, weights, source, target, scratch, band, past_edge);
}

void expect_blur(std::size_t width, std::size_t height, std::size_t channels, std::size_t size, placement where = {}) {
  const gaussian_weights_f32 weights(size);
  const image_shape shape = placed(width, height, channels, where);
  const auto source = noise<float>(height * shape.source_stride + where.offset, width * 1000 + height);
  const double unit = std::ldexp(2.0 * static_cast<double>(size) + 2, -24);
  expect_pixels<float>(
      shape, where, source,
      [&](std::span<const float> from, std::span<float> to) { blur(shape, weights, from, to, {}, where.past_edge); },
      [&](std::size_t x, std::size_t y, std::size_t channel, float value) {
        const auto radius = static_cast<std::ptrdiff_t>(weights.radius());
        double sum = 0;
        double magnitude = 0;
        for (std::ptrdiff_t dy = -radius; dy <= radius; ++dy) {
          for (std::ptrdiff_t dx = -radius; dx <= radius; ++dx) {
            const double weight = static_cast<double>(weights.values()[static_cast<std::size_t>(dx + radius)]) *
                                  static_cast<double>(weights.values()[static_cast<std::size_t>(dy + radius)]);
            const double term =
                weight * static_cast<double>(pixel_at(shape, where.past_edge, std::span(source).subspan(where.offset),
                                                      x, y, channel, dx, dy));
            sum += term;
            magnitude += std::abs(term);
          }
        }
        return std::abs(static_cast<double>(value) - sum) <= unit * magnitude;
      },
      "size " + std::to_string(size));
}

TEST_P(gaussian_blur_f32_kernel, stays_within_its_bound_at_all_small_sizes) {
  for (const std::size_t channels : {1u, 3u}) {
    for (const std::size_t size : {1u, 3u, 5u}) {
      for (std::size_t width = 1; width <= 20; ++width) {
        for (std::size_t height = 1; height <= 9; ++height) expect_blur(width, height, channels, size);
      }
    }
  }
}

TEST_P(gaussian_blur_f32_kernel, stays_within_its_bound_at_widths_around_whole_vectors) {
  for (std::size_t width = 21; width <= 140; ++width) expect_blur(width, 2, 1, 7);
  for (std::size_t width = 21; width <= 70; ++width) expect_blur(width, 2, 3, 9);
}

TEST_P(gaussian_blur_f32_kernel, stays_within_its_bound_for_any_size_and_border) {
  for (const border past_edge : {border::replicate, border::reflect}) {
    for (std::size_t size = 1; size <= 19; size += 2) {
      expect_blur(37, 9, 3, size, {.past_edge = past_edge});
      expect_blur(3, 6, 1, size, {.past_edge = past_edge});
    }
    for (const std::size_t channels : {1u, 3u})
      expect_blur(8, 2, channels, gaussian_weights_f32::max_size, {.past_edge = past_edge});
  }
}

TEST_P(gaussian_blur_f32_kernel, stays_within_its_bound_in_rows_of_several_chunks) {
  for (const border past_edge : {border::replicate, border::reflect}) {
    for (const std::size_t width : {960u, 1023u, 1024u, 1025u, 1090u, 2050u})
      expect_blur(width, 1, 1, width % 2 == 0 ? 5 : 21, {.past_edge = past_edge});
    for (const std::size_t width : {300u, 341u, 342u, 400u, 700u})
      expect_blur(width, 1, 3, width % 2 == 0 ? 5 : 21, {.past_edge = past_edge});
  }
}

TEST_P(gaussian_blur_f32_kernel, takes_one_row_one_column_strides_and_any_alignment) {
  expect_blur(301, 1, 1, 9);
  expect_blur(1, 301, 3, 9);
  for (const std::size_t padding : {1u, 5u, 64u}) expect_blur(41, 6, 3, 5, {.padding = padding});
  for (std::size_t offset = 1; offset <= 16; ++offset) expect_blur(45, 3, 1, 5, {.offset = offset});
}

TEST_P(gaussian_blur_f32_kernel, joins_bands_of_rows_without_a_seam) {
  const image_shape shape(53, 29, 3);
  const gaussian_weights_f32 weights(11);
  const auto source = noise<float>(shape.row_elements() * shape.height, 7);
  std::vector<float> whole(source.size());
  blur(shape, weights, source, whole);
  std::vector<float> joined(source.size(), untouched<float>);
  blur(shape, weights, source, joined, {.first = 20, .end = 1000});
  blur(shape, weights, source, joined, {.first = 0, .end = 1});
  EXPECT_EQ(joined[shape.row_elements()], untouched<float>) << "a band writes its own rows only";
  blur(shape, weights, source, joined, {.first = 1, .end = 20});
  blur(shape, weights, source, joined, {.first = 5, .end = 5});
  EXPECT_TRUE(joined == whole);
}

TEST_P(gaussian_blur_f32_kernel, spreads_what_is_not_finite_within_a_radius_and_no_farther) {
  const image_shape shape(60, 12, 1);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    for (const std::size_t size : {5u, 9u}) {
      const gaussian_weights_f32 weights(size);
      std::vector<float> source(shape.row_elements() * shape.height, 1.0f);
      source[6 * shape.source_stride + 33] = bad;
      std::vector<float> target(source.size());
      blur(shape, weights, source, target);
      for (std::size_t y = 0; y < shape.height; ++y) {
        for (std::size_t x = 0; x < shape.width; ++x) {
          const bool near = x + weights.radius() >= 33 && x <= 33 + weights.radius() && y + weights.radius() >= 6 &&
                            y <= 6 + weights.radius();
          EXPECT_EQ(std::isfinite(target[y * shape.target_stride + x]), !near) << x << ", " << y;
        }
      }
    }
  }
}

TEST(gaussian_weights_f32_of_every_size, are_symmetric_and_add_up_to_one) {
  for (std::size_t size = 1; size <= gaussian_weights_f32::max_size; size += 2) {
    for (const double sigma : {0.0, 0.1, 1.0, 1e6}) {
      const gaussian_weights_f32 weights(size, sigma);
      const auto values = weights.values();
      ASSERT_EQ(values.size(), size);
      EXPECT_NEAR(std::accumulate(values.begin(), values.end(), 0.0), 1.0, 1e-6);
      EXPECT_TRUE(std::equal(values.begin(), values.end(), values.rbegin()));
    }
  }
}

TEST(gaussian_blur_f32_checks_death_test, stop_a_program_whose_arguments_do_not_fit) {
  EXPECT_DEATH(gaussian_weights_f32(4), "odd number of taps");
  EXPECT_DEATH(gaussian_weights_f32(gaussian_weights_f32::max_size + 2), "odd number of taps");
  const gaussian_weights_f32 weights(3);
  const image_shape shape(4, 4, 3);
  std::vector<float> enough(48);
  std::vector<float> short_by_one(47);
  EXPECT_DEATH(blur(shape, weights, short_by_one, enough), "source holds the image");
  EXPECT_DEATH(blur(shape, weights, enough, short_by_one), "target holds the image");
  EXPECT_DEATH(gaussian_blur(shape, weights, enough, enough, {}), "gaussian_blur_scratch_words");
  EXPECT_DEATH(blur(image_shape(4, 4, 2), weights, enough, enough), "one channel or three");
  image_shape overlapping = shape;
  overlapping.source_stride = 11;
  EXPECT_DEATH(blur(overlapping, weights, enough, enough), "a stride is at least");
}

}  // namespace
}  // namespace waitwork::kernels
