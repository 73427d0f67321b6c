// SPDX-License-Identifier: Apache-2.0
// fft_real: the spectrum of a real signal from the complex one of half the length, in which the
// signal's even elements are real parts and its odd ones imaginary parts; and back (Sorensen,
// Jones, Heideman and Burrus, "Real-valued fast Fourier transform algorithms", IEEE Trans. ASSP
// 35(6), 1987). Included by fft.cpp, once for each instruction set.
//
// With z the complex spectrum, of n elements, and t[k] = -i/2 exp(-2 pi i k / (2 n)),
//
//   x[k]             = (z[k] + conj(z[n - k])) / 2 + t[k] (z[k] - conj(z[n - k]))
//   conj(x[n - k])   = (z[k] + conj(z[n - k])) / 2 - t[k] (z[k] - conj(z[n - k]))
//   2 z[k]           = x[k] + conj(x[n - k]) + 2 conj(t[k]) (x[k] - conj(x[n - k]))
//   2 conj(z[n - k]) = x[k] + conj(x[n - k]) - 2 conj(t[k]) (x[k] - conj(x[n - k]))
//
// so a vector from the front and one from the back become two others in their place, and the middle
// one, which meets itself, is conjugated.

#if defined(WAITWORK_KERNELS_FFT_REAL_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef WAITWORK_KERNELS_FFT_REAL_INL
#undef WAITWORK_KERNELS_FFT_REAL_INL
#else
#define WAITWORK_KERNELS_FFT_REAL_INL
#endif

#include <hwy/highway.h>

#include <cstddef>

#include <waitwork/kernels/fft_passes-inl.hpp>
#include <waitwork/kernels/fft_tables.hpp>

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {
namespace {

// The conjugates, last element first.
template <class D>
HWY_INLINE numbers<D> mirrored(D d, numbers<D> x) {
  return {hn::Reverse(d, x.re), hn::Neg(hn::Reverse(d, x.im))};
}

// From z to x.
template <class D>
void split_spectrum(const fft_tables& tables, float* z) {
  const D d;
  constexpr std::size_t lanes = hn::MaxLanes(D());
  const std::size_t n = tables.count;
  const float* twiddle = tables.split_twiddles.data();
  const auto half = hn::Set(d, 0.5f);
  // The spectrum is periodic.
  z[2 * n] = z[0];
  z[2 * n + 1] = z[1];
  for (std::size_t k = 0; k < n / 2; k += lanes, twiddle += 2 * lanes) {
    float* const front = z + 2 * k;
    float* const back = z + 2 * (n - k - lanes + 1);
    const numbers<D> a = load_pairs(d, front);
    const numbers<D> b = mirrored(d, load_pairs(d, back));
    const numbers<D> sum = a + b;
    const numbers<D> turned = (a - b) * load_parts(d, twiddle);
    store_pairs(d, {hn::MulAdd(half, sum.re, turned.re), hn::MulAdd(half, sum.im, turned.im)}, front);
    store_pairs(d, mirrored(d, {hn::MulSub(half, sum.re, turned.re), hn::MulSub(half, sum.im, turned.im)}), back);
  }
  z[n + 1] = -z[n + 1];
}

// To twice z: the inverse is unscaled, and so is `length` times the signal, not n times.
template <class D>
void unite_spectrum(const fft_tables& tables, float* x) {
  const D d;
  constexpr std::size_t lanes = hn::MaxLanes(D());
  const std::size_t n = tables.count;
  const float* twiddle = tables.split_twiddles.data();
  const auto two = hn::Set(d, 2.0f);
  x[1] = 0;
  x[2 * n + 1] = 0;
  const float middle_re = 2 * x[n];
  const float middle_im = -2 * x[n + 1];
  for (std::size_t k = 0; k < n / 2; k += lanes, twiddle += 2 * lanes) {
    float* const front = x + 2 * k;
    float* const back = x + 2 * (n - k - lanes + 1);
    const numbers<D> a = load_pairs(d, front);
    const numbers<D> b = mirrored(d, load_pairs(d, back));
    const numbers<D> sum = a + b;
    const numbers<D> t = load_parts(d, twiddle);
    const numbers<D> turned = (a - b) * numbers<D>{t.re, hn::Neg(t.im)};
    store_pairs(d, {hn::MulAdd(two, turned.re, sum.re), hn::MulAdd(two, turned.im, sum.im)}, front);
    store_pairs(d, mirrored(d, {hn::NegMulAdd(two, turned.re, sum.re), hn::NegMulAdd(two, turned.im, sum.im)}), back);
  }
  x[n] = middle_re;
  x[n + 1] = middle_im;
}

}  // namespace
}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per instruction set
