// SPDX-License-Identifier: Apache-2.0
#include <waitwork/kernels/fft_convolver.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

// Scalable vectors cannot be array elements; those machines run the NEON code.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
// foreach_target.h compiles this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "waitwork/kernels/fft_convolver.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <waitwork/base/check.hpp>
#include <waitwork/kernels/fir_filter.hpp>

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// spectrum[i] *= response[i], for `count` floats: pairs of real and imaginary part, whole vectors
// of them, aligned.
void multiply_spectra(std::size_t count, const float* HWY_RESTRICT response, float* HWY_RESTRICT spectrum) {
  const hn::ScalableTag<float> d;
  // Minus in front of the even lanes: the real part is the difference of its products.
  const auto sign = hn::OddEven(hn::Zero(d), hn::Set(d, -0.0f));
  for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
    const auto s = hn::Load(d, spectrum + i);
    const auto r = hn::Load(d, response + i);
    const auto crossed = hn::Mul(hn::Shuffle2301(s), hn::Xor(hn::DupOdd(r), sign));
    hn::Store(hn::MulAdd(s, hn::DupEven(r), crossed), d, spectrum + i);
  }
}

}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace waitwork::kernels {

HWY_EXPORT(multiply_spectra);

namespace {

using number = std::complex<float>;

constexpr std::size_t most_taps = std::size_t{1} << 28;

// Complex numbers that fill the alignment of buffers, which is the widest vector (AVX-512) too.
constexpr std::size_t granularity = simd_alignment_bytes / sizeof(number);

constexpr std::size_t round_up(std::size_t count) noexcept {
  return (count + granularity - 1) / granularity * granularity;
}

// Eight times the taps: an eighth of each block is overlap, and its transforms, of n log n, cost
// little more for each element than shorter ones. From 256 to 16384 taps 8 * taps was 1.3 to 1.7
// times as fast as 2 * taps, and 16 * taps mostly within 10 % of that. Blocks of 2^17 and more
// leave the second-level cache (18 bytes an element with the block's spectrum, the taps' and the
// tables of the transform), and 4 * taps was the fastest there.
std::size_t block_length_for(std::size_t tap_count) {
  WAITWORK_CHECK(tap_count >= 1 && tap_count <= most_taps, "a filter has 1 to 2^28 taps");
  constexpr std::size_t shortest = 1024;
  constexpr std::size_t longest_in_cache = std::size_t{1} << 16;
  const std::size_t roomy = std::max(shortest, std::bit_ceil(8 * tap_count));
  return roomy <= longest_in_cache ? roomy : std::max(longest_in_cache, std::bit_ceil(4 * tap_count));
}

// The spectra are multiplied in the alignment of aligned_buffer, wherever the caller's scratch
// begins.
number* align(number* scratch) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(scratch);
  return scratch + (simd_alignment_bytes - address % simd_alignment_bytes) % simd_alignment_bytes / sizeof(number);
}

}  // namespace

fft_convolver::fft_convolver(std::span<const float> taps)
    : tap_count_(taps.size()), fft_(block_length_for(taps.size())), response_(round_up(fft_.bins())) {
  aligned_buffer<float> padded(block_length());
  std::ranges::copy(taps, padded.data());
  fft_.forward(padded.span(), response_.span().first(fft_.bins()));
  // Exact: the length is a power of two.
  const float scale = 1.0f / static_cast<float>(block_length());
  for (number& value : response_.span()) value = std::conj(value) * scale;
}

std::size_t fft_convolver::scratch_elements() const noexcept {
  return block_length() / 2 + round_up(fft_.bins()) + granularity;
}

void fft_convolver::process(std::span<const float> source, std::span<float> target, std::span<number> scratch) const {
  WAITWORK_CHECK(target.size() == fir_filter_outputs(source.size(), tap_count_),
                 "target has fir_filter_outputs elements");
  WAITWORK_CHECK(scratch.size() >= scratch_elements(), "scratch is as large as scratch_elements says");
  number* const begin = align(scratch.data());
  const std::span<float> block(reinterpret_cast<float*>(begin), block_length());
  const std::span<number> spectrum(begin + block_length() / 2, round_up(fft_.bins()));
  // What lies behind the last bin is multiplied, too, by zero.
  std::ranges::fill(spectrum.subspan(fft_.bins()), number());
  for (std::size_t first = 0; first < target.size(); first += outputs_per_block()) {
    const std::span<const float> part = source.subspan(first, std::min(block.size(), source.size() - first));
    std::ranges::copy(part, block.data());
    std::ranges::fill(block.subspan(part.size()), 0.0f);
    fft_.forward(block, spectrum.first(fft_.bins()));
    HWY_DYNAMIC_DISPATCH(multiply_spectra)
    (2 * spectrum.size(), reinterpret_cast<const float*>(response_.data()), reinterpret_cast<float*>(spectrum.data()));
    fft_.inverse(spectrum.first(fft_.bins()), block);
    std::ranges::copy(block.first(std::min(outputs_per_block(), target.size() - first)), target.data() + first);
  }
}

}  // namespace waitwork::kernels
#endif
