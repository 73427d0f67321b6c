// Row by row: down the columns first, then along the row. The column pass reads 2 * radius + 1 rows
// of the source and leaves one row of exact 16-bit sums (at most 255 * 256); the row pass turns
// that row into the target's. So the intermediate is one row, in the first-level cache, and bands
// need no halo computed twice. A tap at distance i along an interleaved row is i * channels
// elements away: colour needs no planes.
//
// The row pass multiplies 16-bit sums by weights and needs 32 bits: x86 does two such products and
// their addition in one instruction (pmaddwd). Its operands are pairs, so the intermediate row
// keeps, for each element, the sum itself in the low half and its neighbour one pixel on in the
// high half: one load feeds two taps, in natural order and at any channel count. pmaddwd is signed,
// so the sums are stored less 2^15, and what that takes away is added back at once: 2^15 * 256,
// because the weights add up to 256.

#include <waitwork/kernels/gaussian_blur.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

// Scalable vectors cannot be array elements; those machines run the NEON code.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
// foreach_target.h compiles this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "waitwork/kernels/gaussian_blur.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <waitwork/base/check.hpp>

#ifndef WAITWORK_KERNELS_GAUSSIAN_BLUR_TYPES
#define WAITWORK_KERNELS_GAUSSIAN_BLUR_TYPES
namespace waitwork::kernels {
namespace {

constexpr std::size_t max_pairs = gaussian_weights::max_size / 2 + 1;
constexpr std::uint32_t sign_bias = 1u << 15;
// Gives back the bias (2^15 * 256) and rounds (2^15).
constexpr std::int32_t row_pass_start = (1 << 23) + (1 << 15);

// The weights, laid out so that one 32-bit broadcast, which needs no shuffle unit, serves two taps.
struct packed_weights {
  explicit packed_weights(const gaussian_weights& weights) noexcept
      : size(weights.size()), radius(weights.radius()), pairs(weights.size() / 2 + 1) {
    const auto values = weights.values();
    for (std::size_t i = 0; i <= radius; ++i)
      doubled[i] = values[i] | (static_cast<std::uint32_t>(values[i]) << 16);
    for (std::size_t i = 0; i < pairs; ++i) {
      const std::uint32_t second = 2 * i + 1 < size ? values[2 * i + 1] : 0u;
      paired[i] = values[2 * i] | (second << 16);
    }
  }
  std::size_t size;
  std::size_t radius;
  std::size_t pairs;
  std::array<std::uint32_t, max_pairs>
      doubled;  // weight i in both halves, i up to the radius: the rest mirrors it
  std::array<std::uint32_t, max_pairs>
      paired;  // weight 2i low, weight 2i + 1 high, 0 past the last
};

// Where the rows of a tap lie, first tap first.
using tap_rows = std::array<const std::uint8_t*, gaussian_weights::max_size>;

}  // namespace
}  // namespace waitwork::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using word_tag = hn::ScalableTag<std::uint32_t>;
using int_tag = hn::RebindToSigned<word_tag>;
using short_tag = hn::Repartition<std::uint16_t, word_tag>;
using byte_tag =
    hn::Rebind<std::uint8_t, short_tag>;  // as many bytes as there are shorts: half a vector
using target_byte_tag =
    hn::Rebind<std::uint8_t, int_tag>;  // as many bytes as there are ints: a quarter

// Independent vectors in flight in the inner loops: enough to cover the latency of a multiply (5
// cycles at two a cycle) and to use each broadcast weight several times.
constexpr std::size_t unrolled = 4;

// sums[x] = sum over taps of weight * row[x] for Vectors vectors of shorts from x on. Symmetric
// taps share a multiply: (255 + 255) * weight stays below 2^16, as does every partial sum, because
// all of them together are at most 255 * 256.
template <std::size_t Vectors>
HWY_INLINE void sum_columns(const packed_weights& weights, const tap_rows& rows, std::size_t x,
                            std::uint32_t* sums) {
  const short_tag d;
  const byte_tag bytes;
  const word_tag words;
  const hn::Half<short_tag> half;
  const std::size_t lanes = hn::Lanes(d);
  hn::Vec<short_tag> total[Vectors];
  const auto middle = hn::BitCast(d, hn::Set(words, weights.doubled[weights.radius]));
  for (std::size_t v = 0; v < Vectors; ++v) {
    total[v] =
        hn::Mul(middle, hn::PromoteTo(d, hn::LoadU(bytes, rows[weights.radius] + x + v * lanes)));
  }
  for (std::size_t tap = 0; tap < weights.radius; ++tap) {
    const auto weight = hn::BitCast(d, hn::Set(words, weights.doubled[tap]));
    const std::uint8_t* above = rows[tap] + x;
    const std::uint8_t* below = rows[weights.size - 1 - tap] + x;
#pragma GCC unroll 4
    for (std::size_t v = 0; v < Vectors; ++v) {
      const auto both = hn::Add(hn::PromoteTo(d, hn::LoadU(bytes, above + v * lanes)),
                                hn::PromoteTo(d, hn::LoadU(bytes, below + v * lanes)));
      total[v] = hn::Add(total[v], hn::Mul(weight, both));
    }
  }
  for (std::size_t v = 0; v < Vectors; ++v) {
    std::uint32_t* to = sums + x + v * lanes;
    hn::StoreU(hn::PromoteTo(words, hn::LowerHalf(half, total[v])), words, to);
    hn::StoreU(hn::PromoteTo(words, hn::UpperHalf(half, total[v])), words, to + lanes / 2);
  }
}

