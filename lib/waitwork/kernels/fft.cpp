// SPDX-License-Identifier: Apache-2.0
// A transform of n complex numbers goes once from the signal to the spectrum and then stays in its
// place, so that it needs no scratch:
//
//   leaves   transforms of 16 elements (fewer where vectors are short) that lie n / 16 apart.
//            Neighbours in memory, as many as a vector has lanes, go side by side; then they are
//            transposed in registers, and each is written to where it is wanted, in the order of
//            reversed bits.
//   joins    8 (or 4) neighbouring transforms become one of 8 times the length. What is combined
//            lies whole vectors apart, so that this is plain arithmetic.
//
// Between the passes a vector of real parts alternates with one of imaginary parts: to multiply
// complex numbers takes no shuffle then, and both are in one place. The last pass stores pairs.
// Blocks that fit the first-level cache are joined there before longer ones are, so that the data
// come from farther away once for the leaves, once for those blocks and once for each pass above.
//
// Stockham's passes, which sort on the way, would go to and fro between two buffers, from end to
// end. Transforms of fewer than 16 numbers go through the same code with vectors of one lane: twice
// the time of code for their lengths alone, 20 ns or so.

#include <waitwork/kernels/fft.hpp>

#include <bit>
#include <complex>
#include <cstddef>
#include <numbers>
#include <span>

