#pragma once
// parallel_matmul: one product of matrices by all workers of an arena. B is packed once, by all of them, and then shared;
// each worker multiplies bands of rows of A by it. Bands of C that each pack B for themselves do that work as often as
// there are workers, and fill the shared cache with copies.

#include <waitwork/kernels/matmul.hpp>
#include <waitwork/parallel/arena.hpp>

#include <cstddef>
#include <span>

namespace waitwork {

// Elements of scratch that parallel_matmul() needs: B and a little, or what kernels::matmul() needs. T is float or
// double.
template <class T>
std::size_t parallel_matmul_scratch(const kernels::matmul_shape& shape) noexcept;

// As kernels::matmul(), with the same result bit for bit; but scratch begins at a multiple of simd_alignment_bytes. A
// product too small to be worth splitting is done by the caller alone.
void parallel_matmul(arena& workers, const kernels::matmul_shape& shape, std::span<const float> a,
                     std::span<const float> b, std::span<float> c, std::span<float> scratch);
void parallel_matmul(arena& workers, const kernels::matmul_shape& shape, std::span<const double> a,
                     std::span<const double> b, std::span<double> c, std::span<double> scratch);

}  // namespace waitwork
