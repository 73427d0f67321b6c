// SPDX-License-Identifier: Apache-2.0
#include <workloads/cpu/recording.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include <waitwork/base/random.hpp>

namespace waitwork::bench {
namespace {

double mean(std::span<const float> sound) {
  double sum = 0;
  for (const float sample : sound) sum += double{sample};
  return sum / static_cast<double>(sound.size());
}

double loudness(std::span<const float> sound) {
  double energy = 0;
  for (const float sample : sound) energy += double{sample} * double{sample};
  return std::sqrt(energy / static_cast<double>(sound.size()));
}

TEST(recording, is_the_same_for_the_same_seed_everywhere) {
  const auto sound = recording(20000, 42);
  const auto again = recording(20000, 42);
  EXPECT_TRUE(std::ranges::equal(sound.span(), again.span()));
  std::uint64_t hash = 0;
  for (const float sample : sound.span()) {
    hash = mix64(hash ^ static_cast<std::uint64_t>(static_cast<std::int64_t>(sample * 0x1p16f)));
  }
  EXPECT_EQ(hash, 16317266322823383248u);
}

TEST(recording, is_another_for_another_seed) {
  const auto sound = recording(20000, 42);
  const auto other = recording(20000, 43);
  std::size_t different = 0;
  for (std::size_t i = 0; i < sound.size(); ++i) different += sound[i] != other[i] ? 1u : 0u;
  EXPECT_GT(different, sound.size() / 2);
}

TEST(recording, has_samples_of_16_bits_none_of_them_zero) {
  for (const std::size_t samples : {0u, 1u, 2u, 3u, 40u, 9601u, 300000u}) {
    const auto sound = recording(samples, samples);
    ASSERT_EQ(sound.size(), samples);
    for (const float sample : sound.span()) {
      ASSERT_LT(std::abs(sample), 1.0f);
      ASSERT_EQ(std::abs(std::fmod(sample * 0x1p16f, 2.0f)), 1.0f);
    }
  }
}

TEST(recording, is_loud_all_along_and_fades_at_both_ends) {
  const std::size_t second = recording_samples_per_second;
  const auto sound = recording(8 * second, 7);
  for (std::size_t begin = 0; begin < sound.size(); begin += second / 2) {
    EXPECT_GT(loudness(sound.span().subspan(begin, second / 2)), 0.01) << begin;
  }
  EXPECT_LT(std::abs(mean(sound.span())), 0.002);
  // Only the noise is left.
  EXPECT_LT(loudness(sound.span().first(10)), 0.002);
  EXPECT_LT(loudness(sound.span().last(10)), 0.002);
}

}  // namespace
}  // namespace waitwork::bench
