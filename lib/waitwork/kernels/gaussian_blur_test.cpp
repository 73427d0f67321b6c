// SPDX-License-Identifier: Apache-2.0
#include <waitwork/kernels/gaussian_blur.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include <waitwork/kernels/image_cases.hpp>
#include <waitwork/kernels/instruction_sets.hpp>

namespace waitwork::kernels {
namespace {

using gaussian_blur_kernel = on_each_instruction_set;
WAITWORK_ON_EACH_INSTRUCTION_SET(gaussian_blur_kernel);

// One byte of the target as the header defines it: a two-dimensional sum, rounded once.
std::uint8_t defined_byte(const image_shape& shape, const gaussian_weights& weights, border past_edge,
                          std::span<const std::uint8_t> source, std::size_t x, std::size_t y, std::size_t channel) {
  const auto radius = static_cast<std::ptrdiff_t>(weights.radius());
  const auto weight = [&](std::ptrdiff_t distance) {
    return std::uint64_t{weights.values()[static_cast<std::size_t>(distance + radius)]};
  };
  std::uint64_t sum = 1u << 15;
  for (std::ptrdiff_t dy = -radius; dy <= radius; ++dy) {
    for (std::ptrdiff_t dx = -radius; dx <= radius; ++dx)
      sum += weight(dx) * weight(dy) * pixel_at(shape, past_edge, source, x, y, channel, dx, dy);
  }
  return static_cast<std::uint8_t>(sum >> 16);
}

void expect_blur(std::size_t width, std::size_t height, std::size_t channels, const gaussian_weights& weights,
                 placement where = {}) {
  const image_shape shape = placed(width, height, channels, where);
  const auto source = noise<std::uint8_t>(height * shape.source_stride + where.offset, width * 1000 + height);
  expect_pixels<std::uint8_t>(
      shape, where, source,
      [&](std::span<const std::uint8_t> from, std::span<std::uint8_t> to) {
        std::vector<std::uint16_t> scratch(gaussian_blur_scratch_words(shape, weights), 0xffffu);
        gaussian_blur(shape, weights, from, to, scratch, {}, where.past_edge);
      },
      [&](std::size_t x, std::size_t y, std::size_t channel, std::uint8_t value) {
        return value ==
               defined_byte(shape, weights, where.past_edge, std::span(source).subspan(where.offset), x, y, channel);
      },
      "size " + std::to_string(weights.size()));
}

TEST_P(gaussian_blur_kernel, is_exact_at_all_small_sizes) {
  for (const std::size_t channels : {1u, 3u}) {
    for (const std::size_t size : {1u, 3u, 5u}) {
      const gaussian_weights weights(size);
      for (std::size_t width = 1; width <= 20; ++width) {
        for (std::size_t height = 1; height <= 6; ++height) expect_blur(width, height, channels, weights);
      }
    }
  }
}

TEST_P(gaussian_blur_kernel, is_exact_at_widths_around_whole_vectors) {
  const gaussian_weights weights(7);
  for (std::size_t width = 21; width <= 140; ++width) expect_blur(width, 2, 1, weights);
  for (std::size_t width = 21; width <= 70; ++width) expect_blur(width, 2, 3, weights);
}

TEST_P(gaussian_blur_kernel, is_exact_for_every_number_of_taps_even_past_the_image) {
  for (std::size_t size = 1; size <= 31; size += 2) {
    expect_blur(37, 9, 3, gaussian_weights(size));
    expect_blur(67, 5, 1, gaussian_weights(size));
  }
  for (const std::size_t channels : {1u, 3u})
    expect_blur(20, 2, channels, gaussian_weights(gaussian_weights::max_size));
}

TEST_P(gaussian_blur_kernel, mirrors_the_image_past_its_border_again_and_again_if_it_is_narrow) {
  const placement mirrored{.past_edge = border::reflect};
  for (const std::size_t channels : {1u, 3u}) {
    for (std::size_t width = 1; width <= 12; ++width) {
      for (std::size_t height = 1; height <= 4; ++height)
        expect_blur(width, height, channels, gaussian_weights(11), mirrored);
    }
    expect_blur(75, 8, channels, gaussian_weights(5), mirrored);
    expect_blur(7, 2, channels, gaussian_weights(gaussian_weights::max_size), mirrored);
  }
}

TEST_P(gaussian_blur_kernel, is_exact_in_rows_of_several_chunks) {
  const gaussian_weights broad(21);
  for (const border past_edge : {border::replicate, border::reflect}) {
    for (const std::size_t width : {960u, 1023u, 1024u, 1025u, 1090u, 2048u, 2050u})
      expect_blur(width, 1, 1, width % 2 == 0 ? gaussian_weights(5) : broad, {.past_edge = past_edge});
    for (const std::size_t width : {300u, 341u, 342u, 400u, 683u, 700u})
      expect_blur(width, 1, 3, width % 2 == 0 ? gaussian_weights(5) : broad, {.past_edge = past_edge});
  }
}

TEST_P(gaussian_blur_kernel, takes_weights_of_any_distribution) {
  // From nearly all weight in the middle, more than one pair of bytes can carry, to an even one.
  for (const double sigma : {0.1, 0.3, 0.45, 0.55, 0.7, 1.0, 3.0, 1e6}) {
    for (const std::size_t size : {3u, 5u, 9u}) expect_blur(70, 6, 1, gaussian_weights(size, sigma));
  }
}

TEST_P(gaussian_blur_kernel, is_exact_for_one_row_and_for_one_column) {
  for (const std::size_t channels : {1u, 3u}) {
    expect_blur(301, 1, channels, gaussian_weights(9));
    expect_blur(1, 301, channels, gaussian_weights(9));
  }
}

TEST_P(gaussian_blur_kernel, respects_strides_and_leaves_what_lies_between_rows) {
  for (const std::size_t padding : {1u, 5u, 64u}) expect_blur(41, 6, 3, gaussian_weights(5), {.padding = padding});
}

TEST_P(gaussian_blur_kernel, takes_images_at_any_alignment) {
  for (std::size_t offset = 1; offset <= 64; ++offset) expect_blur(45, 3, 3, gaussian_weights(5), {.offset = offset});
}

TEST_P(gaussian_blur_kernel, leaves_an_even_surface_as_it_is_up_to_white) {
  const image_shape shape(100, 10, 3);
  for (const int level : {0, 1, 127, 128, 254, 255}) {
    for (const gaussian_weights& weights :
         {gaussian_weights(3), gaussian_weights(31), gaussian_weights(gaussian_weights::max_size, 1e6)}) {
      const std::vector<std::uint8_t> source(shape.row_bytes() * shape.height, static_cast<std::uint8_t>(level));
      std::vector<std::uint8_t> target(source.size(), untouched<std::uint8_t>);
      std::vector<std::uint16_t> scratch(gaussian_blur_scratch_words(shape, weights));
      gaussian_blur(shape, weights, source, target, scratch);
      EXPECT_TRUE(target == source) << level << ", size " << weights.size();
    }
  }
}

TEST_P(gaussian_blur_kernel, joins_bands_of_rows_without_a_seam) {
  const image_shape shape(53, 29, 3);
  const gaussian_weights weights(11);
  const auto source = noise<std::uint8_t>(shape.row_bytes() * shape.height, 7);
  std::vector<std::uint8_t> whole(source.size(), untouched<std::uint8_t>);
  std::vector<std::uint16_t> scratch(gaussian_blur_scratch_words(shape, weights));
  gaussian_blur(shape, weights, source, whole, scratch);

  std::vector<std::uint8_t> joined(source.size(), untouched<std::uint8_t>);
  gaussian_blur(shape, weights, source, joined, scratch, {.first = 20, .end = 1000});
  gaussian_blur(shape, weights, source, joined, scratch, {.first = 0, .end = 1});
  EXPECT_EQ(joined[shape.row_bytes()], untouched<std::uint8_t>) << "a band writes its own rows only";
  gaussian_blur(shape, weights, source, joined, scratch, {.first = 1, .end = 20});
  gaussian_blur(shape, weights, source, joined, scratch, {.first = 5, .end = 5});
  gaussian_blur(shape, weights, source, joined, scratch, {.first = 29});
  EXPECT_TRUE(joined == whole);
}

TEST(gaussian_weights_of_every_size, are_symmetric_fall_outwards_and_add_up_to_256) {
  for (std::size_t size = 1; size <= gaussian_weights::max_size; size += 2) {
    for (const double sigma : {0.0, 0.1, 1.0, 5.0, 1e6}) {
      const gaussian_weights weights(size, sigma);
      const auto values = weights.values();
      ASSERT_EQ(values.size(), size);
      EXPECT_EQ(std::accumulate(values.begin(), values.end(), 0), 256) << size << ", " << sigma;
      EXPECT_TRUE(std::equal(values.begin(), values.end(), values.rbegin())) << size << ", " << sigma;
      for (std::size_t i = 1; i <= weights.radius(); ++i) {
        // Carrying the rounding error inwards may lift an outer weight by one unit.
        EXPECT_LE(values[i - 1], values[i] + 1) << size << ", " << sigma << ", tap " << i;
      }
    }
  }
}

TEST(gaussian_weights_of_few_taps, are_the_known_ones) {
  const auto expect = [](const gaussian_weights& weights, std::vector<std::uint16_t> expected) {
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), weights.values().begin(), weights.values().end()));
  };
  expect(gaussian_weights(3), {64, 128, 64});
  expect(gaussian_weights(5), {16, 64, 96, 64, 16});
  expect(gaussian_weights(7), {8, 28, 56, 72, 56, 28, 8});
  // 256 * (0.0708, 0.2445, 0.3694, ...)
  expect(gaussian_weights(5, 1.1), {18, 63, 94, 63, 18});
}

TEST(gaussian_blur_checks_death_test, stop_a_program_whose_arguments_do_not_fit) {
  EXPECT_DEATH(gaussian_weights(4), "odd number of taps");
  EXPECT_DEATH(gaussian_weights(gaussian_weights::max_size + 2), "odd number of taps");
  const gaussian_weights weights(3);
  const image_shape shape(4, 4, 3);
  std::vector<std::uint8_t> enough(48);
  std::vector<std::uint8_t> short_by_one(47);
  std::vector<std::uint16_t> scratch(gaussian_blur_scratch_words(shape, weights));
  EXPECT_DEATH(gaussian_blur(shape, weights, short_by_one, enough, scratch), "source holds the image");
  EXPECT_DEATH(gaussian_blur(shape, weights, enough, short_by_one, scratch), "target holds the image");
  EXPECT_DEATH(gaussian_blur(shape, weights, enough, enough, {}), "gaussian_blur_scratch_words");
  EXPECT_DEATH(gaussian_blur(image_shape(4, 4, 2), weights, enough, enough, scratch), "one channel or three");
}

}  // namespace
}  // namespace waitwork::kernels
