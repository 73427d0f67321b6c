// SPDX-License-Identifier: Apache-2.0
// Row by row: down the columns first, then along the row. The column pass reads 2 * radius + 1 rows
// of the source and leaves one row of exact 16-bit sums (at most 255 * 256); the row pass turns
// that row into the target's, a chunk behind. So the intermediate is in the first-level cache, and
// bands need no halo computed twice.
//
// Both passes take two taps at a time, because x86 does two products and their addition in one
// instruction, of bytes (pmaddubsw) as of shorts (pmaddwd):
//
// - Down the columns, the bytes of two rows are interleaved. pmaddubsw takes weights up to 127 and
//   saturates at 2^15, so a pair's weights must add up to at most 128; a weight too heavy for that
//   is taken in two or three parts.
// - Along the row, neighbours lie side by side already: a load at an even element yields the pairs
//   of all even elements, one at the next those of the odd ones, and putting both together at the
//   end is a shift and a blend. With three channels a neighbour is three elements away: two more
//   rows hold the pairs of even and of odd elements, each made of two loads and a blend. A tap at
//   distance i along an interleaved row is i * channels elements away: colour needs no planes.
//
// pmaddwd is signed, so the sums are stored less 2^15, and what that takes away is added back at
// once: 2^15 * 256, because the weights add up to 256.

#include <waitwork/kernels/gaussian_blur.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

// Scalable vectors cannot be array elements; those machines run the NEON code.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
// foreach_target.h compiles this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "waitwork/kernels/gaussian_blur.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/check.hpp>
#include <waitwork/kernels/pair_products-inl.hpp>
#include <waitwork/kernels/vector_order-inl.hpp>

#ifndef WAITWORK_KERNELS_GAUSSIAN_BLUR_TYPES
#define WAITWORK_KERNELS_GAUSSIAN_BLUR_TYPES
namespace waitwork::kernels {
namespace {

constexpr std::size_t max_row_pairs = gaussian_weights::max_size / 2 + 1;
// One pair per tap if no two fit together, and two more for the third and second 127 of a total of
// 256.
constexpr std::size_t max_column_pairs = gaussian_weights::max_size + 2;
constexpr std::uint16_t sign_bias = 1u << 15;
// Gives back the bias (2^15 * 256) and rounds (2^15).
constexpr std::int32_t row_pass_start = (1 << 23) + (1 << 15);
// Shorts that the row pass may read past the last sum it needs: it works on two vectors at a time.
constexpr std::size_t overhang = 128;

// The weights of both passes, laid out so that one 32-bit broadcast, which needs no shuffle unit,
// serves two taps.
struct packed_weights {
  explicit packed_weights(const gaussian_weights& weights) noexcept
      : size(weights.size()), radius(weights.radius()), row_pairs(weights.size() / 2 + 1) {
    const auto values = weights.values();
    for (std::size_t i = 0; i < row_pairs; ++i) {
      const std::uint32_t second = 2 * i + 1 < size ? values[2 * i + 1] : 0u;
      row_weights[i] = values[2 * i] | (second << 16);
    }
    std::array<std::uint32_t, gaussian_weights::max_size + 1> left{};
    std::copy(values.begin(), values.end(), left.begin());
    for (std::size_t tap = 0; tap < size; ++tap) {
      while (left[tap] != 0) {
        const std::uint32_t first = std::min(left[tap], 127u);
        const std::uint32_t second = std::min(left[tap + 1], 128u - first);
        left[tap] -= first;
        left[tap + 1] -= second;
        column_taps[column_pairs] = {tap, std::min(tap + 1, size - 1)};
        column_weights[column_pairs++] = (first | (second << 8)) * 0x10001u;
      }
    }
  }
  std::size_t size;
  std::size_t radius;
  std::size_t row_pairs;
  std::size_t column_pairs = 0;
  std::array<std::uint32_t, max_row_pairs> row_weights;
  std::array<std::uint32_t, max_column_pairs> column_weights;
  std::array<std::array<std::size_t, 2>, max_column_pairs> column_taps;
};

// Where the two rows of each pair of taps lie.
using row_pair = std::array<const std::uint8_t*, 2>;
using tap_rows = std::array<row_pair, max_column_pairs>;

// A row is done in chunks of so many elements, so that the pairs of colours (2 * 2 * 1024 bytes and
// margins) stay in the first-level cache beside the source's rows. At 1920 x 1080, three channels
// and five taps that took 0.7 of the time of whole rows.
constexpr std::size_t chunk = 1024;
constexpr std::size_t aligned_shorts = simd_alignment_bytes / sizeof(std::uint16_t);

// What lies in the scratch, from its first aligned element on: the sums of one row with a margin to
// either side; of three channels, the pairs of one chunk that begin at even elements, and those
// that begin at odd ones.
struct scratch_layout {
  scratch_layout(const image_shape& shape, std::size_t radius) noexcept
      : margin(radius * shape.channels),
        sums(round_up(margin)),
        even(round_up(sums + shape.row_bytes() + margin + overhang)),
        pairs(shape.channels == 1 ? 0 : round_up(chunk + 2 * margin + overhang)) {}
  static std::size_t round_up(std::size_t shorts) noexcept {
    return (shorts + aligned_shorts - 1) / aligned_shorts * aligned_shorts;
  }
  std::size_t total() const noexcept { return aligned_shorts + even + 2 * pairs; }

