// SPDX-License-Identifier: Apache-2.0
// Running sums both ways, as in box_blur. Down the columns: three rows of sums of products of
// gradients, to which each new row of the target adds the products of one row of gradients and from
// which it takes those of another. The gradients of the latter are computed again: a dozen
// operations a pixel, while keeping them would take 4 * block_size bytes. One instruction (pmaddwd)
// multiplies both pairs of gradients, the one coming and the one going, and subtracts.

#include <waitwork/kernels/harris.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

// Scalable vectors cannot be array elements; those machines run the NEON code.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
// foreach_target.h compiles this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "waitwork/kernels/harris.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/check.hpp>
#include <waitwork/kernels/gradient-inl.hpp>
#include <waitwork/kernels/pair_products-inl.hpp>
#include <waitwork/kernels/running_total-inl.hpp>
#include <waitwork/kernels/vector_order-inl.hpp>

#ifndef WAITWORK_KERNELS_HARRIS_TYPES
#define WAITWORK_KERNELS_HARRIS_TYPES
namespace waitwork::kernels {
namespace {

constexpr std::size_t sum_rows = 3;            // of gx * gx, gy * gy and gx * gy
constexpr std::size_t gradient_rows_held = 4;  // two for each of two rows of the source
// Elements past a row's end that whole vectors of shorts may reach.
constexpr std::size_t overhang = 64;

constexpr std::size_t round_up(std::size_t bytes) noexcept {
  return (bytes + simd_alignment_bytes - 1) / simd_alignment_bytes * simd_alignment_bytes;
}

// What lies in the scratch, from its first aligned byte on: the rows of sums, whose pixels begin
// `left` elements after their start (the margin, and one pixel more, which is the first to leave a
// window); then those of the gradients, whose pixels begin one element after.
struct scratch_layout {
  scratch_layout(const image_shape& shape, std::size_t radius) noexcept
      : left(radius + 1),
        sums_bytes(round_up((left + shape.width + radius + overhang) * sizeof(std::int32_t))),
        gradients_bytes(round_up((1 + shape.width + overhang) * sizeof(std::int16_t))) {}
  std::size_t total_bytes() const noexcept {
    return simd_alignment_bytes + sum_rows * sums_bytes + gradient_rows_held * gradients_bytes;
  }
  std::size_t left;
  std::size_t sums_bytes;
  std::size_t gradients_bytes;
};

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

static_assert(hn::MaxLanes(short_tag()) + 2 <= overhang);

struct product_sums {
  std::int32_t* xx;
  std::int32_t* yy;
  std::int32_t* xy;
};

// sums[0] += a * b of one vector's first half, sums[lanes] += of the other.
HWY_INLINE void add_products(shorts first, shorts second, shorts other_first, shorts other_second, std::int32_t* sums) {
  const int_tag d;
  const std::size_t lanes = hn::Lanes(d);
  hn::StoreU(hn::Add(hn::LoadU(d, sums), multiply_short_pairs(first, other_first)), d, sums);
  hn::StoreU(hn::Add(hn::LoadU(d, sums + lanes), multiply_short_pairs(second, other_second)), d, sums + lanes);
}

// Adds the products of the gradients that come and subtracts those of the gradients that go.
void update_sums(const gradient_rows& coming, const gradient_rows& going, std::size_t count, const product_sums& sums) {
  const short_tag d;
  for (std::size_t x = 0; x < count; x += hn::Lanes(d)) {
    const shorts gx = spread_halves(coming.gx(x));
    const shorts gy = spread_halves(coming.gy(x));
    const shorts gone_x = spread_halves(going.gx(x));
    const shorts gone_y = spread_halves(going.gy(x));
    const shorts minus_x = hn::Neg(gone_x);
    const shorts minus_y = hn::Neg(gone_y);
    const shorts x_lower = hn::InterleaveLower(d, gx, gone_x);
    const shorts x_upper = hn::InterleaveUpper(d, gx, gone_x);
    const shorts y_lower = hn::InterleaveLower(d, gy, minus_y);
    const shorts y_upper = hn::InterleaveUpper(d, gy, minus_y);
    add_products(x_lower, x_upper, hn::InterleaveLower(d, gx, minus_x), hn::InterleaveUpper(d, gx, minus_x),
                 sums.xx + x);
    add_products(y_lower, y_upper, hn::InterleaveLower(d, gy, gone_y), hn::InterleaveUpper(d, gy, gone_y), sums.yy + x);
    add_products(x_lower, x_upper, y_lower, y_upper, sums.xy + x);
  }
}

std::int32_t sum_pixels(const std::int32_t* from, std::size_t count) {
  std::int32_t total = 0;
  for (std::size_t i = 0; i < count; ++i) total += from[i];
  return total;
}

// What turns the sums over a block into a response.
struct response {
  HWY_INLINE floats of(ints xx, ints yy, ints xy) const {
    const float_tag d;
    const floats scale = hn::Set(d, squared_scale);
    const floats a = hn::Mul(hn::ConvertTo(d, xx), scale);
    const floats b = hn::Mul(hn::ConvertTo(d, yy), scale);
    const floats c = hn::Mul(hn::ConvertTo(d, xy), scale);
    const floats trace = hn::Add(a, b);
    const floats determinant = hn::MulSub(a, b, hn::Mul(c, c));
    return hn::NegMulAdd(hn::Mul(hn::Set(d, k), trace), trace, determinant);
  }
  float squared_scale;
  float k;
};

// `sums` begin at the first pixel.
void response_pass(const response& compute, std::size_t radius, std::size_t count, const product_sums& sums,
                   float* target) {
  const float_tag d;
  const int_tag words;
  const std::size_t lanes = hn::Lanes(d);
  const running_total<1> total;
  const auto start = [&](const std::int32_t* row)
                         HWY_ATTR { return total.begin({sum_pixels(row - radius - 1, 2 * radius + 1)}); };
  ints carried_xx = start(sums.xx);
  ints carried_yy = start(sums.yy);
  ints carried_xy = start(sums.xy);
  const auto windows = [&](const std::int32_t* at, ints& carried) HWY_ATTR {
    const ints entering = hn::LoadU(words, at + radius);
    return total.add(hn::Sub(entering, hn::LoadU(words, at - radius - 1)), carried);
  };
  HWY_ALIGN float last[hn::MaxLanes(float_tag())];
  for (std::size_t x = 0; x < count; x += lanes) {
    const ints xx = windows(sums.xx + x, carried_xx);
    const ints yy = windows(sums.yy + x, carried_yy);
    const ints xy = windows(sums.xy + x, carried_xy);
    const bool whole = x + lanes <= count;
    hn::StoreU(compute.of(xx, yy, xy), d, whole ? target + x : last);
    if (!whole) std::memcpy(target + x, last, (count - x) * sizeof(float));
  }
}

}  // namespace

void harris_rows(const image_shape& shape, const harris_options& options, border past_edge, const std::uint8_t* source,
                 float* target, std::byte* scratch, row_band band) {
  const std::size_t radius = options.block_size / 2;
  const scratch_layout layout(shape, radius);
  scratch += round_up(reinterpret_cast<std::uintptr_t>(scratch)) - reinterpret_cast<std::uintptr_t>(scratch);
  const auto sums_at = [&](std::size_t row) {
    return reinterpret_cast<std::int32_t*>(scratch + row * layout.sums_bytes) + layout.left;
  };
  const auto gradients_at = [&](std::size_t row) {
    std::byte* const first = scratch + sum_rows * layout.sums_bytes;
    return reinterpret_cast<std::int16_t*>(first + row * layout.gradients_bytes) + 1;
  };
  const product_sums sums{sums_at(0), sums_at(1), sums_at(2)};
  const gradient_rows coming{gradients_at(0), gradients_at(1)};
  const gradient_rows going{gradients_at(2), gradients_at(3)};
  const double scale = 1.0 / (4.0 * 255.0 * static_cast<double>(options.block_size));
  const response compute{static_cast<float>(scale * scale), options.k};

  // Gradients past the picture's edge are those of the rows that stand for them.
  const auto row_at = [&](std::size_t y, std::size_t down) {
    return bordered(past_edge, static_cast<std::ptrdiff_t>(y + down - radius), shape.height);
  };
  std::memset(scratch, 0, layout.total_bytes() - simd_alignment_bytes);
  for (std::size_t down = 0; down < 2 * radius; ++down) {
    coming.fill(shape, past_edge, source, row_at(band.first, down));
    update_sums(coming, going, shape.width, sums);
  }
  for (std::size_t y = band.first; y < band.end; ++y) {
    coming.fill(shape, past_edge, source, row_at(y, 2 * radius));
    if (y > band.first) going.fill(shape, past_edge, source, row_at(y - 1, 0));
    update_sums(coming, going, shape.width, sums);
    for (std::int32_t* row : {sums.xx, sums.yy, sums.xy}) {
      extend_left(past_edge, shape.width, 1, radius + 1, row);
      extend_right(past_edge, shape.width, 1, radius, row);
    }
    response_pass(compute, radius, shape.width, sums, target + y * shape.target_stride);
  }
}

}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace waitwork::kernels {

HWY_EXPORT(harris_rows);

std::size_t harris_scratch_bytes(const image_shape& shape, const harris_options& options) noexcept {
  return scratch_layout(shape, options.block_size / 2).total_bytes();
}

void harris_response(const image_shape& shape, const harris_options& options, std::span<const std::uint8_t> source,
                     std::span<float> target, std::span<std::byte> scratch, row_band band, border past_edge) {
  WAITWORK_CHECK(options.block_size % 2 == 1 && options.block_size <= harris_max_block_size,
                 "a block is an odd number of pixels wide, at most harris_max_block_size");
  if (!begin_filter(shape, source.size(), target.size(), band)) return;
  WAITWORK_CHECK(shape.channels == 1, "a gradient is of one channel");
  WAITWORK_CHECK(scratch.size() >= harris_scratch_bytes(shape, options),
                 "scratch is as large as harris_scratch_bytes says");
  HWY_DYNAMIC_DISPATCH(harris_rows)
  (shape, options, past_edge, source.data(), target.data(), scratch.data(), band);
}

}  // namespace waitwork::kernels
#endif
