// SPDX-License-Identifier: Apache-2.0
#include <waitwork/kernels/box_blur.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include <waitwork/kernels/image_cases.hpp>
#include <waitwork/kernels/instruction_sets.hpp>

namespace waitwork::kernels {
namespace {

using box_blur_kernel = on_each_instruction_set;
WAITWORK_ON_EACH_INSTRUCTION_SET(box_blur_kernel);

void blur(const image_shape& shape, std::size_t size, std::span<const std::uint8_t> source,
          std::span<std::uint8_t> target, row_band band = {}, border past_edge = border::replicate) {
  std::vector<std::int16_t> scratch(box_blur_scratch_words(shape, size), 0x7fff);
  box_blur(shape, size, source, target, scratch, band, past_edge);
}

std::uint8_t mean(std::uint64_t sum, std::uint64_t count) {
  return static_cast<std::uint8_t>((2 * sum + count) / (2 * count));
}

void expect_blur(std::size_t width, std::size_t height, std::size_t channels, std::size_t size, placement where = {}) {
  const image_shape shape = placed(width, height, channels, where);
  const auto source = noise<std::uint8_t>(height * shape.source_stride + where.offset, width * 1000 + height);
  const auto radius = static_cast<std::ptrdiff_t>(size / 2);
  expect_pixels<std::uint8_t>(
      shape, where, source,
      [&](std::span<const std::uint8_t> from, std::span<std::uint8_t> to) {
        blur(shape, size, from, to, {}, where.past_edge);
      },
      [&](std::size_t x, std::size_t y, std::size_t channel, std::uint8_t value) {
        std::uint64_t sum = 0;
        for (std::ptrdiff_t dy = -radius; dy <= radius; ++dy) {
          for (std::ptrdiff_t dx = -radius; dx <= radius; ++dx) {
            sum += pixel_at(shape, where.past_edge, std::span(source).subspan(where.offset), x, y, channel, dx, dy);
          }
        }
        return value == mean(sum, size * size);
      },
      "size " + std::to_string(size));
}

TEST_P(box_blur_kernel, is_exact_at_all_small_sizes) {
  for (const std::size_t channels : {1u, 3u}) {
    for (const std::size_t size : {1u, 3u, 5u}) {
      for (std::size_t width = 1; width <= 20; ++width) {
        for (std::size_t height = 1; height <= 6; ++height) expect_blur(width, height, channels, size);
      }
    }
  }
}

TEST_P(box_blur_kernel, is_exact_at_widths_around_whole_vectors) {
  for (std::size_t width = 21; width <= 140; ++width) expect_blur(width, 2, 1, 7);
  for (std::size_t width = 21; width <= 70; ++width) expect_blur(width, 2, 3, 7);
}

TEST_P(box_blur_kernel, is_exact_for_every_size_and_border_even_past_the_image) {
  for (const border past_edge : {border::replicate, border::reflect}) {
    for (std::size_t size = 1; size <= 21; size += 2) {
      expect_blur(27, 7, 3, size, {.past_edge = past_edge});
      expect_blur(35, 5, 1, size, {.past_edge = past_edge});
      expect_blur(3, 4, 1, size, {.past_edge = past_edge});
    }
    for (const std::size_t channels : {1u, 3u})
      expect_blur(12, 3, channels, box_blur_max_size, {.past_edge = past_edge});
  }
}

TEST_P(box_blur_kernel, takes_one_row_one_column_strides_and_any_alignment) {
  for (const std::size_t channels : {1u, 3u}) {
    expect_blur(301, 1, channels, 9);
    expect_blur(1, 301, channels, 9);
  }
  for (const std::size_t padding : {1u, 5u, 64u}) expect_blur(41, 6, 3, 5, {.padding = padding});
  for (std::size_t offset = 1; offset <= 64; ++offset) expect_blur(45, 3, 1, 5, {.offset = offset});
}

// The sums nearest to a half, at the size that leaves single precision the least room.
TEST_P(box_blur_kernel, rounds_correctly_beside_a_half) {
  constexpr std::size_t size = box_blur_max_size;
  constexpr std::size_t count = size * size;
  const image_shape shape(size, size, 1);
  for (std::size_t level = 0; level < 255; ++level) {
    // The mean at the centre is `level` and just less, or just more, than a half.
    for (const std::size_t above : {count / 2, count / 2 + 1}) {
      std::vector<std::uint8_t> source(count, static_cast<std::uint8_t>(level));
      for (std::size_t i = 0; i < above; ++i) ++source[i];
      std::vector<std::uint8_t> target(count);
      blur(shape, size, source, target, {.first = size / 2, .end = size / 2 + 1});
      EXPECT_EQ(target[count / 2], level + (above > count / 2 ? 1 : 0)) << level;
    }
  }
}

TEST_P(box_blur_kernel, leaves_an_even_surface_as_it_is_up_to_white) {
  const image_shape shape(100, 10, 3);
  for (const int level : {0, 1, 127, 128, 254, 255}) {
    for (const std::size_t size : {std::size_t{3}, std::size_t{31}, box_blur_max_size}) {
      const std::vector<std::uint8_t> source(shape.row_bytes() * shape.height, static_cast<std::uint8_t>(level));
      std::vector<std::uint8_t> target(source.size(), untouched<std::uint8_t>);
      blur(shape, size, source, target);
      EXPECT_TRUE(target == source) << level << ", size " << size;
    }
  }
}

TEST_P(box_blur_kernel, joins_bands_of_rows_without_a_seam) {
  const image_shape shape(53, 29, 3);
  const auto source = noise<std::uint8_t>(shape.row_bytes() * shape.height, 7);
  std::vector<std::uint8_t> whole(source.size());
  blur(shape, 11, source, whole);
  std::vector<std::uint8_t> joined(source.size(), untouched<std::uint8_t>);
  blur(shape, 11, source, joined, {.first = 20, .end = 1000});
  blur(shape, 11, source, joined, {.first = 0, .end = 1});
  EXPECT_EQ(joined[shape.row_bytes()], untouched<std::uint8_t>) << "a band writes its own rows only";
  blur(shape, 11, source, joined, {.first = 1, .end = 20});
  blur(shape, 11, source, joined, {.first = 5, .end = 5});
  EXPECT_TRUE(joined == whole);
}

TEST(box_blur_checks_death_test, stop_a_program_whose_arguments_do_not_fit) {
  const image_shape shape(4, 4, 3);
  std::vector<std::uint8_t> enough(48);
  std::vector<std::uint8_t> short_by_one(47);
  EXPECT_DEATH(blur(shape, 4, enough, enough), "odd number of pixels");
  EXPECT_DEATH(blur(shape, box_blur_max_size + 2, enough, enough), "odd number of pixels");
  EXPECT_DEATH(blur(shape, 3, short_by_one, enough), "source holds the image");
  EXPECT_DEATH(blur(shape, 3, enough, short_by_one), "target holds the image");
  EXPECT_DEATH(box_blur(shape, 3, enough, enough, {}), "box_blur_scratch_words");
  EXPECT_DEATH(blur(image_shape(4, 4, 2), 3, enough, enough), "one channel or three");
}

}  // namespace
}  // namespace waitwork::kernels
