// SPDX-License-Identifier: Apache-2.0
#pragma once
// blas: OpenBLAS, loaded when a row wants it: its threads are then in no other row's process, and the program needs it
// neither to be built nor to run.

#include <string>

namespace waitwork::bench {

class blas {
 public:
  // Loads OpenBLAS, once a process, and has it use so many threads. The processor's kind is forced by what it can do,
  // unless OPENBLAS_CORETYPE says something: 0.3.21 takes an unknown one behind a hypervisor for one of 2004. Throws
  // unsupported_error if there is none.
  explicit blas(unsigned threads);

  // "OpenBLAS 0.3.21 SkylakeX"
  const std::string& description() const noexcept { return description_; }

  // C = A B; row-major and dense: A is m x k, B is k x n.
  void multiply(int m, int n, int k, const float* a, const float* b, float* c) const;
  void multiply(int m, int n, int k, const double* a, const double* b, double* c) const;
  // y = x A for an A of k x n
  void multiply_row(int k, int n, const float* x, const float* a, float* y) const;

 private:
  std::string description_;
};

}  // namespace waitwork::bench
