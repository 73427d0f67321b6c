// SPDX-License-Identifier: Apache-2.0
#include <workloads/cpu/recording.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <waitwork/base/random.hpp>

namespace waitwork::bench {
namespace {

// A, C, D, E, G and A from 110 Hz on, in samples a period.
constexpr std::array<std::size_t, 6> periods = {436, 367, 327, 291, 245, 218};

// All strings at their loudest and the noise stay within the 16 bits of a sample.
constexpr std::int32_t loudest = 5000;
static_assert(loudest * std::int32_t{periods.size()} + 16 < 1 << 15);

// Of a string's values, so that they die away smoothly.
constexpr std::int32_t fraction = 1 << 8;

constexpr std::size_t samples_a_pluck = recording_samples_per_second / 5;
constexpr std::size_t longest_fade = recording_samples_per_second / 20;

class plucked_string {
 public:
  explicit plucked_string(std::size_t period) : values_(period) {}

  // As many values of either sign as possible, because a string moves about its rest.
  void pluck(splitmix64& random) {
    std::size_t left = values_.size();
    std::size_t positive_left = left / 2;
    for (std::int32_t& value : values_) {
      const bool positive = random.below(left--) < positive_left;
      if (positive) --positive_left;
      value = positive ? loudest * fraction : -loudest * fraction;
    }
  }

  std::int32_t next() {
    const std::int32_t now = values_[at_];
    // Rounds towards zero: a string comes to rest at it. A round loses 1 / 256.
    values_[at_] = (now + before_) * 255 / 512;
    before_ = now;
    at_ = at_ + 1 == values_.size() ? 0 : at_ + 1;
    return now / fraction;
  }

 private:
  std::vector<std::int32_t> values_;
  std::size_t at_ = 0;
  std::int32_t before_ = 0;
};

}  // namespace

aligned_buffer<float> recording(std::size_t samples, std::uint64_t seed) {
  splitmix64 random(seed);
  std::vector<plucked_string> strings(periods.begin(), periods.end());
  aligned_buffer<float> sound(samples);
  const std::size_t fade = std::min(longest_fade, samples / 2 + 1);
  for (std::size_t i = 0; i < samples; ++i) {
    if (i % samples_a_pluck == 0) strings[random.below(strings.size())].pluck(random);
    std::int32_t together = 0;
    for (plucked_string& each : strings) together += each.next();
    const std::size_t from_end = std::min({i, samples - 1 - i, fade});
    const std::int64_t faded = together * static_cast<std::int64_t>(from_end) / static_cast<std::int64_t>(fade);
    // Triangular, as the sum of two dice: -15 to 15 levels, 74 dB below full scale.
    const std::uint64_t dice = random();
    const auto noise = static_cast<std::int64_t>(dice % 16 + dice / 16 % 16) - 15;
    sound[i] = static_cast<float>(2 * (faded + noise) + 1) * 0x1p-16f;
  }
  return sound;
}

}  // namespace waitwork::bench
