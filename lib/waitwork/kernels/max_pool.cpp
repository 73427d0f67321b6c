// SPDX-License-Identifier: Apache-2.0
#include <waitwork/kernels/max_pool.hpp>

#include <algorithm>
#include <cstddef>

// Scalable vectors cannot be array elements; those machines run the NEON code.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
// foreach_target.h compiles this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "waitwork/kernels/max_pool.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <waitwork/base/check.hpp>

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

void max_pool_rows(const max_pool_shape& shape, const float* x, float* y, row_band band) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t channels = shape.channels;
  const std::size_t x_row = shape.width * channels;
  for (std::size_t row = band.first; row < band.end; ++row) {
    const float* upper = x + 2 * row * x_row;
    float* to = y + row * shape.output_width() * channels;
    for (std::size_t column = 0; column < shape.output_width(); ++column) {
      const float* lower = upper + x_row;
      std::size_t i = 0;
      for (; i + lanes <= channels; i += lanes) {
        const auto above = hn::Max(hn::LoadU(d, upper + i), hn::LoadU(d, upper + channels + i));
        const auto below = hn::Max(hn::LoadU(d, lower + i), hn::LoadU(d, lower + channels + i));
        hn::StoreU(hn::Max(above, below), d, to + i);
      }
      for (; i < channels; ++i) {
        to[i] = std::max(std::max(upper[i], upper[channels + i]), std::max(lower[i], lower[channels + i]));
      }
      upper += 2 * channels;
      to += channels;
    }
  }
}

}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace waitwork::kernels {

HWY_EXPORT(max_pool_rows);

void max_pool(const max_pool_shape& shape, std::span<const float> x, std::span<float> y, row_band band) {
  WAITWORK_CHECK(x.size() >= shape.width * shape.height * shape.channels, "x holds the picture");
  WAITWORK_CHECK(y.size() >= shape.output_width() * shape.output_height() * shape.channels,
                 "y holds the picture that is made");
  band.end = std::min(band.end, shape.output_height());
  if (band.first >= band.end) return;
  HWY_DYNAMIC_DISPATCH(max_pool_rows)(shape, x.data(), y.data(), band);
}

}  // namespace waitwork::kernels
#endif
