// SPDX-License-Identifier: Apache-2.0
// Row by row: down the columns first, then along the row, a chunk behind, as gaussian_blur does;
// one multiply-add a tap in both passes. Folding the two taps of one weight would take as many
// instructions. So the source is read from the second-level cache `size` times; four rows of the
// target at a time, which read it (size + 3) / 4 times, were no faster at 1920 x 1080 and five
// taps.

#include <waitwork/kernels/gaussian_blur_f32.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

// Scalable vectors cannot be array elements; those machines run the NEON code.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
// foreach_target.h compiles this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "waitwork/kernels/gaussian_blur_f32.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <waitwork/base/check.hpp>

#ifndef WAITWORK_KERNELS_GAUSSIAN_BLUR_F32_TYPES
#define WAITWORK_KERNELS_GAUSSIAN_BLUR_F32_TYPES
namespace waitwork::kernels {
namespace {

// Elements of a row done at a time, so that their sums stay in the first-level cache.
constexpr std::size_t chunk = 1024;
// Independent sums in flight: enough to cover the latency of a multiply-add (4 cycles at two a
// cycle) together with those of the next iteration.
constexpr std::size_t unrolled = 4;
constexpr std::size_t line_floats = 16;  // in 64 bytes
// Floats that the row pass may read past the last sum it needs: its vectors of 64 bytes.
constexpr std::size_t overhang = unrolled * line_floats;

// The rows of the taps, and the one that the next row of the target needs besides.
using tap_rows = std::array<const float*, gaussian_weights_f32::max_size + 1>;

// The sums of one row with a margin to either side.
struct sums_layout {
  sums_layout(const image_shape& shape, std::size_t radius) noexcept
      : margin(radius * shape.channels), length(shape.row_elements() + 2 * margin + overhang) {}
  std::size_t margin;
  std::size_t length;
};

}  // namespace
}  // namespace waitwork::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using tag = hn::ScalableTag<float>;
using vector = hn::Vec<tag>;

// to[i] = sum over taps of weight * tap_at(tap)[i], for Vectors vectors. Size is the number of
// taps, or 0 if it is not known when this is compiled.
template <std::size_t Size, std::size_t Vectors, class TapAt>
HWY_INLINE void sum_taps(const gaussian_weights_f32& weights, TapAt tap_at, float* to) {
  const tag d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t size = Size == 0 ? weights.size() : Size;
  const float* const values = weights.values().data();
  vector total[Vectors];
#pragma GCC unroll 4
  for (std::size_t v = 0; v < Vectors; ++v) total[v] = hn::Zero(d);
#pragma GCC unroll 8
  for (std::size_t tap = 0; tap < size; ++tap) {
    const vector weight = hn::Set(d, values[tap]);
    const float* const from = tap_at(tap);
#pragma GCC unroll 4
    for (std::size_t v = 0; v < Vectors; ++v) total[v] = hn::MulAdd(weight, hn::LoadU(d, from + v * lanes), total[v]);
  }
#pragma GCC unroll 4
  for (std::size_t v = 0; v < Vectors; ++v) hn::StoreU(total[v], d, to + v * lanes);
}

// Elements [x, end) of a row. The last vector may overlap the one before it: nothing past the end
// is read, and a row that is shorter than a vector is done one by one.
template <std::size_t Size>
void column_pass(const gaussian_weights_f32& weights, const tap_rows& rows, std::size_t x, std::size_t end,
                 float* sums) {
  const std::size_t lanes = hn::Lanes(tag());
  const auto tap_at = [&](std::size_t tap) { return rows[tap] + x; };
  for (; x + unrolled * lanes <= end; x += unrolled * lanes) {
    // Into the second-level cache. Each row is a stream of its own that the hardware's prefetcher
    // has to find again: with three channels at 1920 x 1080 this took 0.9 of the time.
    for (std::size_t ahead = 0; ahead < unrolled * lanes; ahead += line_floats)
      __builtin_prefetch(rows[weights.size()] + x + ahead, 0, 2);
    sum_taps<Size, unrolled>(weights, tap_at, sums + x);
  }
  for (; x + lanes <= end; x += lanes) sum_taps<Size, 1>(weights, tap_at, sums + x);
  if (x >= end) return;
  if (end >= lanes) {
    x = end - lanes;
    sum_taps<Size, 1>(weights, tap_at, sums + x);
    return;
  }
  for (; x < end; ++x) {
    sums[x] = 0;
    for (std::size_t tap = 0; tap < weights.size(); ++tap) sums[x] += weights.values()[tap] * rows[tap][x];
  }
}

