// SPDX-License-Identifier: Apache-2.0
#pragma once
// matmul: C = A * B for row-major matrices of float or of double.
//
// Pure: reads a and b, writes c and scratch, and touches nothing else; no thread, no allocation, no
// lock. Any number of calls may run at once on scratch of their own. There are two ways to split a
// product over threads: matmul() on bands of rows of A and C, or of columns of B and C (a sub-span,
// the same strides), where each band of rows reads and packs the whole of B again; or matmul_pack()
// and matmul_packed(), where B is packed once for all.

#include <cstddef>
#include <span>

namespace waitwork::kernels {

// A is m x k, B is k x n, C is m x n. Element (row, column) is at [row * stride + column]; a stride
// is at least the length of a row, and elements between a row's end and the next row are neither
// read nor written.
struct matmul_shape {
  constexpr matmul_shape(std::size_t m_rows, std::size_t n_columns, std::size_t k_inner) noexcept
      : m(m_rows), n(n_columns), k(k_inner), a_stride(k_inner), b_stride(n_columns), c_stride(n_columns) {}

  std::size_t m;
  std::size_t n;
  std::size_t k;
  std::size_t a_stride;
  std::size_t b_stride;
  std::size_t c_stride;
};

// Elements of scratch that matmul() needs for this shape: 512 KiB and a little at most, whatever
// the size. T is float or double.
template <class T>
std::size_t matmul_scratch(const matmul_shape& shape) noexcept;

// The spans hold at least what the shape says, at any alignment (64 bytes is the fastest); c and
// scratch overlap nothing. Whatever c held is overwritten; with k = 0, by zeros. With m or n = 0
// there is nothing to do.
//
// The order of the k additions, and whether multiplying and adding round once or twice, depend on
// the machine's instruction set, on k, and on whether n is 1, but on nothing else: bands give the
// bits of the whole, unless they are a single column wide. An element differs from the exact sum by
// at most about k * 2^-24 * sum |a||b| (k * 2^-53 for double), and not at all while all partial
// sums are integers below 2^24 (2^53).
void matmul(const matmul_shape& shape, std::span<const float> a, std::span<const float> b, std::span<float> c,
            std::span<float> scratch);
void matmul(const matmul_shape& shape, std::span<const double> a, std::span<const double> b, std::span<double> c,
            std::span<double> scratch);

// B packed once, for any number of products and threads:
//
//   for each part in [0, matmul_pack_parts(shape)), by any thread:   matmul_pack(..., part)
//   when all parts are there, for each band of rows, by any thread:  matmul_packed(...)
//
// Packing reads k, n and b_stride of the shape, a product k, n, m, a_stride and c_stride. What is
// packed fits the instruction set of this process, and no other.

// Elements of the packed B: k * n, with n rounded up to whole vectors.
template <class T>
std::size_t matmul_packed_elements(const matmul_shape& shape) noexcept;

// Parts that may be packed at the same time, each a block of B of at most 512 KiB; 0 if B is empty.
template <class T>
std::size_t matmul_pack_parts(const matmul_shape& shape) noexcept;

// Packs one part. `packed` is the whole, aligned to simd_alignment_bytes (base/aligned_buffer.hpp);
// different parts write different elements of it.
void matmul_pack(const matmul_shape& shape, std::span<const float> b, std::span<float> packed, std::size_t part);
void matmul_pack(const matmul_shape& shape, std::span<const double> b, std::span<double> packed, std::size_t part);

// C = A * B for the m rows of a and c, which may be a band of larger ones. The result is that of
// matmul(), bit for bit.
void matmul_packed(const matmul_shape& shape, std::span<const float> a, std::span<const float> packed,
                   std::span<float> c);
void matmul_packed(const matmul_shape& shape, std::span<const double> a, std::span<const double> packed,
                   std::span<double> c);

}  // namespace waitwork::kernels
