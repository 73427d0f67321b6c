// SPDX-License-Identifier: Apache-2.0
#include <waitwork/kernels/harris.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <waitwork/kernels/image_cases.hpp>
#include <waitwork/kernels/instruction_sets.hpp>

namespace waitwork::kernels {
namespace {

using harris_kernel = on_each_instruction_set;
WAITWORK_ON_EACH_INSTRUCTION_SET(harris_kernel);

void respond(const image_shape& shape, const harris_options& options, std::span<const std::uint8_t> source,
             std::span<float> target, row_band band = {}, border past_edge = border::replicate) {
  std::vector<std::byte> scratch(harris_scratch_bytes(shape, options), std::byte{0x7f});
  harris_response(shape, options, source, target, scratch, band, past_edge);
}

struct products {
  std::int64_t xx = 0;
  std::int64_t yy = 0;
  std::int64_t xy = 0;
};

products products_at(const image_shape& shape, border past_edge, std::span<const std::uint8_t> source, std::size_t x,
                     std::size_t y) {
  const auto at = [&](std::ptrdiff_t dx, std::ptrdiff_t dy) {
    return std::int64_t{pixel_at(shape, past_edge, source, x, y, 0, dx, dy)};
  };
  const std::int64_t gx = at(1, -1) - at(-1, -1) + 2 * (at(1, 0) - at(-1, 0)) + at(1, 1) - at(-1, 1);
  const std::int64_t gy = at(-1, 1) - at(-1, -1) + 2 * (at(0, 1) - at(0, -1)) + at(1, 1) - at(1, -1);
  return {gx * gx, gy * gy, gx * gy};
}

bool is_within_bound(const harris_options& options, const products& sums, float value) {
  const double scale = 1.0 / (4 * 255.0 * static_cast<double>(options.block_size));
  const double a = static_cast<double>(sums.xx) * scale * scale;
  const double b = static_cast<double>(sums.yy) * scale * scale;
  const double c = static_cast<double>(sums.xy) * scale * scale;
  const double k = static_cast<double>(options.k);
  const double response = a * b - c * c - k * (a + b) * (a + b);
  const double magnitude = a * b + c * c + std::abs(k) * (a + b) * (a + b);
  return std::abs(static_cast<double>(value) - response) <= std::ldexp(12 * magnitude, -24);
}

void expect_response(std::size_t width, std::size_t height, const harris_options& options, placement where = {}) {
  const image_shape shape = placed(width, height, 1, where);
  const auto source = noise<std::uint8_t>(height * shape.source_stride + where.offset, width * 1000 + height);
  std::vector<products> of_pixels(width * height);
  for (std::size_t i = 0; i < of_pixels.size(); ++i) {
    of_pixels[i] = products_at(shape, where.past_edge, std::span(source).subspan(where.offset), i % width, i / width);
  }
  const auto radius = static_cast<std::ptrdiff_t>(options.block_size / 2);
  expect_pixels<float>(
      shape, where, source,
      [&](std::span<const std::uint8_t> from, std::span<float> to) {
        respond(shape, options, from, to, {}, where.past_edge);
      },
      [&](std::size_t x, std::size_t y, std::size_t, float value) {
        products sums;
        for (std::ptrdiff_t dy = -radius; dy <= radius; ++dy) {
          for (std::ptrdiff_t dx = -radius; dx <= radius; ++dx) {
            const std::size_t column = bordered(where.past_edge, static_cast<std::ptrdiff_t>(x) + dx, width);
            const std::size_t row = bordered(where.past_edge, static_cast<std::ptrdiff_t>(y) + dy, height);
            const products& one = of_pixels[row * width + column];
            sums.xx += one.xx;
            sums.yy += one.yy;
            sums.xy += one.xy;
          }
        }
        return is_within_bound(options, sums, value);
      },
      "block " + std::to_string(options.block_size));
}

TEST_P(harris_kernel, stays_within_its_bound_at_all_small_sizes) {
  for (const border past_edge : {border::replicate, border::reflect}) {
    for (std::size_t width = 1; width <= 40; ++width) {
      for (std::size_t height = 1; height <= 5; ++height) expect_response(width, height, {}, {.past_edge = past_edge});
    }
  }
}

TEST_P(harris_kernel, stays_within_its_bound_at_widths_around_whole_vectors) {
  for (std::size_t width = 41; width <= 140; ++width) expect_response(width, 3, {.block_size = 5});
}

TEST_P(harris_kernel, stays_within_its_bound_for_every_block_and_border) {
  for (const border past_edge : {border::replicate, border::reflect}) {
    for (std::size_t block = 1; block <= harris_max_block_size; block += 4) {
      expect_response(23, 9, {.block_size = block, .k = 0.06f}, {.past_edge = past_edge});
      expect_response(3, 4, {.block_size = block, .k = -0.5f}, {.past_edge = past_edge});
    }
  }
}

TEST_P(harris_kernel, takes_one_row_one_column_strides_and_any_alignment) {
  expect_response(301, 1, {});
  expect_response(1, 301, {});
  for (const std::size_t padding : {1u, 5u, 64u}) expect_response(41, 6, {}, {.padding = padding});
  for (std::size_t offset = 1; offset <= 64; ++offset) expect_response(45, 3, {}, {.offset = offset});
}

// Black beside white: with the border replicated the gradient is 1020 at every pixel, and the mean
// of its square 1.
TEST_P(harris_kernel, has_room_for_the_largest_sums) {
  const image_shape shape(2, 3, 1);
  const std::vector<std::uint8_t> source{0, 255, 0, 255, 0, 255};
  std::vector<float> target(source.size());
  respond(shape, {.block_size = harris_max_block_size, .k = -1}, source, target);
  for (const float value : target) EXPECT_NEAR(value, 1.0f, 1e-5f);
}

TEST_P(harris_kernel, is_positive_at_corners_negative_along_edges_and_nought_on_even_ground) {
  const image_shape shape(80, 60, 1);
  std::vector<std::uint8_t> source(shape.row_bytes() * shape.height, 20);
  for (std::size_t y = 20; y < 40; ++y) {
    for (std::size_t x = 20; x < 60; ++x) source[y * shape.source_stride + x] = 220;
  }
  std::vector<float> target(source.size());
  respond(shape, {}, source, target);
  const auto at = [&](std::size_t x, std::size_t y) { return target[y * shape.target_stride + x]; };
  for (const std::size_t x : {20u, 59u}) {
    for (const std::size_t y : {20u, 39u}) EXPECT_GT(at(x, y), 0.01f);
    EXPECT_LT(at(x, 30), -0.001f);
  }
  EXPECT_LT(at(40, 20), -0.001f);
  EXPECT_EQ(at(5, 5), 0.0f);
  EXPECT_EQ(at(40, 30), 0.0f);
}

TEST_P(harris_kernel, joins_bands_of_rows_without_a_seam) {
  const image_shape shape(153, 29, 1);
  const auto source = noise<std::uint8_t>(shape.row_bytes() * shape.height, 7);
  const harris_options options{.block_size = 7};
  std::vector<float> whole(source.size());
  respond(shape, options, source, whole);
  std::vector<float> joined(source.size(), untouched<float>);
  respond(shape, options, source, joined, {.first = 20, .end = 1000});
  respond(shape, options, source, joined, {.first = 0, .end = 1});
  EXPECT_EQ(joined[shape.row_bytes()], untouched<float>) << "a band writes its own rows only";
  respond(shape, options, source, joined, {.first = 1, .end = 20});
  respond(shape, options, source, joined, {.first = 5, .end = 5});
  EXPECT_TRUE(joined == whole);
}

TEST(harris_checks_death_test, stop_a_program_whose_arguments_do_not_fit) {
  const image_shape shape(4, 4, 1);
  const std::vector<std::uint8_t> source(16);
  const std::vector<std::uint8_t> short_by_one(15);
  std::vector<float> target(16);
  EXPECT_DEATH(respond(shape, {.block_size = 2}, source, target), "odd number of pixels");
  EXPECT_DEATH(respond(shape, {.block_size = harris_max_block_size + 2}, source, target), "odd number of pixels");
  EXPECT_DEATH(respond(shape, {}, short_by_one, target), "source holds the image");
  EXPECT_DEATH(respond(shape, {}, source, std::span(target).first(15)), "target holds the image");
  EXPECT_DEATH(respond(image_shape(4, 1, 3), {}, source, target), "of one channel");
  EXPECT_DEATH(harris_response(shape, {}, source, target, {}), "harris_scratch_bytes");
}

}  // namespace
}  // namespace waitwork::kernels