// `from` is where the first tap of the first element lies.
template <std::size_t Size>
void row_pass(const gaussian_weights_f32& weights, std::size_t channels, const float* from, std::size_t count,
              float* target) {
  static_assert(unrolled * hn::MaxLanes(tag()) <= overhang);
  const std::size_t step = unrolled * hn::Lanes(tag());
  std::size_t x = 0;
  const auto tap_at = [&](std::size_t tap) { return from + x + tap * channels; };
  for (; x + step <= count; x += step) sum_taps<Size, unrolled>(weights, tap_at, target + x);
  if (x == count) return;
  HWY_ALIGN float last[overhang];
  sum_taps<Size, unrolled>(weights, tap_at, last);
  std::memcpy(target + x, last, (count - x) * sizeof(float));
}

// One row of the target.
template <std::size_t Size>
void blur_row(const image_shape& shape, const gaussian_weights_f32& weights, border past_edge, const tap_rows& rows,
              float* scratch, float* target) {
  const sums_layout layout(shape, weights.radius());
  const std::size_t count = shape.row_elements();
  float* const sums = scratch + layout.margin;
  std::size_t summed = 0;
  for (std::size_t begin = 0; begin < count; begin += chunk) {
    const std::size_t end = std::min(begin + chunk, count);
    if (summed < count) {
      const std::size_t wanted = std::min(end + layout.margin + overhang, count);
      column_pass<Size>(weights, rows, summed, wanted, sums);
      if (begin == 0) extend_left(past_edge, shape.width, shape.channels, weights.radius(), sums);
      if (wanted == count) extend_right(past_edge, shape.width, shape.channels, weights.radius(), sums);
      summed = wanted;
    }
    row_pass<Size>(weights, shape.channels, scratch + begin, end - begin, target + begin);
  }
}

template <std::size_t Size>
void blur_band(const image_shape& shape, const gaussian_weights_f32& weights, border past_edge, const float* source,
               float* target, float* scratch, row_band band) {
  tap_rows rows;
  for (std::size_t y = band.first; y < band.end; ++y) {
    for (std::size_t tap = 0; tap <= weights.size(); ++tap) {
      const auto wanted = static_cast<std::ptrdiff_t>(y + tap - weights.radius());
      rows[tap] = source + bordered(past_edge, wanted, shape.height) * shape.source_stride;
    }
    blur_row<Size>(shape, weights, past_edge, rows, scratch, target + y * shape.target_stride);
  }
}

}  // namespace

// The small sizes have their weights in registers.
void blur_rows_f32(const image_shape& shape, const gaussian_weights_f32& weights, border past_edge, const float* source,
                   float* target, float* scratch, row_band band) {
  switch (weights.size()) {
    case 3:
      return blur_band<3>(shape, weights, past_edge, source, target, scratch, band);
    case 5:
      return blur_band<5>(shape, weights, past_edge, source, target, scratch, band);
    case 7:
      return blur_band<7>(shape, weights, past_edge, source, target, scratch, band);
    default:
      return blur_band<0>(shape, weights, past_edge, source, target, scratch, band);
  }
}

}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace waitwork::kernels {

HWY_EXPORT(blur_rows_f32);

std::size_t gaussian_blur_scratch_words(const image_shape& shape, const gaussian_weights_f32& weights) noexcept {
  return sums_layout(shape, weights.radius()).length;
}

void gaussian_blur(const image_shape& shape, const gaussian_weights_f32& weights, std::span<const float> source,
                   std::span<float> target, std::span<float> scratch, row_band band, border past_edge) {
  if (!begin_filter(shape, source.size(), target.size(), band)) return;
  WAITWORK_CHECK(scratch.size() >= gaussian_blur_scratch_words(shape, weights),
                 "scratch is as large as gaussian_blur_scratch_words says");
  HWY_DYNAMIC_DISPATCH(blur_rows_f32)
  (shape, weights, past_edge, source.data(), target.data(), scratch.data(), band);
}

}  // namespace waitwork::kernels
#endif
