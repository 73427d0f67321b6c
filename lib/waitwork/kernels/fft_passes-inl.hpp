// SPDX-License-Identifier: Apache-2.0
// fft_passes: the passes of a complex transform, as fft.cpp says. Included by it, once for each
// instruction set.

#if defined(WAITWORK_KERNELS_FFT_PASSES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef WAITWORK_KERNELS_FFT_PASSES_INL
#undef WAITWORK_KERNELS_FFT_PASSES_INL
#else
#define WAITWORK_KERNELS_FFT_PASSES_INL
#endif

#include <hwy/highway.h>

#include <cstddef>

#include <waitwork/kernels/fft_butterflies-inl.hpp>
#include <waitwork/kernels/fft_tables.hpp>

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {
namespace {

// Complex numbers of a block that is joined level by level, 16 KiB; a longer one is joined part by
// part. With as many twiddles it just fits the smallest first-level cache of today, 32 KiB.
constexpr std::size_t block_in_cache = 2048;

// From pairs of a real and an imaginary part, and to such.
template <class D>
HWY_INLINE numbers<D> load_pairs(D d, const float* from) {
  numbers<D> x;
  hn::LoadInterleaved2(d, from, x.re, x.im);
  return x;
}

template <class D>
HWY_INLINE void store_pairs(D d, numbers<D> x, float* to) {
  if constexpr (hn::MaxLanes(d) == 1) {
    hn::StoreU(x.re, d, to);
    hn::StoreU(x.im, d, to + 1);
  } else {
    hn::StoreInterleaved2(x.re, x.im, d, to);
  }
}

// From a vector of real parts and the one of imaginary parts behind it, and to such.
template <class D>
HWY_INLINE numbers<D> load_parts(D d, const float* from) {
  return {hn::LoadU(d, from), hn::LoadU(d, from + hn::MaxLanes(d))};
}

template <class D>
HWY_INLINE void store_parts(D d, numbers<D> x, float* to) {
  hn::StoreU(x.re, d, to);
  hn::StoreU(x.im, d, to + hn::MaxLanes(d));
}

template <class D>
HWY_INLINE numbers<D> swapped(numbers<D> x) {
  return {x.im, x.re};
}

// Within each block of four lanes, lane j of row i of four becomes lane i of row j.
template <class D>
HWY_INLINE void transpose_in_blocks(D d, hn::Vec<D>& a, hn::Vec<D>& b, hn::Vec<D>& c, hn::Vec<D>& e) {
  const hn::Repartition<double, D> pairs;
  const auto ab_lower = hn::BitCast(pairs, hn::InterleaveLower(d, a, b));
  const auto ab_upper = hn::BitCast(pairs, hn::InterleaveUpper(d, a, b));
  const auto ce_lower = hn::BitCast(pairs, hn::InterleaveLower(d, c, e));
  const auto ce_upper = hn::BitCast(pairs, hn::InterleaveUpper(d, c, e));
  a = hn::BitCast(d, hn::InterleaveLower(pairs, ab_lower, ce_lower));
  b = hn::BitCast(d, hn::InterleaveUpper(pairs, ab_lower, ce_lower));
  c = hn::BitCast(d, hn::InterleaveLower(pairs, ab_upper, ce_upper));
  e = hn::BitCast(d, hn::InterleaveUpper(pairs, ab_upper, ce_upper));
}

// Lane j of row i becomes lane i of row j, for as many rows as a vector has lanes.
template <class D, std::size_t Rows>
HWY_INLINE void transpose(D d, hn::Vec<D> (&x)[Rows]) {
  static_assert(Rows == hn::MaxLanes(D()));
  if constexpr (Rows >= 4) {
#pragma GCC unroll 4
    for (std::size_t i = 0; i < Rows; i += 4) transpose_in_blocks(d, x[i], x[i + 1], x[i + 2], x[i + 3]);
  }
  if constexpr (Rows == 8) {
#pragma GCC unroll 4
    for (std::size_t j = 0; j < 4; ++j) {
      const auto lower = hn::ConcatLowerLower(d, x[4 + j], x[j]);
      x[4 + j] = hn::ConcatUpperUpper(d, x[4 + j], x[j]);
      x[j] = lower;
    }
  }
  if constexpr (Rows == 16) {
#pragma GCC unroll 4
    for (std::size_t j = 0; j < 4; ++j) {
      // Blocks 0 and 2 of both rows, 1 and 3 of both rows.
      const auto a_even = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(x[4 + j]), x[j]);
      const auto a_odd = hn::OddEvenBlocks(x[4 + j], hn::SwapAdjacentBlocks(x[j]));
      const auto b_even = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(x[12 + j]), x[8 + j]);
      const auto b_odd = hn::OddEvenBlocks(x[12 + j], hn::SwapAdjacentBlocks(x[8 + j]));
      x[j] = hn::ConcatLowerLower(d, b_even, a_even);
      x[4 + j] = hn::ConcatLowerLower(d, b_odd, a_odd);
      x[8 + j] = hn::ConcatUpperUpper(d, b_even, a_even);
      x[12 + j] = hn::ConcatUpperUpper(d, b_odd, a_odd);
    }
  }
}

// The bits of a value below `values`, which is a power of two, in reverse order.
constexpr std::size_t reversed(std::size_t value, std::size_t values) {
  std::size_t result = 0;
  for (std::size_t bit = 1; bit < values; bit *= 2) result = 2 * result + ((value & bit) != 0 ? 1 : 0);
  return result;
}

