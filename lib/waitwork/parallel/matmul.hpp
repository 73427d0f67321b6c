// SPDX-License-Identifier: Apache-2.0
#pragma once
// parallel_matmul: one product of matrices by all workers of an arena. A large B is packed once, by all of them, and
// then shared; each worker multiplies bands of rows of A by it. With a small one each worker does its own band from
// start to end, and packs or reads B for itself: to meet in between costs more.
//
// Two workers, in times of the first way: n = 256 0.83, 512 0.94, 1024 0.99, 2048 1.13; in double precision n = 512
// 0.95, 1024 0.93 (31 turns of 4 ms, 11 of one product at 2048, with a busy host: 1.13 is the difference between taking
// work over from a worker that is held up and not, and 1.00 in the quiet tenth).

#include <cstddef>
#include <span>

#include <waitwork/kernels/matmul.hpp>
#include <waitwork/parallel/arena.hpp>

namespace waitwork {

// Elements of scratch that parallel_matmul() needs: B and a little, or what kernels::matmul() needs for each worker. T
// is float or double.
template <class T>
std::size_t parallel_matmul_scratch(const kernels::matmul_shape& shape, unsigned workers) noexcept;

// As kernels::matmul(), with the same result bit for bit; but scratch begins at a multiple of simd_alignment_bytes. A
// product too small to be worth splitting is done by the caller alone.
void parallel_matmul(arena& workers, const kernels::matmul_shape& shape, std::span<const float> a,
                     std::span<const float> b, std::span<float> c, std::span<float> scratch);
void parallel_matmul(arena& workers, const kernels::matmul_shape& shape, std::span<const double> a,
                     std::span<const double> b, std::span<double> c, std::span<double> scratch);

}  // namespace waitwork
