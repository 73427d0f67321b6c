// SPDX-License-Identifier: Apache-2.0
#pragma once
// real_fft and complex_fft: the discrete Fourier transform in one dimension and single precision,
// of lengths that are powers of two.
//
//   spectrum[k] = sum over j of signal[j] * exp(-2 pi i j k / length)
//
// The algorithm is Cooley and Tukey's, decimated in time ("An algorithm for the machine calculation
// of complex Fourier series", Math. Comp. 19, 1965; Van Loan, "Computational Frameworks for the
// Fast Fourier Transform", 1992); fft.cpp says how it is laid out. Other lengths are not supported:
// a filter may choose its own (fft_convolver.hpp), and zeros may follow a signal.
//
// Construction computes tables and allocates them: 8 bytes an element of a complex transform and 6
// of a real one, some 15 ns for each. The instruction set is chosen then, too: an object keeps it
// when another one is forced (instruction_set.hpp). Objects of one length and one instruction set
// give the same results to the bit.
//
// The transforms are const, and any number of threads may call them on one object at once, each
// with buffers of its own. They need no scratch, take no lock and allocate nothing.
//
// Errors: the result of each transform differs from the exact one, in the Euclidean norm, by at
// most 2^-23 * (1 + log2 length) times the norm of the exact result. (Higham, "Accuracy and
// Stability of Numerical Algorithms", 2nd ed. 2002, theorem 24.2, has this form; the factor is
// tested, not proved.) Where numbers get as small as 2^-126, what they lose to underflow comes on
// top: 2^-149 or so an element. One that is infinite or no number may spoil the whole result.

#include <complex>
#include <cstddef>
#include <span>

#include <waitwork/kernels/fft_tables.hpp>

namespace waitwork::kernels {

// Every buffer has exactly the length that is asked for; no two of one call overlap. Any alignment;
// at multiples of simd_alignment_bytes (base/aligned_buffer.hpp) they are read and written fastest.

// Of a real signal the upper half of the spectrum mirrors the lower one and is left out.
class real_fft {
 public:
  // A power of two, 1 to 2^30.
  explicit real_fft(std::size_t length);

  // Elements of a signal.
  std::size_t length() const noexcept { return length_; }
  // Elements of a spectrum: length / 2 + 1.
  std::size_t bins() const noexcept { return length_ / 2 + 1; }

  void forward(std::span<const float> signal, std::span<std::complex<float>> spectrum) const;

  // The way back, `length` times the signal. Destroys the spectrum. Of the first element and of the
  // last only the real part counts.
  void inverse(std::span<std::complex<float>> spectrum, std::span<float> signal) const;

 private:
  std::size_t length_;
  fft_tables tables_;  // of length / 2; empty below 4
};

class complex_fft {
 public:
  // A power of two, 1 to 2^30.
  explicit complex_fft(std::size_t length);

  std::size_t length() const noexcept { return length_; }

  void forward(std::span<const std::complex<float>> signal, std::span<std::complex<float>> spectrum) const;

  // The way back, `length` times the signal.
  void inverse(std::span<const std::complex<float>> spectrum, std::span<std::complex<float>> signal) const;

 private:
  std::size_t length_;
  fft_tables tables_;  // empty below 2
};

}  // namespace waitwork::kernels