// The first pass: for all s < count / Leaf the transform of the Leaf elements from s on that are
// count / Leaf apart, as many at once as a vector has lanes. The block of s, Leaf elements one
// after the other, gets the place that is s with its bits reversed. From pairs to parts.
template <std::size_t Leaf, bool Swapped, class D>
void transform_leaves(D d, std::size_t count, const float* HWY_RESTRICT from, float* HWY_RESTRICT to) {
  constexpr std::size_t lanes = hn::MaxLanes(D());
  const std::size_t columns = count / Leaf;
  const std::size_t groups = columns / lanes;
  std::size_t place = 0;  // `group`, its bits reversed
  for (std::size_t group = 0; group < groups; ++group) {
    numbers<D> x[Leaf];
#pragma GCC unroll 16
    for (std::size_t j = 0; j < Leaf; ++j) {
      x[j] = load_pairs(d, from + 2 * (group * lanes + j * columns));
      if constexpr (Swapped) x[j] = swapped<D>(x[j]);
    }
    if constexpr (Leaf == 4) transform_4<D>(x[0], x[1], x[2], x[3]);
    if constexpr (Leaf == 8) transform_8(d, x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]);
    if constexpr (Leaf == 16) transform_16(d, x);
    float* const first = to + 2 * Leaf * place;
#pragma GCC unroll 4
    for (std::size_t k = 0; k < Leaf; k += lanes) {
      hn::Vec<D> re[lanes];
      hn::Vec<D> im[lanes];
#pragma GCC unroll 16
      for (std::size_t i = 0; i < lanes; ++i) {
        re[i] = x[k + i].re;
        im[i] = x[k + i].im;
      }
      transpose(d, re);
      transpose(d, im);
#pragma GCC unroll 16
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        const std::size_t block = reversed(lane, lanes) * (count / lanes);
        store_parts<D>(d, {re[lane], im[lane]}, first + 2 * (block + k));
      }
    }
    // Counts up in reversed bits.
    std::size_t bit = groups / 2;
    for (; (place & bit) != 0; bit /= 2) place ^= bit;
    place ^= bit;
  }
}

// What a pass leaves behind: the last one has pairs.
enum class order { parts, pairs, swapped_pairs };

// Joins Radix transforms of `apart` elements, one after the other, to one, in their place. The
// first is that of elements 0, Radix, 2 Radix... of the longer one's signal; the others begin at
// their number with its bits reversed.
template <std::size_t Radix, order To, class D>
HWY_INLINE void join(D d, std::size_t apart, const float* HWY_RESTRICT twiddle, float* HWY_RESTRICT block) {
  constexpr std::size_t lanes = hn::MaxLanes(D());
  for (std::size_t k = 0; k < apart; k += lanes) {
    numbers<D> x[Radix];
#pragma GCC unroll 8
    for (std::size_t b = 0; b < Radix; ++b) {
      const std::size_t j = reversed(b, Radix);
      x[j] = load_parts(d, block + 2 * (b * apart + k));
      if (b > 0) {
        x[j] = x[j] * load_parts(d, twiddle);
        twiddle += 2 * lanes;
      }
    }
    if constexpr (Radix == 2) transform_2<D>(x[0], x[1]);
    if constexpr (Radix == 4) transform_4<D>(x[0], x[1], x[2], x[3]);
    if constexpr (Radix == 8) transform_8(d, x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]);
#pragma GCC unroll 8
    for (std::size_t b = 0; b < Radix; ++b) {
      float* const place = block + 2 * (b * apart + k);
      if constexpr (To == order::parts) store_parts(d, x[b], place);
      if constexpr (To == order::pairs) store_pairs(d, x[b], place);
      if constexpr (To == order::swapped_pairs) store_pairs(d, swapped<D>(x[b]), place);
    }
  }
}

template <order To, class D>
void join_any(D d, const fft_pass& pass, const float* twiddles, float* block) {
  const float* const mine = twiddles + pass.twiddles;
  if (pass.radix == 8) {
    join<8, To>(d, pass.apart, mine, block);
  } else if (pass.radix == 4) {
    join<4, To>(d, pass.apart, mine, block);
  } else {
    join<2, To>(d, pass.apart, mine, block);
  }
}

// All passes up to `level`, on a block of that level.
template <class D>
void join_all(D d, const fft_tables& tables, std::size_t level, float* block) {
  const float* const twiddles = tables.twiddles.data();
  const fft_pass& last = tables.passes[level];
  const std::size_t length = last.radix * last.apart;
  if (length <= block_in_cache) {
    for (std::size_t i = 0; i < level; ++i) {
      const fft_pass& pass = tables.passes[i];
      const std::size_t step = pass.radix * pass.apart;
      for (std::size_t at = 0; at < length; at += step) join_any<order::parts>(d, pass, twiddles, block + 2 * at);
    }
  } else if (level > 0) {
    for (std::size_t b = 0; b < last.radix; ++b) join_all(d, tables, level - 1, block + 2 * b * last.apart);
  }
  join_any<order::parts>(d, last, twiddles, block);
}

// With real and imaginary parts swapped before and after, the transform becomes its inverse.
template <class D, std::size_t Leaf, bool Inverse>
void transform_pairs(const fft_tables& tables, const float* from, float* to) {
  const D d;
  transform_leaves<Leaf, Inverse>(d, tables.count, from, to);
  const fft_pass& last = tables.passes.back();
  const std::size_t before = tables.passes.size() - 1;
  if (before > 0) {
    for (std::size_t b = 0; b < last.radix; ++b) join_all(d, tables, before - 1, to + 2 * b * last.apart);
  }
  join_any<Inverse ? order::swapped_pairs : order::pairs>(d, last, tables.twiddles.data(), to);
}

}  // namespace
}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per instruction set
