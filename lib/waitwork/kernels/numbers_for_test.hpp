#pragma once
// For tests: what operands hold.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <waitwork/base/random.hpp>

namespace waitwork::kernels {

// What a kernel must not write to holds this, and still does afterwards.
inline constexpr float untouched = 12345;
inline constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
inline constexpr float infinity = std::numeric_limits<float>::infinity();

// Whole numbers between -extent and extent. If they are small, every sum of products is exact and
// results can be compared for equality.
inline std::vector<float> integers(std::size_t count, std::uint64_t seed, int extent = 8) {
  splitmix64 random(seed);
  std::vector<float> values(count);
  for (float& value : values) {
    value = static_cast<float>(random.below(2 * static_cast<std::uint64_t>(extent) + 1)) -
            static_cast<float>(extent);
  }
  return values;
}

// Uniform between -extent and extent.
inline std::vector<float> fractions(std::size_t count, std::uint64_t seed, float extent = 1) {
  splitmix64 random(seed);
  std::vector<float> values(count);
  for (float& value : values)
    value = (static_cast<float>(random.below(1u << 24)) / (1 << 23) - 1) * extent;
  return values;
}

}  // namespace waitwork::kernels
