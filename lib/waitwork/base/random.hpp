// SPDX-License-Identifier: Apache-2.0
#pragma once
// splitmix64: the project's pseudo-random numbers, where they need to be the same on every machine and standard
// library (row order from a seed, file contents, unit addresses). Not for statistics, not for secrets.
// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.

#include <cstdint>

namespace waitwork {

__extension__ using uint128 = unsigned __int128;  // not ISO C++: kept quiet under -Wpedantic

// A bijective scramble of 64 bits: index -> pseudo-random value, without state.
constexpr std::uint64_t mix64(std::uint64_t value) noexcept {
  value += 0x9e3779b97f4a7c15u;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

// Satisfies std::uniform_random_bit_generator.
class splitmix64 {
 public:
  using result_type = std::uint64_t;
  explicit constexpr splitmix64(std::uint64_t seed) noexcept : state_(seed) {}
  static constexpr result_type min() noexcept { return 0; }
  static constexpr result_type max() noexcept { return ~result_type{0}; }
  constexpr result_type operator()() noexcept {
    const result_type value = mix64(state_);
    state_ += 0x9e3779b97f4a7c15u;
    return value;
  }
  // Uniform in [0, bound) for bound > 0, by multiply-shift (Lemire 2019); the bias is below bound / 2^64.
  constexpr std::uint64_t below(std::uint64_t bound) noexcept {
    return static_cast<std::uint64_t>((static_cast<uint128>((*this)()) * bound) >> 64);
  }

 private:
  std::uint64_t state_;
};

}  // namespace waitwork
