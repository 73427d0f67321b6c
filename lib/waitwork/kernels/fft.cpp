#include <waitwork/kernels/fft.hpp>

#include <cstdint>
#include <mutex>

#include <fftw3.h>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/check.hpp>

namespace waitwork::kernels {
namespace {

// Guards all of FFTW but the execution of plans.
std::mutex& planner() {
  static std::mutex mutex;
  return mutex;
}

// FFTW takes an int.
constexpr std::size_t longest = std::size_t{1} << 30;

std::size_t checked(std::size_t length) {
  WAITWORK_CHECK(length >= 1 && length <= longest, "a transform's length is 1 to 2^30");
  return length;
}

unsigned flags(fft_planning planning) {
  return planning == fft_planning::measured ? FFTW_MEASURE : FFTW_ESTIMATE;
}

fft_plan checked(fftwf_plan plan) {
  WAITWORK_CHECK(plan != nullptr, "FFTW has a plan for every length");
  return fft_plan(plan);
}

// FFTW's type of a complex number is float[2], the layout that std::complex<float> is bound to
// have. It takes what it only reads as not const, too.
fftwf_complex* numbers(const std::complex<float>* values) {
  return reinterpret_cast<fftwf_complex*>(const_cast<std::complex<float>*>(values));
}

template <class T>
void check_buffer(std::span<T> buffer, std::size_t count) {
  WAITWORK_CHECK(buffer.size() == count, "a buffer is as long as the transform says");
  // FFTW asks for the alignment that the plan was made with.
  WAITWORK_CHECK(reinterpret_cast<std::uintptr_t>(buffer.data()) % simd_alignment_bytes == 0,
                 "a buffer is aligned to simd_alignment_bytes");
}

fft_plan plan_complex(std::size_t length, int sign, fft_planning planning) {
  aligned_buffer<float> from(2 * length);
  aligned_buffer<float> to(2 * length);
  const std::lock_guard lock(planner());
  return checked(
      fftwf_plan_dft_1d(static_cast<int>(length), reinterpret_cast<fftwf_complex*>(from.data()),
                        reinterpret_cast<fftwf_complex*>(to.data()), sign, flags(planning)));
}

}  // namespace

void fft_plan_deleter::operator()(fftwf_plan_s* plan) const noexcept {
  const std::lock_guard lock(planner());
  fftwf_destroy_plan(plan);
}

real_fft::real_fft(std::size_t length, fft_planning planning) : length_(checked(length)) {
  aligned_buffer<float> signal(length);
  aligned_buffer<float> spectrum(2 * bins());
  auto* const to = reinterpret_cast<fftwf_complex*>(spectrum.data());
  const std::lock_guard lock(planner());
  forward_ =
      checked(fftwf_plan_dft_r2c_1d(static_cast<int>(length), signal.data(), to, flags(planning)));
  inverse_ = checked(fftwf_plan_dft_c2r_1d(static_cast<int>(length), to, signal.data(),
                                           flags(planning) | FFTW_DESTROY_INPUT));
}

void real_fft::forward(std::span<const float> signal,
                       std::span<std::complex<float>> spectrum) const {
  check_buffer(signal, length());
  check_buffer(spectrum, bins());
  fftwf_execute_dft_r2c(forward_.get(), const_cast<float*>(signal.data()),
                        numbers(spectrum.data()));
}

void real_fft::inverse(std::span<std::complex<float>> spectrum, std::span<float> signal) const {
  check_buffer(spectrum, bins());
  check_buffer(signal, length());
  fftwf_execute_dft_c2r(inverse_.get(), numbers(spectrum.data()), signal.data());
}

complex_fft::complex_fft(std::size_t length, fft_planning planning)
    : length_(checked(length)),
      forward_(plan_complex(length, FFTW_FORWARD, planning)),
      inverse_(plan_complex(length, FFTW_BACKWARD, planning)) {}

void complex_fft::forward(std::span<const std::complex<float>> signal,
                          std::span<std::complex<float>> spectrum) const {
  check_buffer(signal, length());
  check_buffer(spectrum, length());
  fftwf_execute_dft(forward_.get(), numbers(signal.data()), numbers(spectrum.data()));
}

void complex_fft::inverse(std::span<const std::complex<float>> spectrum,
                          std::span<std::complex<float>> signal) const {
  check_buffer(spectrum, length());
  check_buffer(signal, length());
  fftwf_execute_dft(inverse_.get(), numbers(spectrum.data()), numbers(signal.data()));
}

}  // namespace waitwork::kernels
