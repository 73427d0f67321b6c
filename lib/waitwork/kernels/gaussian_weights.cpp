#include <waitwork/kernels/gaussian_blur.hpp>

#include <cmath>

#include <waitwork/base/check.hpp>

namespace waitwork::kernels {

gaussian_weights::gaussian_weights(std::size_t size, double sigma) : size_(size) {
  WAITWORK_CHECK(size % 2 == 1 && size <= max_size,
                 "a Gaussian has an odd number of taps, at most max_size");
  WAITWORK_CHECK(sigma >= 0, "a standard deviation is not negative");
  const std::size_t middle = radius();
  const double width = sigma > 0 ? sigma : 0.3 * (static_cast<double>(middle) - 1) + 0.8;
  const auto density = [&](std::size_t distance) {
    const double scaled = static_cast<double>(distance) / width;
    return std::exp(-0.5 * scaled * scaled);
  };
  double total = density(0);
  for (std::size_t distance = 1; distance <= middle; ++distance) total += 2 * density(distance);

  int remaining = 256;
  double carried = 0;
  for (std::size_t distance = middle; distance > 0; --distance) {
    const double wanted = 256 * density(distance) / total + carried;
    const int rounded = static_cast<int>(std::lround(wanted));
    carried = wanted - rounded;
    remaining -= 2 * rounded;
    values_[middle - distance] = values_[middle + distance] = static_cast<std::uint16_t>(rounded);
  }
  // Both sides are off by less than half a unit, and the middle is at least 256 / max_size, so this
  // is positive.
  values_[middle] = static_cast<std::uint16_t>(remaining);
}

}  // namespace waitwork::kernels
