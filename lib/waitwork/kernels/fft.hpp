#pragma once
// real_fft and complex_fft: the discrete Fourier transform in one dimension and single precision,
// of any length.
//
//   spectrum[k] = sum over j of signal[j] * exp(-2 pi i j k / length)
//
// The work is FFTW's (Frigo and Johnson, "The Design and Implementation of FFTW3", Proc. IEEE
// 93(2), 2005): a transform of our own could at best be as fast, for much more code. It is linked
// without its threads, so that a program's workers stay its own.
//
// Construction plans: it allocates, and waits for any other construction or destruction, because
// FFTW's planner is one for the process (code that uses that planner beside these classes is on its
// own). It tries out algorithms, for half a second at length 1024, 3 s at 65536 and 45 s at 2^20 on
// a busy virtual machine, or trusts FFTW's estimate (fft_planning). What was measured is
// remembered: another object of the same length is made in microseconds, and with the same
// algorithm, hence the same results to the bit. Another run of the program may measure otherwise.
//
// The transforms are const, and any number of threads may call them on one object at once, each
// with buffers of its own. They take no lock and allocate nothing, but where a length has a prime
// factor above 13: there FFTW 3.3.10 allocates its buffers for the algorithms of Rader and
// Bluestein, and is some twenty times slower.
//
// Errors: the result of each transform differs from the exact one, in the Euclidean norm, by at
// most 2^-21 * (1 + log2 length) times the norm of the exact result. (Higham, "Accuracy and
// Stability of Numerical Algorithms", 2nd ed. 2002, theorem 24.2, has this form for powers of two;
// the factor covers prime lengths too, and is tested, not proved.)

#include <complex>
#include <cstddef>
#include <memory>
#include <span>

struct fftwf_plan_s;  // FFTW's own name

namespace waitwork::kernels {

// How an algorithm is chosen; FFTW_MEASURE and FFTW_ESTIMATE.
enum class fft_planning { measured, estimated };

// Every buffer begins at a multiple of simd_alignment_bytes (base/aligned_buffer.hpp) and has
// exactly the length that is asked for; no two of one call overlap.

struct fft_plan_deleter {
  void operator()(fftwf_plan_s* plan) const noexcept;
};
using fft_plan = std::unique_ptr<fftwf_plan_s, fft_plan_deleter>;

// Of a real signal the upper half of the spectrum mirrors the lower one and is left out.
class real_fft {
 public:
  // 1 to 2^30.
  explicit real_fft(std::size_t length, fft_planning planning = fft_planning::measured);

  // Elements of a signal.
  std::size_t length() const noexcept { return length_; }
  // Elements of a spectrum: length / 2 + 1.
  std::size_t bins() const noexcept { return length_ / 2 + 1; }

  void forward(std::span<const float> signal, std::span<std::complex<float>> spectrum) const;

  // The way back, `length` times the signal. Destroys the spectrum. Of the first element, and with
  // an even length of the last, only the real part counts.
  void inverse(std::span<std::complex<float>> spectrum, std::span<float> signal) const;

 private:
  std::size_t length_;
  fft_plan forward_;
  fft_plan inverse_;
};

class complex_fft {
 public:
  // 1 to 2^30.
  explicit complex_fft(std::size_t length, fft_planning planning = fft_planning::measured);

  std::size_t length() const noexcept { return length_; }

  void forward(std::span<const std::complex<float>> signal,
               std::span<std::complex<float>> spectrum) const;

  // The way back, `length` times the signal.
  void inverse(std::span<const std::complex<float>> spectrum,
               std::span<std::complex<float>> signal) const;

 private:
  std::size_t length_;
  fft_plan forward_;
  fft_plan inverse_;
};

}  // namespace waitwork::kernels
