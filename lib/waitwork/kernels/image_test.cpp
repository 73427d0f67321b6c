// SPDX-License-Identifier: Apache-2.0
#include <waitwork/kernels/image.hpp>

#include <gtest/gtest.h>

#include <string>

namespace waitwork::kernels {
namespace {

// The row abcdefgh up to its `count`th letter, extended by `margin` to either side.
std::string extended(border past_edge, std::size_t count, std::size_t margin, std::size_t channels = 1) {
  const std::size_t width = count / channels;
  const std::string row = std::string("abcdefgh").substr(0, count);
  std::string all = std::string(margin * channels, '?') + row + std::string(margin * channels, '?');
  extend_left(past_edge, width, channels, margin, all.data() + margin * channels);
  extend_right(past_edge, width, channels, margin, all.data() + margin * channels);
  return all;
}

TEST(a_border, repeats_the_outermost_pixel) {
  EXPECT_EQ(extended(border::replicate, 8, 3), "aaaabcdefghhhh");
  EXPECT_EQ(extended(border::replicate, 1, 2), "aaaaa");
  EXPECT_EQ(extended(border::replicate, 6, 2, 3), "abcabcabcdefdefdef");
}

TEST(a_border, mirrors_the_picture_about_the_outermost_pixel) {
  EXPECT_EQ(extended(border::reflect, 8, 3), "dcbabcdefghgfe");
  EXPECT_EQ(extended(border::reflect, 6, 1, 3), "defabcdefabc");
}

TEST(a_border, mirrors_again_past_a_narrow_picture) {
  EXPECT_EQ(extended(border::reflect, 3, 5), "babcbabcbabcb");
  EXPECT_EQ(extended(border::reflect, 2, 3), "babababa");
  EXPECT_EQ(extended(border::reflect, 1, 2), "aaaaa");
}

}  // namespace
}  // namespace waitwork::kernels
