// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include <waitwork/base/check.hpp>
#include <waitwork/kernels/gaussian_blur.hpp>
#include <waitwork/kernels/gaussian_blur_f32.hpp>

namespace waitwork::kernels {
namespace {

// By distance from the middle.
using half_weights = std::array<double, gaussian_weights::max_size / 2 + 1>;
static_assert(gaussian_weights::max_size == gaussian_weights_f32::max_size);

// The rows 2, 4 of Pascal's triangle, and for 7 what OpenCV has chosen instead of row 6.
constexpr std::array<half_weights, 4> usual_weights{{
    {1},
    {0.5, 0.25},
    {0.375, 0.25, 0.0625},
    {0.28125, 0.21875, 0.109375, 0.03125},
}};

// They and their mirror image add up to 1.
half_weights shares_of(std::size_t size, double sigma) {
  WAITWORK_CHECK(size % 2 == 1 && size <= gaussian_weights::max_size,
                 "a Gaussian has an odd number of taps, at most max_size");
  WAITWORK_CHECK(sigma >= 0, "a standard deviation is not negative");
  const std::size_t radius = size / 2;
  if (sigma == 0 && radius < usual_weights.size()) return usual_weights[radius];
  const double width = sigma > 0 ? sigma : 0.3 * (static_cast<double>(radius) - 1) + 0.8;
  half_weights shares{};
  double total = 0;
  for (std::size_t distance = 0; distance <= radius; ++distance) {
    const double scaled = static_cast<double>(distance) / width;
    shares[distance] = std::exp(-0.5 * scaled * scaled);
    total += (distance == 0 ? 1 : 2) * shares[distance];
  }
  for (std::size_t distance = 0; distance <= radius; ++distance) shares[distance] /= total;
  return shares;
}

}  // namespace

gaussian_weights::gaussian_weights(std::size_t size, double sigma) : size_(size) {
  const half_weights shares = shares_of(size, sigma);
  const std::size_t middle = radius();
  int remaining = 256;
  double carried = 0;
  for (std::size_t distance = middle; distance > 0; --distance) {
    const double wanted = 256 * shares[distance] + carried;
    const int rounded = static_cast<int>(std::lround(wanted));
    carried = wanted - rounded;
    remaining -= 2 * rounded;
    values_[middle - distance] = values_[middle + distance] = static_cast<std::uint16_t>(rounded);
  }
  // Both sides are off by less than half a unit, and the middle is at least 256 / max_size, so this
  // is positive.
  values_[middle] = static_cast<std::uint16_t>(remaining);
}

gaussian_weights_f32::gaussian_weights_f32(std::size_t size, double sigma) : size_(size) {
  const half_weights shares = shares_of(size, sigma);
  const std::size_t middle = radius();
  for (std::size_t distance = 0; distance <= middle; ++distance) {
    values_[middle - distance] = values_[middle + distance] = static_cast<float>(shares[distance]);
  }
}

}  // namespace waitwork::kernels
