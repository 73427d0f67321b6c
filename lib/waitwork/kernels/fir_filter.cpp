// SPDX-License-Identifier: Apache-2.0
// Each turn of the innermost loop multiplies one vector of the source by several taps. Taps that
// lie a vector apart want the same vectors of the source, each for another output:
//
//   outputs of vector v += tap[offset + q * lanes] * source at vector (v + q), offset
//
// so `outputs + taps - 1` loads serve `outputs * taps` multiply-adds. This is what matters: with
// 64-byte vectors nearly all of these loads straddle two cache lines and cost two, and one for each
// multiply-add (the textbook loop) holds the multiply-adds to less than half their rate. Shuffling
// aligned vectors into place would take turns from the multiply-adds, which share a port with
// shuffles.

#include <waitwork/kernels/fir_filter.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

// Scalable vectors cannot be array elements; those machines run the NEON code.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
// foreach_target.h compiles this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "waitwork/kernels/fir_filter.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <waitwork/base/check.hpp>

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Accumulators beside `most_taps` broadcast taps and a vector of the source: 16 + 4 + 1 of the 32
// registers of AVX-512 and NEON, 8 + 4 + 1 of the 16 of SSE and AVX2. Eight or more cover the
// latency of the multiply-add.
constexpr std::size_t most_taps = 4;
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_NEON
constexpr std::size_t most_outputs = 16;
#else
constexpr std::size_t most_outputs = 8;
#endif

using full_tag = hn::ScalableTag<float>;

// How many of the taps that are left come next. Not four vectors of them and then less than one:
// with one tap for each load the multiply-adds run at half their rate.
HWY_INLINE std::size_t group_size(std::size_t left) {
  const std::size_t most = most_taps * hn::Lanes(full_tag());
  if (left <= most) return left;
  return left < most + most / 2 ? most / 2 : most;
}

// For each offset in [first, last): adds the products of Taps taps, a full vector apart, to Outputs
// vectors.
template <std::size_t Taps, std::size_t Outputs, class D>
HWY_INLINE void add_products(D d, std::size_t first, std::size_t last, const float* taps, const float* source,
                             hn::Vec<D> (&sums)[Outputs]) {
  static_assert(Taps <= most_taps && Outputs <= most_outputs);
  const std::size_t apart = hn::Lanes(full_tag());
  for (std::size_t offset = first; offset < last; ++offset) {
    hn::Vec<D> tap[Taps];
#pragma GCC unroll 4
    for (std::size_t q = 0; q < Taps; ++q) tap[q] = hn::Set(d, taps[offset + q * apart]);
#pragma GCC unroll 19
    for (std::size_t u = 0; u < Outputs + Taps - 1; ++u) {
      const hn::Vec<D> x = hn::LoadU(d, source + offset + u * apart);
      // Emits nothing: the load stays one load. g++ otherwise repeats it as an operand of each
      // multiply-add.
      if constexpr (Taps > 1) asm volatile("" : : : "memory");
#pragma GCC unroll 4
      for (std::size_t q = 0; q < Taps; ++q) {
        if (u >= q && u - q < Outputs) sums[u - q] = hn::MulAdd(tap[q], x, sums[u - q]);
      }
    }
  }
}

// The taps of a group that are no whole number of vectors: the first offsets have one tap more than
// the others.
template <std::size_t Whole, std::size_t Outputs, class D>
HWY_INLINE void add_group(D d, std::size_t rest, const float* taps, const float* source, hn::Vec<D> (&sums)[Outputs]) {
  if constexpr (Whole < most_taps) add_products<Whole + 1>(d, 0, rest, taps, source, sums);
  if constexpr (Whole > 0) add_products<Whole>(d, rest, hn::Lanes(full_tag()), taps, source, sums);
}

// target[0, Outputs vectors). D is the full vector or, with one output, a part of it: the order of
// the additions to an element is the same.
template <std::size_t Outputs, class D>
HWY_INLINE void filter(D d, std::span<const float> taps, const float* source, float* target) {
  const std::size_t apart = hn::Lanes(full_tag());
  hn::Vec<D> sums[Outputs];
#pragma GCC unroll 16
  for (std::size_t v = 0; v < Outputs; ++v) sums[v] = hn::Zero(d);
  const float* tap = taps.data();
  for (std::size_t left = taps.size(); left > 0;) {
    const std::size_t count = group_size(left);
    const std::size_t rest = count % apart;
    switch (count / apart) {
      case 0:
        add_group<0>(d, rest, tap, source, sums);
        break;
      case 1:
        add_group<1>(d, rest, tap, source, sums);
        break;
      case 2:
        add_group<2>(d, rest, tap, source, sums);
        break;
      case 3:
        add_group<3>(d, rest, tap, source, sums);
        break;
      default:
        add_group<4>(d, rest, tap, source, sums);
        break;
    }
    tap += count;
    source += count;
    left -= count;
  }
#pragma GCC unroll 16
  for (std::size_t v = 0; v < Outputs; ++v) hn::StoreU(sums[v], d, target + v * hn::Lanes(d));
}

}  // namespace

void fir_filter_f32(std::span<const float> taps, const float* source, std::span<float> target) {
  const full_tag d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t count = target.size();
  std::size_t i = 0;
  for (; i + most_outputs * lanes <= count; i += most_outputs * lanes)
    filter<most_outputs>(d, taps, source + i, target.data() + i);
  for (; i + 4 * lanes <= count; i += 4 * lanes) filter<4>(d, taps, source + i, target.data() + i);
  for (; i + lanes <= count; i += lanes) filter<1>(d, taps, source + i, target.data() + i);
  if (i == count) return;
  if (count >= lanes) {
    // Over the vector before: its elements become what they are.
    filter<1>(d, taps, source + count - lanes, target.data() + count - lanes);
    return;
  }
  const hn::CappedTag<float, 1> one;
  for (; i < count; ++i) filter<1>(one, taps, source + i, target.data() + i);
}

}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace waitwork::kernels {

HWY_EXPORT(fir_filter_f32);

void fir_filter(std::span<const float> taps, std::span<const float> source, std::span<float> target) {
  WAITWORK_CHECK(!taps.empty(), "a filter has one tap or more");
  WAITWORK_CHECK(target.size() == fir_filter_outputs(source.size(), taps.size()),
                 "target has fir_filter_outputs elements");
  if (target.empty()) return;
  HWY_DYNAMIC_DISPATCH(fir_filter_f32)(taps, source.data(), target);
}

}  // namespace waitwork::kernels
#endif
