// SPDX-License-Identifier: Apache-2.0
#include <waitwork/parallel/matmul.hpp>

#include <algorithm>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/check.hpp>
#include <waitwork/parallel/split.hpp>

namespace waitwork {
namespace {

// Multiply-adds below which handing out parts, some ten microseconds in all, costs more than it gains: 20 us of one
// worker at 160 GFLOP/s.
constexpr std::size_t worth_splitting = std::size_t{3} << 19;
// Bands are whole groups of rows, so that all but the last are whole register tiles (6 rows).
constexpr std::size_t group_rows = 24;
// Each band reads all of the packed B once; so many rows use it often enough for that not to matter.
constexpr std::size_t least_band_rows = 120;
// No B larger than this is packed by every worker for itself: it and C's band then stay in a second-level cache.
constexpr std::size_t own_bytes = std::size_t{2} << 20;

template <class T>
bool each_packs(const kernels::matmul_shape& shape) noexcept {
  return shape.k * shape.n * sizeof(T) <= own_bytes;
}

// Of one worker, so that the next one's begins at a cache line.
template <class T>
std::size_t own_scratch(const kernels::matmul_shape& shape) noexcept {
  constexpr std::size_t line = simd_alignment_bytes / sizeof(T);
  return (kernels::matmul_scratch<T>(shape) + line - 1) / line * line;
}

// The rows that a part of the groups stands for.
struct band {
  band(const kernels::matmul_shape& whole, const part& groups) noexcept
      : first(groups.begin * group_rows), shape(whole) {
    shape.m = std::min(groups.end * group_rows, whole.m) - first;
  }
  std::size_t first;
  kernels::matmul_shape shape;
};

template <class T>
void multiply(arena& workers, const kernels::matmul_shape& shape, std::span<const T> a, std::span<const T> b,
              std::span<T> c, std::span<T> scratch) {
  WAITWORK_CHECK(scratch.size() >= parallel_matmul_scratch<T>(shape, workers.workers()),
                 "scratch is as large as parallel_matmul_scratch says");
  if (workers.workers() == 1 || shape.m <= group_rows || shape.m * shape.n * shape.k < worth_splitting) {
    kernels::matmul(shape, a, b, c, scratch);
    return;
  }
  const std::size_t groups = (shape.m + group_rows - 1) / group_rows;
  if (each_packs<T>(shape)) {
    const std::size_t each = own_scratch<T>(shape);
    const auto multiply_band = [&](const part& some) {
      const band rows(shape, some);
      kernels::matmul(rows.shape, a.subspan(rows.first * shape.a_stride), b, c.subspan(rows.first * shape.c_stride),
                      scratch.subspan(some.worker * each, each));
    };
    split(workers, groups, 1, multiply_band, sharing::even);
    return;
  }
  split(workers, kernels::matmul_pack_parts<T>(shape), 1, [&](const part& parts) {
    for (std::size_t each = parts.begin; each < parts.end; ++each) kernels::matmul_pack(shape, b, scratch, each);
  });
  split(workers, groups, least_band_rows / group_rows, [&](const part& some) {
    const band rows(shape, some);
    kernels::matmul_packed(rows.shape, a.subspan(rows.first * shape.a_stride), std::span<const T>(scratch),
                           c.subspan(rows.first * shape.c_stride));
  });
}

}  // namespace

template <class T>
std::size_t parallel_matmul_scratch(const kernels::matmul_shape& shape, unsigned workers) noexcept {
  const std::size_t shared =
      each_packs<T>(shape) ? workers * own_scratch<T>(shape) : kernels::matmul_packed_elements<T>(shape);
  return std::max(shared, own_scratch<T>(shape));
}
template std::size_t parallel_matmul_scratch<float>(const kernels::matmul_shape& shape, unsigned workers) noexcept;
template std::size_t parallel_matmul_scratch<double>(const kernels::matmul_shape& shape, unsigned workers) noexcept;

void parallel_matmul(arena& workers, const kernels::matmul_shape& shape, std::span<const float> a,
                     std::span<const float> b, std::span<float> c, std::span<float> scratch) {
  multiply(workers, shape, a, b, c, scratch);
}

void parallel_matmul(arena& workers, const kernels::matmul_shape& shape, std::span<const double> a,
                     std::span<const double> b, std::span<double> c, std::span<double> scratch) {
  multiply(workers, shape, a, b, c, scratch);
}

}  // namespace waitwork
