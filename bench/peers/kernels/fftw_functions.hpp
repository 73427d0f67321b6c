// SPDX-License-Identifier: Apache-2.0
#pragma once
// fftw_functions: what the module fftw_module.cpp, which alone is linked with FFTW, has for the
// program that loads it. Plain types, so that the program needs nothing of FFTW's.

#include <cstddef>

extern "C" {

// The spectrum of a real signal, in single precision, by one thread.
struct waitwork_fftw_functions {
  const char* version;
  // A plan, for buffers aligned as these are, which it may overwrite; null if there is none.
  // `measured`: tries out algorithms for seconds (FFTW_MEASURE), or trusts an estimate. By one
  // thread at a time, as is destroy().
  void* (*plan)(std::size_t length, float* signal, float* spectrum, bool measured);
  // length / 2 + 1 pairs of real and imaginary part.
  void (*forward)(void* plan, float* signal, float* spectrum);
  void (*destroy)(void* plan);
};

const waitwork_fftw_functions* waitwork_fftw();
}
