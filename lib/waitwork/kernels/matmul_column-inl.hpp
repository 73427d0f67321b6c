// SPDX-License-Identifier: Apache-2.0
// matmul_column: where B is a single column, vectors run down k instead of along the columns.
// Includes itself once for each instruction set, as Highway's own -inl.h files do.

#if defined(WAITWORK_KERNELS_MATMUL_COLUMN_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef WAITWORK_KERNELS_MATMUL_COLUMN_INL
#undef WAITWORK_KERNELS_MATMUL_COLUMN_INL
#else
#define WAITWORK_KERNELS_MATMUL_COLUMN_INL
#endif

#include <hwy/highway.h>

#include <cstddef>

#include <waitwork/kernels/matmul.hpp>
#include <waitwork/kernels/matmul_tile-inl.hpp>

HWY_BEFORE_NAMESPACE();
namespace waitwork::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// C[row] = or += A[row] * b, for Rows rows and a single column, which is contiguous.
template <std::size_t Rows, class T>
HWY_INLINE void multiply_column(const matmul_shape& shape, std::size_t inner, const T* a, const T* b, T* c,
                                bool accumulate) {
  const tag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  // Two chains a row: with four rows, eight cover the latency of the multiply-add.
  vector<T> sums[Rows][2];
#pragma GCC unroll 4
  for (std::size_t row = 0; row < Rows; ++row) sums[row][0] = sums[row][1] = hn::Zero(d);
  std::size_t p = 0;
  for (; p + 2 * lanes <= inner; p += 2 * lanes) {
    const vector<T> low = hn::LoadU(d, b + p);
    const vector<T> high = hn::LoadU(d, b + p + lanes);
#pragma GCC unroll 4
    for (std::size_t row = 0; row < Rows; ++row) {
      const T* from = a + row * shape.a_stride + p;
      sums[row][0] = hn::MulAdd(hn::LoadU(d, from), low, sums[row][0]);
      sums[row][1] = hn::MulAdd(hn::LoadU(d, from + lanes), high, sums[row][1]);
    }
  }
#pragma GCC unroll 4
  for (std::size_t row = 0; row < Rows; ++row) {
    T sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(sums[row][0], sums[row][1])));
    for (std::size_t rest = p; rest < inner; ++rest) sum += a[row * shape.a_stride + rest] * b[rest];
    T& target = c[row * shape.c_stride];
    target = accumulate ? target + sum : sum;
  }
}

template <class T>
void multiply_column(const matmul_shape& shape, std::size_t inner, const T* a, const T* b, T* c, bool accumulate) {
  std::size_t row = 0;
  for (; row + 4 <= shape.m; row += 4) {
    multiply_column<4>(shape, inner, a + row * shape.a_stride, b, c + row * shape.c_stride, accumulate);
  }
  for (; row < shape.m; ++row) {
    multiply_column<1>(shape, inner, a + row * shape.a_stride, b, c + row * shape.c_stride, accumulate);
  }
}

}  // namespace
}  // namespace waitwork::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per instruction set
