// SPDX-License-Identifier: Apache-2.0
// peers/matmul_f32_<n>, peers/matmul_f64_<n>: C = A * B of n x n, beside OpenBLAS.

#include <waitwork/kernels/matmul.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/random.hpp>
#include <waitwork/parallel/matmul.hpp>

#include <peers/kernels/blas.hpp>
#include <peers/kernels/fractions.hpp>
#include <peers/kernels/kernel_work.hpp>

namespace waitwork::bench {
namespace {

template <class T>
class matmul_beside_openblas final : public kernel_work {
 public:
  matmul_beside_openblas(std::size_t n, const kernel_settings& settings)
      : n_(settings.smoke ? std::min<std::size_t>(n, 96) : n), shape_(n_, n_, n_) {
    if (!settings.peer.empty()) blas_.emplace(settings.workers);
    a_ = fractions<T>(n_ * n_, 1);
    b_ = fractions<T>(n_ * n_, 2);
    c_ = aligned_buffer<T>(n_ * n_);
    scratch_ = aligned_buffer<T>(kernels::matmul_scratch<T>(shape_));
  }

  std::map<std::string, double> parameters() const override {
    const auto n = static_cast<double>(n_);
    const double matrix_bytes = n * n * sizeof(T);
    std::map<std::string, double> all = {{"n", n},
                                         {"flops_per_unit", 2 * n * n * n},
                                         {"bytes_read_per_unit", 2 * matrix_bytes},
                                         {"bytes_written_per_unit", matrix_bytes},
                                         {"working_set_bytes", 3 * matrix_bytes}};
    if (std::is_same_v<T, double>) all["flops_are_f64"] = 1;
    return all;
  }

  void ours(arena* workers) override {
    if (workers == nullptr) {
      kernels::matmul(shape_, a_.span(), b_.span(), c_.span(), scratch_.span());
      return;
    }
    if (!split_scratch_.size())
      split_scratch_ = aligned_buffer<T>(parallel_matmul_scratch<T>(shape_, workers->workers()));
    parallel_matmul(*workers, shape_, a_.span(), b_.span(), c_.span(), split_scratch_.span());
  }

  void theirs() override {
    const int n = static_cast<int>(n_);
    blas_->multiply(n, n, n, a_.data(), b_.data(), c_.data());
  }
  std::string library() const override { return blas_ ? blas_->description() : ""; }

  // C x against A (B x) for a random x in double precision: an error of one element shows in its row. Freivalds,
  // "Probabilistic machines can use less running time" (IFIP 1977). Tolerated is what the header of matmul states.
  double error() const override {
    splitmix64 random(1);
    std::vector<double> x(n_), bx(n_), magnitude_bx(n_);
    for (double& each : x) each = random.below(2) == 0 ? 1 : -1;
    for (std::size_t row = 0; row < n_; ++row) {
      for (std::size_t column = 0; column < n_; ++column) {
        const double entry = b_[row * n_ + column];
        bx[row] += entry * x[column];
        magnitude_bx[row] += std::abs(entry);
      }
    }
    double worst = 0;
    const double rounding = std::numeric_limits<T>::epsilon() / 2 * static_cast<double>(n_);
    for (std::size_t row = 0; row < n_; ++row) {
      double difference = 0, magnitude = 0;
      for (std::size_t column = 0; column < n_; ++column) {
        difference += c_[row * n_ + column] * x[column] - a_[row * n_ + column] * bx[column];
        magnitude += std::abs(a_[row * n_ + column]) * magnitude_bx[column];
      }
      worst = std::max(worst, std::abs(difference) / (rounding * magnitude));
    }
    return worst;
  }

 private:
  std::size_t n_;
  kernels::matmul_shape shape_;
  std::optional<blas> blas_;
  aligned_buffer<T> a_, b_, c_, scratch_, split_scratch_;
};

template <class T>
bool register_matmul(const char* type, std::size_t n) {
  return register_kernel({.name = std::string("matmul_") + type + "_" + std::to_string(n),
                          .peers = {"openblas"},
                          .make = [n](const kernel_settings& settings) -> std::unique_ptr<kernel_work> {
                            return std::make_unique<matmul_beside_openblas<T>>(n, settings);
                          }});
}

const bool registered = [] {
  for (const std::size_t n : {64uz, 128uz, 256uz, 512uz, 1024uz, 2048uz}) register_matmul<float>("f32", n);
  for (const std::size_t n : {512uz, 1024uz, 2048uz}) register_matmul<double>("f64", n);
  return true;
}();

}  // namespace
}  // namespace waitwork::bench
