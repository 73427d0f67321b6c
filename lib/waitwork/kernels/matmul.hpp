#pragma once
// matmul: C = A * B for row-major matrices of float or of double.
//
// Pure: reads a and b, writes c and scratch, and touches nothing else; no thread, no allocation, no
// lock. Any number of calls may run at once on scratch of their own, and a product is split over
// threads by calling this on bands of rows of A and C, or of columns of B and C (a sub-span, the
// same strides).

#include <cstddef>
#include <span>

namespace waitwork::kernels {

// A is m x k, B is k x n, C is m x n. Element (row, column) is at [row * stride + column]; a stride
// is at least the length of a row, and elements between a row's end and the next row are neither
// read nor written.
struct matmul_shape {
  constexpr matmul_shape(std::size_t m_rows, std::size_t n_columns, std::size_t k_inner) noexcept
      : m(m_rows),
        n(n_columns),
        k(k_inner),
        a_stride(k_inner),
        b_stride(n_columns),
        c_stride(n_columns) {}

  std::size_t m;
  std::size_t n;
  std::size_t k;
  std::size_t a_stride;
  std::size_t b_stride;
  std::size_t c_stride;
};

// Elements of scratch that matmul() needs for this shape: 768 KiB and a little at most, whatever the size. T is float
// or double.
template <class T>
std::size_t matmul_scratch(const matmul_shape& shape) noexcept;

// The spans hold at least what the shape says, at any alignment (64 bytes is the fastest); c and
// scratch overlap nothing. Whatever c held is overwritten; with k = 0, by zeros. With m or n = 0
// there is nothing to do.
//
// The order of the k additions, and whether multiplying and adding round once or twice, depend on
// the machine's instruction set: an element differs from the exact sum by at most about k * 2^-24 *
// sum |a||b| (k * 2^-53 for double), and not at all while all partial sums are integers below 2^24
// (2^53).
void matmul(const matmul_shape& shape, std::span<const float> a, std::span<const float> b,
            std::span<float> c, std::span<float> scratch);
void matmul(const matmul_shape& shape, std::span<const double> a, std::span<const double> b,
            std::span<double> c, std::span<double> scratch);

}  // namespace waitwork::kernels
