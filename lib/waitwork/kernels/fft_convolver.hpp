// SPDX-License-Identifier: Apache-2.0
#pragma once
// fft_convolver: what fir_filter computes, for many taps: block by block through the frequency
// domain, at a cost for each output that hardly depends on the number of taps.
//
// Faster than fir_filter from about 100 taps on with AVX-512 and AVX2, and 50 with SSE4 (one
// thread, long signals, an EPYC of Zen 4 in a virtual machine); at 1024 taps it takes a tenth of
// the time, or less. Fewer taps than that, or signals much shorter than a block, are fir_filter's.
//
// Overlap-save, the "select-saving" of Stockham, "High-speed convolution and correlation" (AFIPS
// Spring Joint Computer Conference, 1966): blocks of the source overlap by taps - 1 elements, and
// of each block's cyclic correlation the outputs that wrapped around are left out.
//
// Construction computes tables and allocates (fft.hpp). process() is const, allocates nothing and
// takes no lock, and any number of threads may call it on one object at once, each with scratch of
// its own.

#include <complex>
#include <cstddef>
#include <span>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/kernels/fft.hpp>

namespace waitwork::kernels {

class fft_convolver {
 public:
  // One tap or more, at most 2^28. They are copied.
  explicit fft_convolver(std::span<const float> taps);

  std::size_t tap_count() const noexcept { return tap_count_; }
  // Elements of a block.
  std::size_t block_length() const noexcept { return fft_.length(); }
  // Outputs of a block: a signal is best cut, over calls or threads, at multiples of this.
  std::size_t outputs_per_block() const noexcept { return block_length() - tap_count_ + 1; }

  // Elements of scratch that process() needs: about block_length().
  std::size_t scratch_elements() const noexcept;

  // target[i] = sum over t of taps[t] * source[i + t], for all fir_filter_outputs(source.size(),
  // tap_count()) of them, which is the target's length. Spans at any alignment; target and scratch
  // overlap nothing.
  //
  // An element differs from the exact sum by at most 2^-22 * (1 + log2 block_length()) times the
  // Euclidean norms of the taps and of its block of the source: small outputs beside large ones are
  // less exact than those of fir_filter. (Tested, not proved; what follows from the bound in
  // fft.hpp is larger by sqrt(block_length()) and a little.) The last bits depend on where blocks
  // begin, and one element that is infinite or no number spoils all of its block's.
  void process(std::span<const float> source, std::span<float> target, std::span<std::complex<float>> scratch) const;

 private:
  std::size_t tap_count_;
  real_fft fft_;
  // The conjugate spectrum of the taps, divided by the block's length; zeros up to a whole number
  // of vectors.
  aligned_buffer<std::complex<float>> response_;
};

}  // namespace waitwork::kernels
