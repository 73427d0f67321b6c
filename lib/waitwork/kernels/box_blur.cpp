// SPDX-License-Identifier: Apache-2.0
// Running sums both ways. Down the columns: one row of sums, to which each new row of the target
// adds a row of the source and from which it takes another. Along the row, the sum of a window is
// that of the window before plus the difference of two columns; so all of them are the running
// total of these differences.
//
// The mean is a sum of at most 255 * size^2 < 2^24, an exact float, times the rounded 1 / size^2.
// That is off by less than 255.5 * 2^-24 and rounded by 2^-17, together 2.3e-5; a mean is 0.5 /
// size^2, at least 3.1e-5, away from halfway between two whole numbers.

#include <waitwork/kernels/box_blur.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

// Scalable vectors cannot be array elements; those machines run the NEON code.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
// foreach_target.h compiles this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "waitwork/kernels/box_blur.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <waitwork/base/check.hpp>
#include <waitwork/kernels/running_total-inl.hpp>
#include <waitwork/kernels/vector_order-inl.hpp>

#ifndef WAITWORK_KERNELS_BOX_BLUR_TYPES
#define WAITWORK_KERNELS_BOX_BLUR_TYPES
namespace waitwork::kernels {
namespace {

// Sums that the row pass may read past those it needs: it does one vector of bytes at a time.
constexpr std::size_t overhang = 64;

// The sums of the columns with a margin to either side; to the left one pixel more, which is the
// first to leave a window.
struct sums_layout {
  sums_layout(const image_shape& shape, std::size_t radius) noexcept
      : left((radius + 1) * shape.channels), length(left + shape.row_elements() + radius * shape.channels + overhang) {}
  std::size_t left;
  std::size_t length;
};

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
using half_short_tag = hn::Rebind<std::int16_t, int_tag>;
using float_tag = hn::Repartition<float, short_tag>;
using shorts = hn::Vec<short_tag>;
using ints = hn::Vec<int_tag>;

constexpr std::size_t max_int_lanes = hn::MaxLanes(int_tag());
static_assert(4 * max_int_lanes <= overhang);

// sums[x] += added[x] - removed[x]. In place, so no vector may overlap another: the last elements
// are done one by one.
void update_columns(const std::uint8_t* added, const std::uint8_t* removed, std::size_t count, std::int16_t* sums) {
  const short_tag d;
  const half_byte_tag bytes;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t x = 0;
  for (; x + lanes <= count; x += lanes) {
    const shorts in = hn::PromoteTo(d, hn::LoadU(bytes, added + x));
    const shorts out = hn::PromoteTo(d, hn::LoadU(bytes, removed + x));
    hn::StoreU(hn::Add(hn::LoadU(d, sums + x), hn::Sub(in, out)), d, sums + x);
  }
  for (; x < count; ++x) sums[x] = static_cast<std::int16_t>(sums[x] + added[x] - removed[x]);
}

void add_columns(const std::uint8_t* added, std::size_t count, std::int16_t* sums) {
  const short_tag d;
  const half_byte_tag bytes;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t x = 0;
  for (; x + lanes <= count; x += lanes) {
    const shorts in = hn::PromoteTo(d, hn::LoadU(bytes, added + x));
    hn::StoreU(hn::Add(hn::LoadU(d, sums + x), in), d, sums + x);
  }
  for (; x < count; ++x) sums[x] = static_cast<std::int16_t>(sums[x] + added[x]);
}

// The sum of each channel of `count` pixels. A vector counts up to its last whole pixel.
template <std::size_t Channels>
HWY_INLINE std::array<std::int32_t, Channels> sum_pixels(const std::int16_t* from, std::size_t count) {
  const int_tag d;
  const half_short_tag half;
  const std::size_t used = hn::Lanes(d) / Channels * Channels;
  const std::size_t elements = count * Channels;
  ints lane_sums = hn::Zero(d);
  std::size_t i = 0;
  for (; i + used <= elements; i += used) lane_sums = hn::Add(lane_sums, hn::PromoteTo(d, hn::LoadU(half, from + i)));
  HWY_ALIGN std::int32_t lanes[max_int_lanes];
  hn::Store(lane_sums, d, lanes);
  std::array<std::int32_t, Channels> total{};
  for (std::size_t lane = 0; lane < used; ++lane) total[lane % Channels] += lanes[lane];
  for (; i < elements; ++i) total[i % Channels] += from[i];
  return total;
}

// `sums` begins at the first pixel.
template <std::size_t Channels>
void row_pass(std::size_t radius, std::size_t count, const std::int16_t* sums, std::uint8_t* target) {
  const int_tag d;
  const half_short_tag half;
  const float_tag floats;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t size = 2 * radius + 1;
  const std::int16_t* const entering = sums + radius * Channels;
  const std::int16_t* const leaving = sums - (radius + 1) * Channels;
  const running_total<Channels> total;
  ints carried = total.begin(sum_pixels<Channels>(leaving, size));
  const auto scale = hn::Set(floats, 1.0f / static_cast<float>(size * size));
  const auto means_at = [&](std::size_t x) HWY_ATTR {
    const auto difference = hn::Sub(hn::LoadU(half, entering + x), hn::LoadU(half, leaving + x));
    const ints window = total.add(hn::PromoteTo(d, difference), carried);
    return hn::NearestInt(hn::Mul(hn::ConvertTo(floats, window), scale));
  };
  HWY_ALIGN std::uint8_t last[4 * max_int_lanes];
  for (std::size_t x = 0; x < count; x += 4 * lanes) {
    const ints a = means_at(x);
    const ints b = means_at(x + lanes);
    const ints c = means_at(x + 2 * lanes);
    const ints e = means_at(x + 3 * lanes);
    const bool whole = x + 4 * lanes <= count;
    store_bytes(a, b, c, e, whole ? target + x : last);
    if (!whole) std::memcpy(target + x, last, count - x);
  }
}

}  // namespace

void box_rows(const image_shape& shape, std::size_t radius, border past_edge, const std::uint8_t* source,
              std::uint8_t* target, std::int16_t* scratch, row_band band) {
  const std::size_t count = shape.row_elements();
  std::int16_t* const sums = scratch + sums_layout(shape, radius).left;
  // The row `down` rows below row y - radius.
  const auto row_at = [&](std::size_t y, std::size_t down) {
    const auto wanted = static_cast<std::ptrdiff_t>(y + down - radius);
    return source + bordered(past_edge, wanted, shape.height) * shape.source_stride;
  };
  std::fill_n(sums, count, std::int16_t{0});
  for (std::size_t down = 0; down <= 2 * radius; ++down) add_columns(row_at(band.first, down), count, sums);
  for (std::size_t y = band.first; y < band.end; ++y) {
    if (y > band.first) update_columns(row_at(y, 2 * radius), row_at(y - 1, 0), count, sums);
    extend_left(past_edge, shape.width, shape.channels, radius + 1, sums);
    extend_right(past_edge, shape.width, shape.channels, radius, sums);
    std::uint8_t* const row = target + y * shape.target_stride;
    if (shape.channels == 1) {
      row_pass<1>(radius, count, sums, row);
    } else {
      row_pass<3>(radius, count, sums, row);
    }
  }
}

}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace waitwork::kernels {

HWY_EXPORT(box_rows);

std::size_t box_blur_scratch_words(const image_shape& shape, std::size_t size) noexcept {
  return sums_layout(shape, size / 2).length;
}

void box_blur(const image_shape& shape, std::size_t size, std::span<const std::uint8_t> source,
              std::span<std::uint8_t> target, std::span<std::int16_t> scratch, row_band band, border past_edge) {
  WAITWORK_CHECK(size % 2 == 1 && size <= box_blur_max_size,
                 "a box is an odd number of pixels wide, at most box_blur_max_size");
  if (!begin_filter(shape, source.size(), target.size(), band)) return;
  WAITWORK_CHECK(scratch.size() >= box_blur_scratch_words(shape, size),
                 "scratch is as large as box_blur_scratch_words says");
  HWY_DYNAMIC_DISPATCH(box_rows)
  (shape, size / 2, past_edge, source.data(), target.data(), scratch.data(), band);
}

}  // namespace waitwork::kernels
#endif
