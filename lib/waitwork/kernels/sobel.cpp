// SPDX-License-Identifier: Apache-2.0
// Row by row: both gradients of a vector of pixels, from the two rows that gradient-inl.hpp
// describes, then the sum of their squares by one instruction (pmaddwd) once the two are
// interleaved, and its root.

#include <waitwork/kernels/sobel.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

// Scalable vectors cannot be array elements; those machines run the NEON code.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
// foreach_target.h compiles this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "waitwork/kernels/sobel.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <waitwork/base/check.hpp>
#include <waitwork/kernels/gradient-inl.hpp>
#include <waitwork/kernels/pair_products-inl.hpp>
#include <waitwork/kernels/vector_order-inl.hpp>

#ifndef WAITWORK_KERNELS_SOBEL_TYPES
#define WAITWORK_KERNELS_SOBEL_TYPES
namespace waitwork::kernels {
namespace {

// Shorts that the row pass may read past the row: two vectors and a neighbour, rounded up.
constexpr std::size_t overhang = 96;

// Elements of each of the two rows in the scratch; the first is the pixel left of the image.
std::size_t column_row_length(const image_shape& shape) noexcept { return 1 + shape.row_elements() + overhang; }

}  // namespace
}  // namespace waitwork::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using short_tag = hn::ScalableTag<std::int16_t>;
using int_tag = hn::Repartition<std::int32_t, short_tag>;
using float_tag = hn::Repartition<float, short_tag>;
using shorts = hn::Vec<short_tag>;
using ints = hn::Vec<int_tag>;
using floats = hn::Vec<float_tag>;

static_assert(2 * hn::MaxLanes(short_tag()) + 2 <= overhang);

struct squares {
  ints lower;
  ints upper;
};

// gx^2 + gy^2 of the vector of pixels at x.
HWY_INLINE squares sum_squares(const gradient_rows& rows, std::size_t x) {
  const short_tag d;
  const shorts gx = rows.gx(x);
  const shorts gy = rows.gy(x);
  const shorts lower = hn::InterleaveLower(d, gx, gy);
  const shorts upper = hn::InterleaveUpper(d, gx, gy);
  return {multiply_short_pairs(lower, lower), multiply_short_pairs(upper, upper)};
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

// The magnitudes of two vectors of pixels from x on.
HWY_INLINE void store_magnitudes(const gradient_rows& rows, std::size_t x, float* to) {
  const float_tag d;
  const std::size_t lanes = hn::Lanes(short_tag());
#pragma GCC unroll 2
  for (std::size_t v = 0; v < 2; ++v) {
    const squares sums = sum_squares(rows, x + v * lanes);
    store_in_order(d, hn::Sqrt(hn::ConvertTo(d, sums.lower)), hn::Sqrt(hn::ConvertTo(d, sums.upper)), to + v * lanes);
  }
}

HWY_INLINE void store_magnitudes(const gradient_rows& rows, std::size_t x, std::uint8_t* to) {
  const short_tag d;
  const std::size_t lanes = hn::Lanes(d);
  shorts roots[2];
#pragma GCC unroll 2
  for (std::size_t v = 0; v < 2; ++v) {
    const squares sums = sum_squares(rows, x + v * lanes);
    roots[v] = hn::ReorderDemote2To(d, round_root(sums.lower), round_root(sums.upper));
  }
  store_bytes(roots[0], roots[1], to);
}

template <class Target>
void row_pass(const gradient_rows& rows, std::size_t count, Target* target) {
  const std::size_t step = 2 * hn::Lanes(short_tag());
  std::size_t x = 0;
  for (; x + step <= count; x += step) store_magnitudes(rows, x, target + x);
  if (x == count) return;
  HWY_ALIGN Target last[2 * hn::MaxLanes(short_tag())];
  store_magnitudes(rows, x, last);
  std::memcpy(target + x, last, (count - x) * sizeof(Target));
}

template <class Target>
void filter_rows(const image_shape& shape, border past_edge, const std::uint8_t* source, Target* target,
                 std::int16_t* scratch, row_band band) {
  const gradient_rows rows{scratch + 1, scratch + 1 + column_row_length(shape)};
  for (std::size_t y = band.first; y < band.end; ++y) {
    rows.fill(shape, past_edge, source, y);
    row_pass(rows, shape.width, target + y * shape.target_stride);
  }
}

}  // namespace

void sobel_rows_f32(const image_shape& shape, border past_edge, const std::uint8_t* source, float* target,
                    std::int16_t* scratch, row_band band) {
  filter_rows(shape, past_edge, source, target, scratch, band);
}

void sobel_rows_u8(const image_shape& shape, border past_edge, const std::uint8_t* source, std::uint8_t* target,
                   std::int16_t* scratch, row_band band) {
  filter_rows(shape, past_edge, source, target, scratch, band);
}

}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace waitwork::kernels {

HWY_EXPORT(sobel_rows_f32);
HWY_EXPORT(sobel_rows_u8);

std::size_t sobel_scratch_words(const image_shape& shape) noexcept { return 2 * column_row_length(shape); }

namespace {

bool begin(const image_shape& shape, std::size_t source_elements, std::size_t target_elements,
           std::size_t scratch_words, row_band& band) {
  if (!begin_filter(shape, source_elements, target_elements, band)) return false;
  WAITWORK_CHECK(shape.channels == 1, "a gradient is of one channel");
  WAITWORK_CHECK(scratch_words >= sobel_scratch_words(shape), "scratch is as large as sobel_scratch_words says");
  return true;
}

}  // namespace

void sobel_magnitude(const image_shape& shape, std::span<const std::uint8_t> source, std::span<float> target,
                     std::span<std::int16_t> scratch, row_band band, border past_edge) {
  if (!begin(shape, source.size(), target.size(), scratch.size(), band)) return;
  HWY_DYNAMIC_DISPATCH(sobel_rows_f32)
  (shape, past_edge, source.data(), target.data(), scratch.data(), band);
}

void sobel_magnitude(const image_shape& shape, std::span<const std::uint8_t> source, std::span<std::uint8_t> target,
                     std::span<std::int16_t> scratch, row_band band, border past_edge) {
  if (!begin(shape, source.size(), target.size(), scratch.size(), band)) return;
  HWY_DYNAMIC_DISPATCH(sobel_rows_u8)
  (shape, past_edge, source.data(), target.data(), scratch.data(), band);
}

}  // namespace waitwork::kernels
#endif
