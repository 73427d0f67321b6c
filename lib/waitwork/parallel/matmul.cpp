#include <waitwork/parallel/matmul.hpp>

#include <algorithm>

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

template <class T>
void multiply(arena& workers, const kernels::matmul_shape& shape, std::span<const T> a, std::span<const T> b,
              std::span<T> c, std::span<T> scratch) {
  if (workers.workers() == 1 || shape.m <= group_rows || shape.m * shape.n * shape.k < worth_splitting) {
    kernels::matmul(shape, a, b, c, scratch);
    return;
  }
  split(workers, kernels::matmul_pack_parts<T>(shape), 1, [&](const part& parts) {
    for (std::size_t each = parts.begin; each < parts.end; ++each) kernels::matmul_pack(shape, b, scratch, each);
  });
  const std::size_t groups = (shape.m + group_rows - 1) / group_rows;
  split(workers, groups, least_band_rows / group_rows, [&](const part& some) {
    const std::size_t first = some.begin * group_rows;
    kernels::matmul_shape band = shape;
    band.m = std::min(some.end * group_rows, shape.m) - first;
    kernels::matmul_packed(band, a.subspan(first * shape.a_stride), std::span<const T>(scratch),
                           c.subspan(first * shape.c_stride));
  });
}

}  // namespace

template <class T>
std::size_t parallel_matmul_scratch(const kernels::matmul_shape& shape) noexcept {
  return std::max(kernels::matmul_packed_elements<T>(shape), kernels::matmul_scratch<T>(shape));
}
template std::size_t parallel_matmul_scratch<float>(const kernels::matmul_shape& shape) noexcept;
template std::size_t parallel_matmul_scratch<double>(const kernels::matmul_shape& shape) noexcept;

void parallel_matmul(arena& workers, const kernels::matmul_shape& shape, std::span<const float> a,
                     std::span<const float> b, std::span<float> c, std::span<float> scratch) {
  multiply(workers, shape, a, b, c, scratch);
}

void parallel_matmul(arena& workers, const kernels::matmul_shape& shape, std::span<const double> a,
                     std::span<const double> b, std::span<double> c, std::span<double> scratch) {
  multiply(workers, shape, a, b, c, scratch);
}

}  // namespace waitwork
