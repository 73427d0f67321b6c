// SPDX-License-Identifier: Apache-2.0
// fft_butterflies: transforms of 2, 4, 8 and 16 numbers whose parts lie in vectors, one transform
// in each lane. Included by fft.cpp, once for each instruction set.

#if defined(WAITWORK_KERNELS_FFT_BUTTERFLIES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef WAITWORK_KERNELS_FFT_BUTTERFLIES_INL
#undef WAITWORK_KERNELS_FFT_BUTTERFLIES_INL
#else
#define WAITWORK_KERNELS_FFT_BUTTERFLIES_INL
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <utility>

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Complex numbers: a vector of real parts and one of imaginary ones.
template <class D>
struct numbers {
  hn::Vec<D> re, im;
};

template <class D>
HWY_INLINE numbers<D> operator+(numbers<D> a, numbers<D> b) {
  return {hn::Add(a.re, b.re), hn::Add(a.im, b.im)};
}

template <class D>
HWY_INLINE numbers<D> operator-(numbers<D> a, numbers<D> b) {
  return {hn::Sub(a.re, b.re), hn::Sub(a.im, b.im)};
}

template <class D>
HWY_INLINE numbers<D> operator*(numbers<D> a, numbers<D> b) {
  return {hn::NegMulAdd(a.im, b.im, hn::Mul(a.re, b.re)), hn::MulAdd(a.im, b.re, hn::Mul(a.re, b.im))};
}

// a + factor * b and a - factor * b.
template <class D>
HWY_INLINE void add_and_subtract(numbers<D> a, hn::Vec<D> factor, numbers<D> b, numbers<D>& sum,
                                 numbers<D>& difference) {
  sum = {hn::MulAdd(factor, b.re, a.re), hn::MulAdd(factor, b.im, a.im)};
  difference = {hn::NegMulAdd(factor, b.re, a.re), hn::NegMulAdd(factor, b.im, a.im)};
}

// a - i b
template <class D>
HWY_INLINE numbers<D> minus_i(numbers<D> a, numbers<D> b) {
  return {hn::Add(a.re, b.im), hn::Sub(a.im, b.re)};
}

// a + i b
template <class D>
HWY_INLINE numbers<D> plus_i(numbers<D> a, numbers<D> b) {
  return {hn::Sub(a.re, b.im), hn::Add(a.im, b.re)};
}

template <class D>
HWY_INLINE void transform_2(numbers<D>& x0, numbers<D>& x1) {
  const numbers<D> sum = x0 + x1;
  x1 = x0 - x1;
  x0 = sum;
}

template <class D>
HWY_INLINE void transform_4(numbers<D>& x0, numbers<D>& x1, numbers<D>& x2, numbers<D>& x3) {
  const numbers<D> even = x0 + x2;
  const numbers<D> even_difference = x0 - x2;
  const numbers<D> odd = x1 + x3;
  const numbers<D> odd_difference = x1 - x3;
  x0 = even + odd;
  x1 = minus_i(even_difference, odd_difference);
  x2 = even - odd;
  x3 = plus_i(even_difference, odd_difference);
}

// sqrt(1/2), the only factor, becomes part of the last additions: exp(-2 pi i / 8) z = sqrt(1/2) (z
// - i z).
template <class D>
HWY_INLINE void transform_8(D d, numbers<D>& x0, numbers<D>& x1, numbers<D>& x2, numbers<D>& x3, numbers<D>& x4,
                            numbers<D>& x5, numbers<D>& x6, numbers<D>& x7) {
  const auto root = hn::Set(d, 0.707106781186547524f);
  transform_4<D>(x0, x2, x4, x6);
  transform_4<D>(x1, x3, x5, x7);
  const numbers<D> even[4] = {x0, x2, x4, x6};
  const numbers<D> odd[4] = {x1, x3, x5, x7};
  x0 = even[0] + odd[0];
  x4 = even[0] - odd[0];
  add_and_subtract<D>(even[1], root, minus_i(odd[1], odd[1]), x1, x5);
  x2 = minus_i(even[2], odd[2]);
  x6 = plus_i(even[2], odd[2]);
  // exp(-2 pi i 3 / 8) z = -sqrt(1/2) (z + i z).
  add_and_subtract<D>(even[3], root, plus_i(odd[3], odd[3]), x7, x3);
}

// x (cosine - i sine)
template <class D>
HWY_INLINE numbers<D> turned(D d, numbers<D> x, float cosine, float sine) {
  const auto c = hn::Set(d, cosine);
  const auto s = hn::Set(d, sine);
  return {hn::MulAdd(x.im, s, hn::Mul(x.re, c)), hn::NegMulAdd(x.re, s, hn::Mul(x.im, c))};
}

// exp(-2 pi i / 8) x
template <class D>
HWY_INLINE numbers<D> turned_by_eighth(D d, numbers<D> x) {
  const auto root = hn::Set(d, 0.707106781186547524f);
  return {hn::Mul(root, hn::Add(x.re, x.im)), hn::Mul(root, hn::Sub(x.im, x.re))};
}

// Four by four.
template <class D>
HWY_INLINE void transform_16(D d, numbers<D> (&x)[16]) {
  // Of a sixteenth of a turn.
  constexpr float cosine = 0.923879532511286756f;
  constexpr float sine = 0.382683432365089772f;
#pragma GCC unroll 4
  for (std::size_t j = 0; j < 4; ++j) transform_4<D>(x[j], x[j + 4], x[j + 8], x[j + 12]);
  // x[4 q + j] by q j sixteenths.
  x[5] = turned(d, x[5], cosine, sine);
  x[6] = turned_by_eighth(d, x[6]);
  x[7] = turned(d, x[7], sine, cosine);
  x[9] = turned_by_eighth(d, x[9]);
  x[10] = {x[10].im, hn::Neg(x[10].re)};
  x[11] = turned_by_eighth<D>(d, {x[11].im, hn::Neg(x[11].re)});
  x[13] = turned(d, x[13], sine, cosine);
  x[14] = turned_by_eighth<D>(d, {x[14].im, hn::Neg(x[14].re)});
  x[15] = turned(d, x[15], -cosine, -sine);
#pragma GCC unroll 4
  for (std::size_t q = 0; q < 4; ++q) transform_4<D>(x[4 * q], x[4 * q + 1], x[4 * q + 2], x[4 * q + 3]);
  // Element q + 4 p lies at 4 q + p.
#pragma GCC unroll 4
  for (std::size_t q = 0; q < 4; ++q) {
#pragma GCC unroll 4
    for (std::size_t p = q + 1; p < 4; ++p) std::swap(x[4 * q + p], x[4 * p + q]);
  }
}

}  // namespace
}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per instruction set
