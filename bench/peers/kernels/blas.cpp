// SPDX-License-Identifier: Apache-2.0
#include <peers/kernels/blas.hpp>

#include <dlfcn.h>

#include <cstdlib>
#include <sstream>

#include <waitwork/base/environment_error.hpp>
#include <waitwork/measure/peak_loops.hpp>

namespace waitwork::bench {
namespace {

// Of cblas.h, where int is the index type of Debian's build and enumerations are ints.
constexpr int row_major = 101;
constexpr int not_transposed = 111;
constexpr int transposed = 112;

struct functions {
  void (*sgemm)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float* a, int lda,
                const float* b, int ldb, float beta, float* c, int ldc);
  void (*dgemm)(int order, int trans_a, int trans_b, int m, int n, int k, double alpha, const double* a, int lda,
                const double* b, int ldb, double beta, double* c, int ldc);
  void (*sgemv)(int order, int trans, int m, int n, float alpha, const float* a, int lda, const float* x, int incx,
                float beta, float* y, int incy);
  void (*set_num_threads)(int threads);
  const char* (*get_config)();
  const char* (*get_corename)();
};

// In OpenBLAS's words, by Highway's. It reads the variable as it is loaded.
void force_core_type() {
  const std::string set = peak_instruction_set();
  if (set.starts_with("AVX3")) {
    ::setenv("OPENBLAS_CORETYPE", "SKYLAKEX", 0);
  } else if (set == "AVX2") {
    ::setenv("OPENBLAS_CORETYPE", "HASWELL", 0);
  }
}

template <class Function>
void find(void* library, const char* name, Function& found) {
  found = reinterpret_cast<Function>(::dlsym(library, name));
  if (found == nullptr) {
    throw unsupported_error("use", "OpenBLAS", std::string("it has no ") + name, "install libopenblas0-pthread");
  }
}

functions load() {
  force_core_type();
  void* const library = ::dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw unsupported_error("load", "OpenBLAS", ::dlerror(), "install libopenblas0-pthread");
  }
  functions all{};
  find(library, "cblas_sgemm", all.sgemm);
  find(library, "cblas_dgemm", all.dgemm);
  find(library, "cblas_sgemv", all.sgemv);
  find(library, "openblas_set_num_threads", all.set_num_threads);
  find(library, "openblas_get_config", all.get_config);
  find(library, "openblas_get_corename", all.get_corename);
  return all;
}

const functions& library() {
  static const functions loaded = load();
  return loaded;
}

}  // namespace

blas::blas(unsigned threads) {
  library().set_num_threads(static_cast<int>(threads));
  std::istringstream config(library().get_config());  // "OpenBLAS 0.3.21 DYNAMIC_ARCH ..."
  std::string name, version;
  config >> name >> version;
  description_ = name + " " + version + " " + library().get_corename();
}

void blas::multiply(int m, int n, int k, const float* a, const float* b, float* c) const {
  library().sgemm(row_major, not_transposed, not_transposed, m, n, k, 1, a, k, b, n, 0, c, n);
}

void blas::multiply(int m, int n, int k, const double* a, const double* b, double* c) const {
  library().dgemm(row_major, not_transposed, not_transposed, m, n, k, 1, a, k, b, n, 0, c, n);
}

void blas::multiply_row(int k, int n, const float* x, const float* a, float* y) const {
  library().sgemv(row_major, transposed, k, n, 1, a, n, x, 1, 0, y, 1);
}

}  // namespace waitwork::bench
