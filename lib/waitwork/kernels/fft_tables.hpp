// SPDX-License-Identifier: Apache-2.0
#pragma once
// fft_tables: what a transform of one length has computed when it is made, and which code it uses.
// Private to fft.hpp and fft.cpp, which says what the passes do.

#include <cstddef>
#include <vector>

#include <waitwork/base/aligned_buffer.hpp>

namespace waitwork::kernels {

// Joins blocks to one that is `radix` times as long.
struct fft_pass {
  std::size_t radix;     // 2, 4 or 8
  std::size_t apart;     // elements of a block
  std::size_t twiddles;  // where this pass's begin in fft_tables::twiddles
};

struct fft_tables;

// For one instruction set. Numbers are pairs of floats.
struct fft_code {
  std::size_t lanes;  // floats of a vector
  std::size_t leaf;   // elements of a transform of the first pass
  void (*forward)(const fft_tables& tables, const float* from, float* to);
  void (*inverse)(const fft_tables& tables, const float* from, float* to);
  // In place, on one number more than fft_tables::count: see fft_real-inl.hpp.
  void (*split)(const fft_tables& tables, float* spectrum);
  void (*unite)(const fft_tables& tables, float* spectrum);
};

struct fft_tables {
  std::size_t count = 0;  // complex numbers; of a real transform, half of its length
  fft_code code = {};
  std::vector<fft_pass> passes;  // shortest blocks first
  // For each pass, vector of k < apart, and block but the first: exp(-2 pi i j k / (radix *
  // apart)), a vector of real parts and one of imaginary ones. j is the block's number with its
  // bits reversed.
  aligned_buffer<float> twiddles;
  // Of a real transform: -i/2 exp(-2 pi i k / (2 count)) for k < count / 2, vectors as above.
  aligned_buffer<float> split_twiddles;
};

}  // namespace waitwork::kernels
