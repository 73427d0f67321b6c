// SPDX-License-Identifier: Apache-2.0
// Signals: peers/fir_32, a filter of 32 taps, which has no peer here; and peers/fft_<length>, the spectrum of a real
// signal, beside FFTW.

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numbers>
#include <string>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/kernels/fft.hpp>
#include <waitwork/kernels/fir_filter.hpp>
#include <waitwork/parallel/split.hpp>

#include <peers/kernels/fftw_functions.hpp>
#include <peers/kernels/fractions.hpp>
#include <peers/kernels/kernel_work.hpp>
#include <peers/kernels/loaded_module.hpp>

namespace waitwork::bench {
namespace {

class filtering final : public kernel_work {
 public:
  explicit filtering(const kernel_settings& settings)
      : taps_(fractions<float>(tap_count, 1)),
        source_(fractions<float>((settings.smoke ? 4096 : 1 << 18) + tap_count - 1, 2)),
        target_(kernels::fir_filter_outputs(source_.size(), tap_count)) {}

  std::map<std::string, double> parameters() const override {
    const double read = static_cast<double>(source_.size()) * sizeof(float);
    const double written = static_cast<double>(target_.size()) * sizeof(float);
    return {{"taps", double{tap_count}},
            {"flops_per_unit", 2.0 * tap_count * static_cast<double>(target_.size())},
            {"bytes_read_per_unit", read},
            {"bytes_written_per_unit", written},
            {"working_set_bytes", read + written}};
  }

  void ours(arena* workers) override {
    const auto filter = [this](std::size_t begin, std::size_t end) {
      kernels::fir_filter(taps_.span(), source_.span().subspan(begin, end - begin + tap_count - 1),
                          target_.span().subspan(begin, end - begin));
    };
    if (workers == nullptr) {
      filter(0, target_.size());
    } else {
      split(*workers, target_.size(), strip_rows(target_.size(), workers->workers(), tap_count),
            [&](const part& some) { filter(some.begin, some.end); });
    }
  }

  double error() const override {
    double worst = 0;
    for (std::size_t i = 0; i < target_.size(); i += 17) {
      double sum = 0, magnitude = 0;
      for (std::size_t tap = 0; tap < tap_count; ++tap) {
        const double term = static_cast<double>(taps_[tap]) * static_cast<double>(source_[i + tap]);
        sum += term;
        magnitude += std::abs(term);
      }
      worst =
          std::max(worst, std::abs(static_cast<double>(target_[i]) - sum) / (1.01 * tap_count * 0x1p-24 * magnitude));
    }
    return worst;
  }

 private:
  static constexpr std::size_t tap_count = 32;

  aligned_buffer<float> taps_, source_, target_;
};

// Null without a peer.
const waitwork_fftw_functions* fftw(const kernel_settings& settings) {
  if (settings.peer.empty()) return nullptr;
  return static_cast<const waitwork_fftw_functions*>(load_module("FFTW", WAITWORK_FFTW_MODULE, "waitwork_fftw"));
}

class transform final : public kernel_work {
 public:
  transform(std::size_t length, const kernel_settings& settings)
      : fft_(length), signal_(length), spectrum_(fft_.bins()), fftw_(fftw(settings)) {
    if (fftw_ != nullptr) {
      const bool measured = !settings.smoke && length <= longest_measured;
      plan_ = fftw_->plan(length, signal_.data(), spectrum_parts(), measured);
    }
    signal_ = fractions<float>(length, 1);
  }
  ~transform() override {
    if (fftw_ != nullptr) fftw_->destroy(plan_);
  }
  transform(const transform&) = delete;
  transform& operator=(const transform&) = delete;

  // As is usual, the count of a textbook's algorithm: 5 n log2 n for complex numbers, half of it for real ones.
  std::map<std::string, double> parameters() const override {
    const auto length = static_cast<double>(fft_.length());
    const double bytes = length * sizeof(float);
    return {{"length", length},
            {"flops_per_unit", 2.5 * length * std::log2(length)},
            {"bytes_read_per_unit", bytes},
            {"bytes_written_per_unit", bytes},
            {"working_set_bytes", 2 * bytes}};
  }

  void ours(arena*) override { fft_.forward(signal_.span(), spectrum_.span()); }

  void instruction_set_forced() override { fft_ = kernels::real_fft(fft_.length()); }

  void theirs() override { fftw_->forward(plan_, signal_.data(), spectrum_parts()); }
  std::string library() const override { return fftw_ == nullptr ? std::string() : fftw_->version; }

  // Some bins, by the definition.
  double error() const override {
    const std::size_t length = fft_.length();
    double norm = 0;
    for (const float sample : signal_.span()) norm += static_cast<double>(sample) * static_cast<double>(sample);
    // The bound in fft.hpp is for the norm of all bins; none is further off than that.
    const double tolerated =
        0x1p-23 * (1 + std::log2(static_cast<double>(length))) * std::sqrt(norm * static_cast<double>(length));
    double worst = 0;
    for (const std::size_t bin : {std::size_t{0}, std::size_t{1}, length / 5, length / 2}) {
      std::complex<double> sum = 0;
      for (std::size_t i = 0; i < length; ++i) {
        const double turn = static_cast<double>(i * bin % length) / static_cast<double>(length);
        sum += std::polar(static_cast<double>(signal_[i]), -2 * std::numbers::pi * turn);
      }
      worst = std::max(worst, std::abs(std::complex<double>(spectrum_[bin]) - sum) / tolerated);
    }
    return worst;
  }

 private:
  // To measure plans of longer ones takes up to a minute.
  static constexpr std::size_t longest_measured = 1 << 15;

  // An array of complex numbers is one of pairs of floats.
  float* spectrum_parts() { return reinterpret_cast<float*>(spectrum_.data()); }

  kernels::real_fft fft_;
  aligned_buffer<float> signal_;
  aligned_buffer<std::complex<float>> spectrum_;
  const waitwork_fftw_functions* fftw_;
  void* plan_ = nullptr;
};

const bool registered_fir = register_kernel(
    {.name = "fir_32", .peers = {}, .make = [](const kernel_settings& settings) -> std::unique_ptr<kernel_work> {
       return std::make_unique<filtering>(settings);
     }});

const bool registered_fft = [] {
  for (const std::size_t length : {1uz << 10, 1uz << 15, 1uz << 20}) {
    register_kernel({.name = "fft_" + std::to_string(length),
                     .peers = {"fftw"},
                     .splits = false,
                     .make = [length](const kernel_settings& settings) -> std::unique_ptr<kernel_work> {
                       return std::make_unique<transform>(length, settings);
                     }});
  }
  return true;
}();

}  // namespace
}  // namespace waitwork::bench
