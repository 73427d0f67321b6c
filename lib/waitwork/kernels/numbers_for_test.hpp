// SPDX-License-Identifier: Apache-2.0
#pragma once
// For tests: what operands hold.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include <waitwork/base/random.hpp>

namespace waitwork::kernels {

// What a kernel must not write to holds this, and still does afterwards.
inline constexpr float untouched = 12345;
inline constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
inline constexpr float infinity = std::numeric_limits<float>::infinity();

// Whole numbers between -extent and extent. If they are small, every sum of products is exact and
// results can be compared for equality.
template <class T = float>
std::vector<T> integers(std::size_t count, std::uint64_t seed, int extent = 8) {
  splitmix64 random(seed);
  std::vector<T> values(count);
  for (T& value : values) {
    value = static_cast<T>(random.below(2 * static_cast<std::uint64_t>(extent) + 1)) - static_cast<T>(extent);
  }
  return values;
}

// Uniform between -extent and extent.
template <class T = float>
std::vector<T> fractions(std::size_t count, std::uint64_t seed, std::type_identity_t<T> extent = 1) {
  splitmix64 random(seed);
  std::vector<T> values(count);
  for (T& value : values) value = (static_cast<T>(random.below(1u << 24)) / (1 << 23) - 1) * extent;
  return values;
}

}  // namespace waitwork::kernels
