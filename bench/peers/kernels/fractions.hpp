// SPDX-License-Identifier: Apache-2.0
#pragma once
// fractions: numbers for kernels to work on.

#include <cstddef>
#include <cstdint>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/random.hpp>

namespace waitwork::bench {

// From -1 to 1, in steps of 2^-19; the same for the same seed.
template <class T>
aligned_buffer<T> fractions(std::size_t count, std::uint64_t seed) {
  splitmix64 random(seed);
  aligned_buffer<T> values(count);
  for (T& value : values.span()) value = static_cast<T>(random.below(1u << 20)) / (1 << 19) - T{1};
  return values;
}

}  // namespace waitwork::bench
