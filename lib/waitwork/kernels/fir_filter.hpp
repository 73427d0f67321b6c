// SPDX-License-Identifier: Apache-2.0
#pragma once
// fir_filter: weighs each stretch of a signal with the same taps and adds up (a finite impulse
// response filter in direct form):
//
//   target[i] = sum over t of taps[t] * source[i + t],   i in [0, source.size() - taps.size() + 1)
//
// "Valid" form: only where all taps lie on the source, so nothing is invented past its ends. The
// taps are in the order in which they meet the source (correlation); a convolution is the same with
// its taps reversed.
//
// Pure: reads source and taps, writes target; no thread, no allocation, no lock. To split a signal
// over threads, give each a stretch of the target and the part of the source from its first element
// on, taps.size() - 1 longer: an element's value does not depend on the cut. fft_convolver.hpp
// is faster from a hundred taps on, or fewer.

#include <cstddef>
#include <span>

namespace waitwork::kernels {

// Elements of the target: 0 if the source is shorter than the taps.
constexpr std::size_t fir_filter_outputs(std::size_t source_count, std::size_t tap_count) noexcept {
  return source_count < tap_count ? 0 : source_count - tap_count + 1;
}

// One tap or more, any alignment; target has fir_filter_outputs() elements and overlaps nothing.
//
// An element differs from the exact sum by at most taps.size() * 2^-24 / (1 - taps.size() * 2^-24)
// * sum |taps||source| (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed. 2002,
// section 3.1). The order of the additions depends on the machine's instruction set and on the
// number of taps, on nothing else.
void fir_filter(std::span<const float> taps, std::span<const float> source, std::span<float> target);

}  // namespace waitwork::kernels