// Scalable vectors cannot be array elements; those machines run the NEON code.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
// foreach_target.h compiles this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "waitwork/kernels/fft.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <waitwork/base/check.hpp>
#include <waitwork/kernels/fft_passes-inl.hpp>
#include <waitwork/kernels/fft_real-inl.hpp>
#include <waitwork/kernels/fft_tables.hpp>

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {
namespace {

// For n >= Leaf * lanes.
template <class D, std::size_t Leaf>
fft_code code_of() {
  return {hn::MaxLanes(D()), Leaf, transform_pairs<D, Leaf, false>, transform_pairs<D, Leaf, true>, split_spectrum<D>,
          unite_spectrum<D>};
}

}  // namespace

fft_code fft_code_for(std::size_t count) {
  constexpr std::size_t lanes = hn::MaxLanes(hn::ScalableTag<float>());
  if constexpr (lanes >= 16) {
    if (count >= 256) return code_of<hn::CappedTag<float, 16>, 16>();
  }
  if constexpr (lanes >= 8) {
    if (count >= 128) return code_of<hn::CappedTag<float, 8>, 16>();
  }
  if constexpr (lanes >= 4) {
    if (count >= 32) return code_of<hn::CappedTag<float, 4>, 8>();
    if (count >= 16) return code_of<hn::CappedTag<float, 4>, 4>();
  }
  return code_of<hn::CappedTag<float, 1>, 1>();
}

}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace waitwork::kernels {

HWY_EXPORT(fft_code_for);

namespace {

constexpr std::size_t longest = std::size_t{1} << 30;

std::size_t checked(std::size_t length) {
  WAITWORK_CHECK(std::has_single_bit(length) && length <= longest, "a transform's length is a power of two, 1 to 2^30");
  return length;
}

// exp(-2 pi i numerator / denominator)
std::complex<double> turn(std::size_t numerator, std::size_t denominator) {
  const double turns = static_cast<double>(numerator) / static_cast<double>(denominator);
  return std::polar(1.0, -2 * std::numbers::pi * turns);
}

// To one lane of a vector of real parts and of the vector of imaginary ones behind it.
void store(std::complex<double> value, std::size_t lanes, float* to) {
  to[0] = static_cast<float>(value.real());
  to[lanes] = static_cast<float>(value.imag());
}

void add_twiddles(const fft_pass& pass, std::size_t lanes, float* to) {
  for (std::size_t k = 0; k < pass.apart; k += lanes) {
    for (std::size_t b = 1; b < pass.radix; ++b) {
      std::size_t j = 0;
      for (std::size_t bit = 1; bit < pass.radix; bit *= 2) j = 2 * j + ((b & bit) != 0 ? 1 : 0);
      for (std::size_t lane = 0; lane < lanes; ++lane)
        store(turn(j * (k + lane), pass.radix * pass.apart), lanes, to + lane);
      to += 2 * lanes;
    }
  }
}

// Passes are of radix 8 as far as possible. With AVX2 and SSE4 passes of radix 4, which leave room
// in 16 registers, were no faster.
fft_tables tables_for(std::size_t count) {
  fft_tables tables;
  tables.count = count;
  tables.code = HWY_DYNAMIC_DISPATCH(fft_code_for)(count);
  std::size_t floats = 0;
  for (std::size_t apart = tables.code.leaf; apart < count;) {
    const std::size_t left = count / apart;
    const std::size_t radix = left == 2 ? 2 : left == 4 || left == 16 ? 4 : 8;
    tables.passes.push_back({radix, apart, floats});
    floats += 2 * (radix - 1) * apart;
    apart *= radix;
  }
  tables.twiddles = aligned_buffer<float>(floats);
  for (const fft_pass& pass : tables.passes)
    add_twiddles(pass, tables.code.lanes, tables.twiddles.data() + pass.twiddles);
  return tables;
}

const float* parts(std::span<const std::complex<float>> values) {
  return reinterpret_cast<const float*>(values.data());
}
float* parts(std::span<std::complex<float>> values) { return reinterpret_cast<float*>(values.data()); }

void check_count(std::size_t found, std::size_t wanted) {
  WAITWORK_CHECK(found == wanted, "a buffer is as long as the transform says");
}

}  // namespace

real_fft::real_fft(std::size_t length) : length_(checked(length)) {
  if (length < 4) return;
  const std::size_t count = length / 2;
  tables_ = tables_for(count);
  tables_.split_twiddles = aligned_buffer<float>(count);
  const std::size_t lanes = tables_.code.lanes;
  for (std::size_t k = 0; k < count / 2; ++k) {
    float* const to = tables_.split_twiddles.data() + 2 * (k / lanes * lanes) + k % lanes;
    store(std::complex<double>(0, -0.5) * turn(k, length), lanes, to);
  }
}

void real_fft::forward(std::span<const float> signal, std::span<std::complex<float>> spectrum) const {
  check_count(signal.size(), length());
  check_count(spectrum.size(), bins());
  if (length() == 1) {
    spectrum[0] = signal[0];
  } else if (length() == 2) {
    const float sum = signal[0] + signal[1];
    spectrum[1] = signal[0] - signal[1];
    spectrum[0] = sum;
  } else {
    tables_.code.forward(tables_, signal.data(), parts(spectrum));
    tables_.code.split(tables_, parts(spectrum));
  }
}

void real_fft::inverse(std::span<std::complex<float>> spectrum, std::span<float> signal) const {
  check_count(spectrum.size(), bins());
  check_count(signal.size(), length());
  if (length() == 1) {
    signal[0] = spectrum[0].real();
  } else if (length() == 2) {
    signal[0] = spectrum[0].real() + spectrum[1].real();
    signal[1] = spectrum[0].real() - spectrum[1].real();
  } else {
    tables_.code.unite(tables_, parts(spectrum));
    tables_.code.inverse(tables_, parts(spectrum), signal.data());
  }
}

complex_fft::complex_fft(std::size_t length)
    : length_(checked(length)), tables_(length == 1 ? fft_tables() : tables_for(length)) {}

void complex_fft::forward(std::span<const std::complex<float>> signal, std::span<std::complex<float>> spectrum) const {
  check_count(signal.size(), length());
  check_count(spectrum.size(), length());
  if (length() == 1) {
    spectrum[0] = signal[0];
  } else {
    tables_.code.forward(tables_, parts(signal), parts(spectrum));
  }
}

void complex_fft::inverse(std::span<const std::complex<float>> spectrum, std::span<std::complex<float>> signal) const {
  check_count(spectrum.size(), length());
  check_count(signal.size(), length());
  if (length() == 1) {
    signal[0] = spectrum[0];
  } else {
    tables_.code.inverse(tables_, parts(spectrum), parts(signal));
  }
}

}  // namespace waitwork::kernels
#endif