  std::size_t margin;
  std::size_t sums;
  std::size_t even;
  std::size_t pairs;
};

}  // namespace
}  // namespace waitwork::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using byte_tag = hn::ScalableTag<std::uint8_t>;
using short_tag = hn::Repartition<std::uint16_t, byte_tag>;
using word_tag = hn::Repartition<std::uint32_t, byte_tag>;
using int_tag = hn::RebindToSigned<word_tag>;
using bytes = hn::Vec<byte_tag>;
using shorts = hn::Vec<short_tag>;
using ints = hn::Vec<int_tag>;

static_assert(2 * hn::MaxLanes(short_tag()) <= overhang);

// Independent vectors in flight in the column pass: enough to use each broadcast weight and each
// row's address several times.
constexpr std::size_t unrolled = 2;

// sum + low * low weight + high * high weight in each 32-bit lane.
HWY_INLINE ints add_products(ints sum, shorts pairs, ints weights) {
  const hn::RebindToSigned<short_tag> d;
  return hn::Add(sum, multiply_short_pairs(hn::BitCast(d, pairs), hn::BitCast(d, weights)));
}

// sums[x] = sum over taps of weight * row[x], biased, for Vectors vectors of bytes from x on. Pairs
// is the number of pairs of taps, here and below, or 0 if it is not known when this is compiled.
template <std::size_t Pairs, std::size_t Vectors>
HWY_INLINE void sum_columns(const packed_weights& weights, const tap_rows& rows, std::size_t x, std::uint16_t* sums) {
  const byte_tag d;
  const short_tag short_d;
  const word_tag words;
  const std::size_t lanes = hn::Lanes(d);
  shorts lower[Vectors];
  shorts upper[Vectors];
#pragma GCC unroll 4
  for (std::size_t v = 0; v < Vectors; ++v) lower[v] = upper[v] = hn::Set(short_d, sign_bias);
  const std::size_t pairs = Pairs == 0 ? weights.column_pairs : Pairs;
#pragma GCC unroll 4
  for (std::size_t pair = 0; pair < pairs; ++pair) {
    const bytes weight = hn::BitCast(d, hn::Set(words, weights.column_weights[pair]));
    const auto [first, second] = rows[pair];
#pragma GCC unroll 4
    for (std::size_t v = 0; v < Vectors; ++v) {
      const bytes a = hn::LoadU(d, first + x + v * lanes);
      const bytes b = hn::LoadU(d, second + x + v * lanes);
      lower[v] = hn::Add(lower[v], multiply_byte_pairs(hn::InterleaveLower(d, a, b), weight));
      upper[v] = hn::Add(upper[v], multiply_byte_pairs(hn::InterleaveUpper(d, a, b), weight));
    }
  }
#pragma GCC unroll 4
  for (std::size_t v = 0; v < Vectors; ++v) store_in_order(short_d, lower[v], upper[v], sums + x + v * lanes);
}

