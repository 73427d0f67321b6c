// SPDX-License-Identifier: Apache-2.0
// A module of its own, loaded by the rows that want it (signals.cpp): FFTW is under the GPL, and
// what is linked with it is, too, when it is given to others. That is this module, and nothing
// else.

#include <fftw3.h>

#include <peers/kernels/fftw_functions.hpp>

namespace {

void* plan(std::size_t length, float* signal, float* spectrum, bool measured) {
  return fftwf_plan_dft_r2c_1d(static_cast<int>(length), signal, reinterpret_cast<fftwf_complex*>(spectrum),
                               measured ? FFTW_MEASURE : FFTW_ESTIMATE);
}

void forward(void* plan, float* signal, float* spectrum) {
  fftwf_execute_dft_r2c(static_cast<fftwf_plan>(plan), signal, reinterpret_cast<fftwf_complex*>(spectrum));
}

void destroy(void* plan) { fftwf_destroy_plan(static_cast<fftwf_plan>(plan)); }

}  // namespace

extern "C" const waitwork_fftw_functions* waitwork_fftw() {
  static const waitwork_fftw_functions all = {fftwf_version, plan, forward, destroy};
  return &all;
}