// The whole row. The last vector may overlap the one before it: nothing past the row's end is read,
// and a row that is shorter than a vector is done one by one.
void column_pass(const packed_weights& weights, const tap_rows& rows, std::size_t count,
                 std::uint32_t* sums) {
  const std::size_t lanes = hn::Lanes(short_tag());
  std::size_t x = 0;
  for (; x + unrolled * lanes <= count; x += unrolled * lanes)
    sum_columns<unrolled>(weights, rows, x, sums);
  for (; x + lanes <= count; x += lanes) sum_columns<1>(weights, rows, x, sums);
  if (x == count) return;
  if (count >= lanes) {
    sum_columns<1>(weights, rows, count - lanes, sums);
    return;
  }
  for (; x < count; ++x) {
    std::uint32_t total = 0;
    for (std::size_t tap = 0; tap < weights.size; ++tap) {
      total += (weights.doubled[std::min(tap, weights.size - 1 - tap)] & 0xffffu) * rows[tap][x];
    }
    sums[x] = total;
  }
}

// Extends the `count` sums at `row + margin` to both sides by replicating the first and last pixel,
// then pairs each element of the row with the one a pixel on and biases both. In place: what is
// read is never behind what is written.
void replicate_and_pair(std::size_t count, std::size_t margin, std::size_t channels,
                        std::uint32_t* row) {
  const std::uint32_t* first = row + margin;
  for (std::size_t i = 0; i < margin; ++i) row[i] = first[i % channels];
  const std::size_t filled = margin + count;
  const std::size_t paired = filled + margin;
  for (std::size_t i = 0; i < margin + channels; ++i) row[filled + i] = row[filled + i - channels];

  const word_tag d;
  const std::size_t lanes = hn::Lanes(d);
  const auto bias = hn::Set(d, sign_bias | (sign_bias << 16));
  std::size_t i = 0;
  for (; i + lanes <= paired; i += lanes) {
    const auto low = hn::LoadU(d, row + i);
    const auto high = hn::ShiftLeft<16>(hn::LoadU(d, row + i + channels));
    hn::StoreU(hn::Xor(hn::Or(low, high), bias), d, row + i);
  }
  for (; i < paired; ++i)
    row[i] = (row[i] | (row[i + channels] << 16)) ^ (sign_bias | (sign_bias << 16));
}

// sum + low * low weight + high * high weight in each 32-bit lane.
HWY_INLINE hn::Vec<int_tag> add_pair_products(hn::Vec<int_tag> sum, hn::Vec<int_tag> pair,
                                              hn::Vec<int_tag> weights) {
#if HWY_ARCH_X86
  const hn::Repartition<std::int16_t, int_tag> shorts;
  auto unused = hn::Zero(int_tag());
  return hn::ReorderWidenMulAccumulate(int_tag(), hn::BitCast(shorts, pair),
                                       hn::BitCast(shorts, weights), sum, unused);
#else
  // Elsewhere the operation above adds other pairs together.
  const auto low = hn::Mul(hn::ShiftRight<16>(hn::ShiftLeft<16>(pair)),
                           hn::ShiftRight<16>(hn::ShiftLeft<16>(weights)));
  return hn::Add(sum, hn::Add(low, hn::Mul(hn::ShiftRight<16>(pair), hn::ShiftRight<16>(weights))));
#endif
}

