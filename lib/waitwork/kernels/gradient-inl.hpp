// SPDX-License-Identifier: Apache-2.0
// gradient: Sobel's filters of 3 x 3 over rows of bytes. Down the columns first, which leaves two
// rows of shorts, the columns smoothed (1 2 1) and the columns' differences (-1 0 1); then along
// the row, the differences of the former and the latter smoothed. So a pixel is widened to 16 bits
// three times and not eight, and both gradients cost seven additions. Included by kernels, once for
// each instruction set.

#if defined(WAITWORK_KERNELS_GRADIENT) == defined(HWY_TARGET_TOGGLE)
#ifdef WAITWORK_KERNELS_GRADIENT
#undef WAITWORK_KERNELS_GRADIENT
#else
#define WAITWORK_KERNELS_GRADIENT
#endif

#include <hwy/highway.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include <waitwork/kernels/image.hpp>

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {

// The two rows of shorts, each with room for a pixel to the left and for reading past its end.
struct gradient_rows {
  std::int16_t* smoothed;
  std::int16_t* differences;

  HWY_INLINE void filter_columns(const std::array<const std::uint8_t*, 3>& rows, std::size_t x) const {
    namespace hn = hwy::HWY_NAMESPACE;
    const hn::ScalableTag<std::int16_t> d;
    const hn::Rebind<std::uint8_t, decltype(d)> bytes;
    const auto above = hn::PromoteTo(d, hn::LoadU(bytes, rows[0] + x));
    const auto here = hn::PromoteTo(d, hn::LoadU(bytes, rows[1] + x));
    const auto below = hn::PromoteTo(d, hn::LoadU(bytes, rows[2] + x));
    hn::StoreU(hn::Add(hn::Add(above, below), hn::Add(here, here)), d, smoothed + x);
    hn::StoreU(hn::Sub(below, above), d, differences + x);
  }

  // Fills both rows, and a pixel to either side, for row y of the picture. The last vector may
  // overlap the one before it: nothing past the source's row is read, and a row that is shorter
  // than a vector is done one by one.
  HWY_INLINE void fill(const image_shape& shape, border past_edge, const std::uint8_t* source, std::size_t y) const {
    std::array<const std::uint8_t*, 3> rows;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto wanted = static_cast<std::ptrdiff_t>(y + i) - 1;
      rows[i] = source + bordered(past_edge, wanted, shape.height) * shape.source_stride;
    }
    const hwy::HWY_NAMESPACE::ScalableTag<std::int16_t> d;
    const std::size_t lanes = hwy::HWY_NAMESPACE::Lanes(d);
    std::size_t x = 0;
    for (; x + lanes <= shape.width; x += lanes) filter_columns(rows, x);
    if (x < shape.width && shape.width >= lanes) {
      filter_columns(rows, shape.width - lanes);
    } else {
      for (; x < shape.width; ++x) {
        smoothed[x] = static_cast<std::int16_t>(rows[0][x] + 2 * rows[1][x] + rows[2][x]);
        differences[x] = static_cast<std::int16_t>(rows[2][x] - rows[0][x]);
      }
    }
    for (std::int16_t* row : {smoothed, differences}) {
      extend_left(past_edge, shape.width, 1, 1, row);
      extend_right(past_edge, shape.width, 1, 1, row);
    }
  }

  HWY_INLINE hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<std::int16_t>> gx(std::size_t x) const {
    namespace hn = hwy::HWY_NAMESPACE;
    const hn::ScalableTag<std::int16_t> d;
    return hn::Sub(hn::LoadU(d, smoothed + x + 1), hn::LoadU(d, smoothed + x - 1));
  }

  HWY_INLINE hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<std::int16_t>> gy(std::size_t x) const {
    namespace hn = hwy::HWY_NAMESPACE;
    const hn::ScalableTag<std::int16_t> d;
    const auto middle = hn::LoadU(d, differences + x);
    const auto sides = hn::Add(hn::LoadU(d, differences + x - 1), hn::LoadU(d, differences + x + 1));
    return hn::Add(sides, hn::Add(middle, middle));
  }
};

}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per target
