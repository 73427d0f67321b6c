// Row by row: down the columns first, which leaves two rows of shorts, the columns smoothed (1 2 1)
// and the columns' differences (-1 0 1); then along the row, the differences of the former and the
// latter smoothed. So a pixel is widened to 16 bits three times and not eight, and both gradients
// cost seven additions. The squares of both are added by one instruction (pmaddwd) once the two are
// interleaved.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <waitwork/kernels/sobel.hpp>

// Scalable vectors cannot be array elements; those machines run the NEON code.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
// foreach_target.h compiles this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "waitwork/kernels/sobel.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <waitwork/base/check.hpp>
#include <waitwork/kernels/vector_order-inl.hpp>

#ifndef WAITWORK_KERNELS_SOBEL_TYPES
#define WAITWORK_KERNELS_SOBEL_TYPES
namespace waitwork::kernels {
namespace {

// Shorts that the row pass may read past the row: two vectors and a neighbour, rounded up.
constexpr std::size_t overhang = 96;

// Elements of each of the two rows in the scratch; the first is the pixel left of the image.
std::size_t column_row_length(const image_shape& shape) noexcept {
  return 1 + shape.row_elements() + overhang;
}

// The rows above, at and below one row of the target.
using source_rows = std::array<const std::uint8_t*, 3>;

}  // namespace
}  // namespace waitwork::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using short_tag = hn::ScalableTag<std::int16_t>;
using half_byte_tag = hn::Rebind<std::uint8_t, short_tag>;
using int_tag = hn::Repartition<std::int32_t, short_tag>;
using float_tag = hn::Repartition<float, short_tag>;
using shorts = hn::Vec<short_tag>;
using ints = hn::Vec<int_tag>;
using floats = hn::Vec<float_tag>;

static_assert(2 * hn::MaxLanes(short_tag()) + 2 <= overhang);

HWY_INLINE void filter_columns(const source_rows& rows, std::size_t x, std::int16_t* smoothed,
                               std::int16_t* differences) {
  const short_tag d;
  const half_byte_tag bytes;
  const shorts above = hn::PromoteTo(d, hn::LoadU(bytes, rows[0] + x));
  const shorts here = hn::PromoteTo(d, hn::LoadU(bytes, rows[1] + x));
  const shorts below = hn::PromoteTo(d, hn::LoadU(bytes, rows[2] + x));
  hn::StoreU(hn::Add(hn::Add(above, below), hn::Add(here, here)), d, smoothed + x);
  hn::StoreU(hn::Sub(below, above), d, differences + x);
}

// The last vector may overlap the one before it: nothing past the row's end is read, and a row that
// is shorter than a vector is done one by one.
void column_pass(const source_rows& rows, std::size_t count, std::int16_t* smoothed,
                 std::int16_t* differences) {
  const std::size_t lanes = hn::Lanes(short_tag());
  std::size_t x = 0;
  for (; x + lanes <= count; x += lanes) filter_columns(rows, x, smoothed, differences);
  if (x == count) return;
  if (count >= lanes) {
    filter_columns(rows, count - lanes, smoothed, differences);
    return;
  }
  for (; x < count; ++x) {
    smoothed[x] = static_cast<std::int16_t>(rows[0][x] + 2 * rows[1][x] + rows[2][x]);
    differences[x] = static_cast<std::int16_t>(rows[2][x] - rows[0][x]);
  }
}

struct squares {
  ints lower;
  ints upper;
};

// gx^2 + gy^2 of one vector of pixels.
HWY_INLINE squares sum_squares(const std::int16_t* smoothed, const std::int16_t* differences) {
  const short_tag d;
  const shorts gx = hn::Sub(hn::LoadU(d, smoothed + 1), hn::LoadU(d, smoothed - 1));
  const shorts middle = hn::LoadU(d, differences);
  const shorts sides = hn::Add(hn::LoadU(d, differences - 1), hn::LoadU(d, differences + 1));
  const shorts gy = hn::Add(sides, hn::Add(middle, middle));
  const auto square_pairs = [](shorts pairs) HWY_ATTR {
    const int_tag words;
#if HWY_ARCH_X86
    ints unused = hn::Zero(words);
    return hn::ReorderWidenMulAccumulate(words, pairs, pairs, hn::Zero(words), unused);
#else
    // Elsewhere the operation above adds other pairs together.
    const ints pair = hn::BitCast(words, pairs);
    const ints low = hn::ShiftRight<16>(hn::ShiftLeft<16>(pair));
    const ints high = hn::ShiftRight<16>(pair);
    return hn::Add(hn::Mul(low, low), hn::Mul(high, high));
#endif
  };
  return {square_pairs(hn::InterleaveLower(d, gx, gy)),
          square_pairs(hn::InterleaveUpper(d, gx, gy))};
}

// The square root, rounded to the nearest whole number if that is at most 255. A whole number's
// root is never halfway between two others, but 1 / (8 * 255^2) = 2^-19 of itself away at least:
// one step of Newton's method from the 12 bits of the reciprocal root (14 with AVX-512) suffices,
// at a third of the instruction's time.
HWY_INLINE ints round_root(ints sum) {
  const float_tag d;
  const floats value = hn::ConvertTo(d, sum);
#if HWY_ARCH_X86
  const floats reciprocal = hn::ApproximateReciprocalSqrt(hn::Max(value, hn::Set(d, 1.0f)));
  const floats root = hn::Mul(value, reciprocal);
  const floats rest = hn::NegMulAdd(root, root, value);
  const floats half = hn::Mul(reciprocal, hn::Set(d, 0.5f));
  return hn::NearestInt(hn::MulAdd(rest, half, root));
#else
  return hn::NearestInt(hn::Sqrt(value));
#endif
}