// target[x] for Vectors vectors of 32-bit sums from x on. `pairs` begins one radius before the row.
template <std::size_t Vectors>
HWY_INLINE void sum_row(const packed_weights& weights, std::size_t channels,
                        const std::uint32_t* pairs, std::size_t x, std::uint8_t* target) {
  const int_tag d;
  const word_tag words;
  const target_byte_tag bytes;
  const std::size_t lanes = hn::Lanes(d);
  hn::Vec<int_tag> total[Vectors];
  for (std::size_t v = 0; v < Vectors; ++v) total[v] = hn::Set(d, row_pass_start);
  const std::uint32_t* from = pairs + x;
  for (std::size_t pair = 0; pair < weights.pairs; ++pair, from += 2 * channels) {
    const auto weight = hn::BitCast(d, hn::Set(words, weights.paired[pair]));
#pragma GCC unroll 4
    for (std::size_t v = 0; v < Vectors; ++v) {
      total[v] =
          add_pair_products(total[v], hn::BitCast(d, hn::LoadU(words, from + v * lanes)), weight);
    }
  }
  for (std::size_t v = 0; v < Vectors; ++v) {
    hn::StoreU(hn::DemoteTo(bytes, hn::ShiftRight<16>(total[v])), bytes, target + x + v * lanes);
  }
}

void row_pass(const packed_weights& weights, std::size_t channels, const std::uint32_t* pairs,
              std::size_t count, std::uint8_t* target) {
  const std::size_t lanes = hn::Lanes(int_tag());
  std::size_t x = 0;
  for (; x + unrolled * lanes <= count; x += unrolled * lanes)
    sum_row<unrolled>(weights, channels, pairs, x, target);
  for (; x + lanes <= count; x += lanes) sum_row<1>(weights, channels, pairs, x, target);
  if (x == count) return;
  if (count >= lanes) {
    sum_row<1>(weights, channels, pairs, count - lanes, target);
    return;
  }
  for (; x < count; ++x) {
    std::uint32_t total = 1u << 15;
    for (std::size_t pair = 0; pair < weights.pairs; ++pair) {
      const std::uint32_t sums = pairs[x + 2 * pair * channels] ^ (sign_bias | (sign_bias << 16));
      total += (sums & 0xffffu) * (weights.paired[pair] & 0xffffu) +
               (sums >> 16) * (weights.paired[pair] >> 16);
    }
    target[x] = static_cast<std::uint8_t>(total >> 16);
  }
}

}  // namespace

void blur_rows(const image_shape& shape, const gaussian_weights& weights,
               const std::uint8_t* source, std::uint8_t* target, std::uint32_t* scratch,
               row_band band) {
  const packed_weights packed(weights);
  const std::size_t count = shape.row_bytes();
  const std::size_t margin = packed.radius * shape.channels;
  tap_rows rows;
  for (std::size_t y = band.first; y < band.end; ++y) {
    for (std::size_t tap = 0; tap < packed.size; ++tap) {
      const std::size_t wanted = std::max(y + tap, packed.radius) - packed.radius;
      rows[tap] = source + std::min(wanted, shape.height - 1) * shape.source_stride;
    }
    column_pass(packed, rows, count, scratch + margin);
    replicate_and_pair(count, margin, shape.channels, scratch);
    row_pass(packed, shape.channels, scratch, count, target + y * shape.target_stride);
  }
}

}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace waitwork::kernels {

HWY_EXPORT(blur_rows);

std::size_t gaussian_blur_scratch_words(const image_shape& shape,
                                        const gaussian_weights& weights) noexcept {
  // One row, a radius to each side, and one more pixel for the last pair's upper half.
  return (shape.width + 2 * weights.radius() + 1) * shape.channels;
}

void gaussian_blur(const image_shape& shape, const gaussian_weights& weights,
                   std::span<const std::uint8_t> source, std::span<std::uint8_t> target,
                   std::span<std::uint32_t> scratch, row_band band) {
  WAITWORK_CHECK(shape.channels == 1 || shape.channels == 3, "an image has one channel or three");
  WAITWORK_CHECK(
      shape.source_stride >= shape.row_bytes() && shape.target_stride >= shape.row_bytes(),
      "a stride is at least the length of a row");
  WAITWORK_CHECK(scratch.size() >= gaussian_blur_scratch_words(shape, weights),
                 "scratch is as large as gaussian_blur_scratch_words says");
  band.end = std::min(band.end, shape.height);
  if (shape.width == 0 || band.first >= band.end) return;
  const std::size_t rows_before_last = shape.height - 1;
  WAITWORK_CHECK(source.size() >= rows_before_last * shape.source_stride + shape.row_bytes(),
                 "source holds the image");
  WAITWORK_CHECK(target.size() >= rows_before_last * shape.target_stride + shape.row_bytes(),
                 "target holds the image");
  HWY_DYNAMIC_DISPATCH(blur_rows)
  (shape, weights, source.data(), target.data(), scratch.data(), band);
}

}  // namespace waitwork::kernels
#endif