// Elements [x, end) of a row. The last vector may overlap the one before it: nothing past the end
// is read, and a row that is shorter than a vector is done one by one.
template <std::size_t Pairs>
void column_pass(const packed_weights& weights, const tap_rows& rows, std::size_t x, std::size_t end,
                 std::uint16_t* sums) {
  const std::size_t lanes = hn::Lanes(byte_tag());
  for (; x + unrolled * lanes <= end; x += unrolled * lanes) sum_columns<Pairs, unrolled>(weights, rows, x, sums);
  for (; x + lanes <= end; x += lanes) sum_columns<Pairs, 1>(weights, rows, x, sums);
  if (x >= end) return;
  if (end >= lanes) {
    sum_columns<Pairs, 1>(weights, rows, end - lanes, sums);
    return;
  }
  for (; x < end; ++x) {
    std::uint32_t total = sign_bias;
    for (std::size_t pair = 0; pair < weights.column_pairs; ++pair) {
      const std::uint32_t weight = weights.column_weights[pair];
      total += (weight & 0xffu) * rows[pair][0][x] + (weight >> 8 & 0xffu) * rows[pair][1][x];
    }
    sums[x] = static_cast<std::uint16_t>(total);
  }
}

// even[2k] = sums[2k], even[2k + 1] = sums[2k + 3], and the same from the next element on in odd.
void pair_colours(std::size_t count, const std::uint16_t* sums, std::uint16_t* even, std::uint16_t* odd) {
  const short_tag d;
  for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
    const std::uint16_t* from = sums + i;
    hn::StoreU(hn::OddEven(hn::LoadU(d, from + 2), hn::LoadU(d, from)), d, even + i);
    hn::StoreU(hn::OddEven(hn::LoadU(d, from + 3), hn::LoadU(d, from + 1)), d, odd + i);
  }
}

// The target's bytes of two vectors of shorts. `even` and `odd` are where the pairs of the first
// taps of the first two elements lie, `step` how much farther those of the next pair of taps do.
template <std::size_t Pairs>
HWY_INLINE void sum_row(const packed_weights& weights, std::size_t step, const std::uint16_t* even,
                        const std::uint16_t* odd, std::uint8_t* target) {
  const int_tag d;
  const short_tag short_d;
  const std::size_t lanes = hn::Lanes(short_d);
  ints even_sums[2];
  ints odd_sums[2];
#pragma GCC unroll 2
  for (std::size_t v = 0; v < 2; ++v) even_sums[v] = odd_sums[v] = hn::Set(d, row_pass_start);
  const std::size_t pairs = Pairs == 0 ? weights.row_pairs : Pairs;
#pragma GCC unroll 4
  for (std::size_t pair = 0; pair < pairs; ++pair, even += step, odd += step) {
    const ints weight = hn::Set(d, static_cast<std::int32_t>(weights.row_weights[pair]));
#pragma GCC unroll 2
    for (std::size_t v = 0; v < 2; ++v) {
      even_sums[v] = add_products(even_sums[v], hn::LoadU(short_d, even + v * lanes), weight);
      odd_sums[v] = add_products(odd_sums[v], hn::LoadU(short_d, odd + v * lanes), weight);
    }
  }
  const hn::RebindToSigned<short_tag> signed_d;
  hn::Vec<hn::RebindToSigned<short_tag>> means[2];
#pragma GCC unroll 2
  for (std::size_t v = 0; v < 2; ++v) {
    means[v] = hn::OddEven(hn::BitCast(signed_d, odd_sums[v]), hn::BitCast(signed_d, hn::ShiftRight<16>(even_sums[v])));
  }
  store_bytes(means[0], means[1], target);
}

template <std::size_t Pairs>
void row_pass(const packed_weights& weights, std::size_t step, const std::uint16_t* even, const std::uint16_t* odd,
              std::size_t count, std::uint8_t* target) {
  const std::size_t lanes = hn::Lanes(byte_tag());
  std::size_t x = 0;
  for (; x + lanes <= count; x += lanes) sum_row<Pairs>(weights, step, even + x, odd + x, target + x);
  if (x == count) return;
  HWY_ALIGN std::uint8_t last[hn::MaxLanes(byte_tag())];
  sum_row<Pairs>(weights, step, even + x, odd + x, last);
  std::memcpy(target + x, last, count - x);
}