// Two vectors of shorts' worth of pixels.
HWY_INLINE void magnitudes(const std::int16_t* smoothed, const std::int16_t* differences,
                           float* target) {
  const float_tag d;
  const std::size_t lanes = hn::Lanes(short_tag());
#pragma GCC unroll 2
  for (std::size_t v = 0; v < 2; ++v) {
    const squares sums = sum_squares(smoothed + v * lanes, differences + v * lanes);
    store_in_order(d, hn::Sqrt(hn::ConvertTo(d, sums.lower)),
                   hn::Sqrt(hn::ConvertTo(d, sums.upper)), target + v * lanes);
  }
}

HWY_INLINE void magnitudes(const std::int16_t* smoothed, const std::int16_t* differences,
                           std::uint8_t* target) {
  const short_tag d;
  const std::size_t lanes = hn::Lanes(d);
  shorts roots[2];
#pragma GCC unroll 2
  for (std::size_t v = 0; v < 2; ++v) {
    const squares sums = sum_squares(smoothed + v * lanes, differences + v * lanes);
    roots[v] = hn::ReorderDemote2To(d, round_root(sums.lower), round_root(sums.upper));
  }
  store_bytes(roots[0], roots[1], target);
}

template <class Target>
void row_pass(const std::int16_t* smoothed, const std::int16_t* differences, std::size_t count,
              Target* target) {
  const std::size_t step = 2 * hn::Lanes(short_tag());
  std::size_t x = 0;
  for (; x + step <= count; x += step) magnitudes(smoothed + x, differences + x, target + x);
  if (x == count) return;
  HWY_ALIGN Target last[2 * hn::MaxLanes(short_tag())];
  magnitudes(smoothed + x, differences + x, last);
  std::memcpy(target + x, last, (count - x) * sizeof(Target));
}

template <class Target>
void filter_rows(const image_shape& shape, border past_edge, const std::uint8_t* source,
                 Target* target, std::int16_t* scratch, row_band band) {
  std::int16_t* const smoothed = scratch + 1;
  std::int16_t* const differences = smoothed + column_row_length(shape);
  for (std::size_t y = band.first; y < band.end; ++y) {
    source_rows rows;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto wanted = static_cast<std::ptrdiff_t>(y + i) - 1;
      rows[i] = source + bordered(past_edge, wanted, shape.height) * shape.source_stride;
    }
    column_pass(rows, shape.width, smoothed, differences);
    for (std::int16_t* row : {smoothed, differences}) {
      extend_left(past_edge, shape.width, 1, 1, row);
      extend_right(past_edge, shape.width, 1, 1, row);
    }
    row_pass(smoothed, differences, shape.width, target + y * shape.target_stride);
  }
}

}  // namespace

void sobel_rows_f32(const image_shape& shape, border past_edge, const std::uint8_t* source,
                    float* target, std::int16_t* scratch, row_band band) {
  filter_rows(shape, past_edge, source, target, scratch, band);
}

void sobel_rows_u8(const image_shape& shape, border past_edge, const std::uint8_t* source,
                   std::uint8_t* target, std::int16_t* scratch, row_band band) {
  filter_rows(shape, past_edge, source, target, scratch, band);
}

}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace waitwork::kernels {

HWY_EXPORT(sobel_rows_f32);
HWY_EXPORT(sobel_rows_u8);

std::size_t sobel_scratch_words(const image_shape& shape) noexcept {
  return 2 * column_row_length(shape);
}

namespace {

bool begin(const image_shape& shape, std::size_t source_elements, std::size_t target_elements,
           std::size_t scratch_words, row_band& band) {
  if (!begin_filter(shape, source_elements, target_elements, band)) return false;
  WAITWORK_CHECK(shape.channels == 1, "a gradient is of one channel");
  WAITWORK_CHECK(scratch_words >= sobel_scratch_words(shape),
                 "scratch is as large as sobel_scratch_words says");
  return true;
}

}  // namespace

void sobel_magnitude(const image_shape& shape, std::span<const std::uint8_t> source,
                     std::span<float> target, std::span<std::int16_t> scratch, row_band band,
                     border past_edge) {
  if (!begin(shape, source.size(), target.size(), scratch.size(), band)) return;
  HWY_DYNAMIC_DISPATCH(sobel_rows_f32)
  (shape, past_edge, source.data(), target.data(), scratch.data(), band);
}

void sobel_magnitude(const image_shape& shape, std::span<const std::uint8_t> source,
                     std::span<std::uint8_t> target, std::span<std::int16_t> scratch, row_band band,
                     border past_edge) {
  if (!begin(shape, source.size(), target.size(), scratch.size(), band)) return;
  HWY_DYNAMIC_DISPATCH(sobel_rows_u8)
  (shape, past_edge, source.data(), target.data(), scratch.data(), band);
}

}  // namespace waitwork::kernels
#endif
