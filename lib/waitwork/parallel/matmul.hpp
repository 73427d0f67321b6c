#pragma once
// parallel matmul: one product of matrices by all workers of an arena.

#include <waitwork/kernels/matmul.hpp>
#include <waitwork/parallel/arena.hpp>

#include <cstddef>
#include <span>

namespace waitwork {

// Elements of scratch that parallel_matmul() needs.
template <class T>
std::size_t parallel_matmul_scratch(const kernels::matmul_shape& shape, const arena& workers) noexcept;

// As kernels::matmul(), with the same result bit for bit.
void parallel_matmul(arena& workers, const kernels::matmul_shape& shape, std::span<const float> a,
                     std::span<const float> b, std::span<float> c, std::span<float> scratch);
void parallel_matmul(arena& workers, const kernels::matmul_shape& shape, std::span<const double> a,
                     std::span<const double> b, std::span<double> c, std::span<double> scratch);

}  // namespace waitwork