// One row of the target.
template <std::size_t Pairs>
void blur_row(const image_shape& shape, const packed_weights& weights, border past_edge, const tap_rows& rows,
              const scratch_layout& layout, std::uint16_t* scratch, std::uint8_t* target) {
  const std::size_t count = shape.row_bytes();
  std::uint16_t* const sums = scratch + layout.sums;
  std::uint16_t* const even = scratch + layout.even;
  std::uint16_t* const odd = even + layout.pairs;
  std::size_t summed = 0;
  for (std::size_t begin = 0; begin < count; begin += chunk) {
    const std::size_t end = std::min(begin + chunk, count);
    if (summed < count) {
      const std::size_t wanted = std::min(scratch_layout::round_up(end + layout.margin + overhang), count);
      column_pass<Pairs>(weights, rows, summed, wanted, sums);
      if (begin == 0) extend_left(past_edge, shape.width, shape.channels, weights.radius, sums);
      if (wanted == count) extend_right(past_edge, shape.width, shape.channels, weights.radius, sums);
      summed = wanted;
    }
    const std::uint16_t* const first = sums + begin - layout.margin;
    if (shape.channels == 1) {
      row_pass<Pairs>(weights, 2, first, first + 1, end - begin, target + begin);
    } else {
      pair_colours(end - begin + 2 * layout.margin, first, even, odd);
      row_pass<Pairs>(weights, 6, even, odd, end - begin, target + begin);
    }
  }
}

template <std::size_t Pairs>
void blur_band(const image_shape& shape, const packed_weights& weights, border past_edge, const std::uint8_t* source,
               std::uint8_t* target, std::uint16_t* scratch, row_band band) {
  const scratch_layout layout(shape, weights.radius);
  const std::size_t past = reinterpret_cast<std::uintptr_t>(scratch) / sizeof *scratch;
  scratch += scratch_layout::round_up(past) - past;
  tap_rows rows;
  for (std::size_t y = band.first; y < band.end; ++y) {
    const auto row_of = [&](std::size_t tap) {
      const auto wanted = static_cast<std::ptrdiff_t>(y + tap - weights.radius);
      return source + bordered(past_edge, wanted, shape.height) * shape.source_stride;
    };
    for (std::size_t pair = 0; pair < weights.column_pairs; ++pair) {
      const auto [first, second] = weights.column_taps[pair];
      rows[pair] = {row_of(first), row_of(second)};
    }
    blur_row<Pairs>(shape, weights, past_edge, rows, layout, scratch, target + y * shape.target_stride);
  }
}

}  // namespace

// The small sizes have their weights in registers: at size 5 in 0.9 of the time (AVX-512 and three
// channels) to 0.8 (AVX2). At size 15 it made no difference.
void blur_rows(const image_shape& shape, const gaussian_weights& weights, border past_edge, const std::uint8_t* source,
               std::uint8_t* target, std::uint16_t* scratch, row_band band) {
  const packed_weights packed(weights);
  auto blur = blur_band<0>;
  if (packed.column_pairs == packed.row_pairs) {
    if (packed.row_pairs == 2) blur = blur_band<2>;
    if (packed.row_pairs == 3) blur = blur_band<3>;
    if (packed.row_pairs == 4) blur = blur_band<4>;
  }
  blur(shape, packed, past_edge, source, target, scratch, band);
}

}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace waitwork::kernels {

HWY_EXPORT(blur_rows);

std::size_t gaussian_blur_scratch_words(const image_shape& shape, const gaussian_weights& weights) noexcept {
  return scratch_layout(shape, weights.radius()).total();
}

void gaussian_blur(const image_shape& shape, const gaussian_weights& weights, std::span<const std::uint8_t> source,
                   std::span<std::uint8_t> target, std::span<std::uint16_t> scratch, row_band band, border past_edge) {
  if (!begin_filter(shape, source.size(), target.size(), band)) return;
  WAITWORK_CHECK(scratch.size() >= gaussian_blur_scratch_words(shape, weights),
                 "scratch is as large as gaussian_blur_scratch_words says");
  HWY_DYNAMIC_DISPATCH(blur_rows)
  (shape, weights, past_edge, source.data(), target.data(), scratch.data(), band);
}

}  // namespace waitwork::kernels
#endif
